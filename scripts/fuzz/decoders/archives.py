"""Archives: whole ones to damage, and what unpacks them."""

from __future__ import annotations

import gzip
import io
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from modalities.download.archives import extract

from .base import Decoder, item

_TREE = {"a/one.txt": b"one" * 200, "a/b/two.bin": bytes(range(256)) * 5, "three": b""}


def _tars(root: Path, *, compress: Callable[[bytes], bytes] = bytes) -> list[bytes]:
    found = []
    for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:", format=format) as tar:
            for name, content in {**_TREE, "d" * 120 + "/é": b"long"}.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        found.append(compress(stream.getvalue()))
    return found


def _zips(root: Path) -> list[bytes]:
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as file:
            for name, content in _TREE.items():
                file.writestr(zipfile.ZipInfo(name), content, method)
        found.append(stream.getvalue())
    return found


def _fix_tar(data: bytes) -> bytes:
    """Correct the checksum of every block that looks like a header."""
    out = bytearray(data)
    for at in range(0, len(out) - 511, 512):
        if out[at + 257 : at + 262] == b"ustar":
            out[at + 148 : at + 156] = b" " * 8
            out[at + 148 : at + 156] = b"%06o\0 " % sum(out[at : at + 512])
    return bytes(out)


def _fix_targz(data: bytes) -> bytes:
    """Compress what decompression yields, or else the damaged bytes themselves, so that the damage is in the tar."""
    try:
        inner = zlib.decompressobj(31).decompress(data, 1 << 20)
    except zlib.error:
        inner = b""
    return gzip.compress(_fix_tar(inner or data), 1, mtime=0)


def _unpack(root: Path) -> None:
    """Unpack into a folder; nothing may appear anywhere else, and no link or device in it."""
    outside = {path.name for path in root.iterdir()}
    try:
        extract(item(root), root / "into")
    finally:
        unpacked = (root / "into").rglob("*")
        links = [path for path in unpacked if path.is_symlink() or not (path.is_file() or path.is_dir())]
        shutil.rmtree(root / "into", ignore_errors=True)
        left = {path.name for path in root.iterdir()} - outside - {".into.lock"}
        assert not left and not links, f"unpacking left {left} {links}"


def _archive(name: str, suffix: str, seeds: Callable[[Path], list[bytes]], fix: Any = None) -> Decoder:
    return Decoder(name, f"{suffix} archives", f"item.{suffix}", seeds, _unpack, fix_checksums=fix)


DECODERS = (
    _archive("tar", "tar", _tars, _fix_tar),
    _archive("tar-gz", "tar.gz", partial(_tars, compress=partial(gzip.compress, mtime=0)), _fix_targz),
    _archive("tar-xz", "tar.xz", partial(_tars, compress=lzma.compress)),
    _archive("zip", "zip", _zips),
)  # fmt: skip
