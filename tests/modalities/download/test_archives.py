"""What unpacking promises: the right tree, or one sentence and nothing changed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import shutil
import stat
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modalities.download.archives import extract
from modalities.errors import BadInput

Tree = dict[str, bytes]
Pack = Callable[[Mapping[str, bytes]], bytes]

TREE: Tree = {
    "set/train/a.wav": random.Random(1).randbytes(3000),
    "set/train/b.wav": b"",
    "set/labels.csv": b"name,label\n" * 300,
    "README": b"512 bytes".ljust(512),
}


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def file_info(name: str, size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def pack_tar(tree: Mapping[str, bytes]) -> bytes:
    return tar_of(*((file_info(name, len(content)), content) for name, content in tree.items()))


def pack_zip(tree: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in tree.items():
            file.writestr(name, content)
    return stream.getvalue()


PACKS: dict[str, Pack] = {
    "tar": pack_tar,
    "tar.gz": lambda tree: gzip.compress(pack_tar(tree)),
    "tar.bz2": lambda tree: bz2.compress(pack_tar(tree)),
    "tar.xz": lambda tree: lzma.compress(pack_tar(tree)),
    "zip": pack_zip,
}
every_kind = pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS.keys())


def tree_of(folder: Path) -> Tree:
    files = (file for file in folder.rglob("*") if file.is_file() and not is_lock(file))
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def is_lock(entry: Path) -> bool:
    return entry.name.startswith(".") and entry.suffix == ".lock" and entry.stat().st_size == 0


def everything(folder: Path) -> dict[str, bytes | None]:
    """What is there, apart from locks."""
    found = (entry for entry in folder.rglob("*") if not is_lock(entry))
    return {str(entry): entry.read_bytes() if entry.is_file() else None for entry in found}


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir() if not is_lock(entry)}


def write(folder: Path, content: bytes) -> Path:
    archive = folder / "archive"
    archive.write_bytes(content)
    return archive


def refused(folder: Path, content: bytes, match: str, max_bytes: int | None = None) -> None:
    """The archive is refused with such a sentence, and nothing changes, whether the folder is there or not."""
    archive = write(folder, content)
    (folder / "there").mkdir(exist_ok=True)
    (folder / "there" / "old").write_text("old")
    before = everything(folder)
    for into in (folder / "there", folder / "new"):
        with pytest.raises(BadInput, match=match) as caught:
            extract(archive, into, max_bytes=max_bytes)
        assert str(archive) in str(caught.value)
        assert everything(folder) == before


# --- the right tree --------------------------------------------------------------------------------------------


@every_kind
def test_the_tree_arrives_whole_and_alone(tmp_path: Path, pack: Pack) -> None:
    archive = write(tmp_path, pack(TREE))
    extract(archive, tmp_path / "deep" / "into")
    assert tree_of(tmp_path / "deep" / "into") == TREE
    assert names_in(tmp_path / "deep") == {"into"}


names = st.lists(st.text("ab.é -", min_size=1, max_size=6), min_size=1, max_size=3).map("/".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tree=st.dictionaries(names, st.binary(max_size=1500), min_size=1, max_size=5), kind=st.sampled_from(sorted(PACKS))
)
def test_what_is_packed_is_what_is_unpacked(tmp_path: Path, tree: Tree, kind: str) -> None:
    parts = [tuple(name.split("/")) for name in tree]
    clash = any(a != b and b[: len(a)] == a for a in parts for b in parts)  # a file and a folder of one name
    if clash or any({".", "..", ""} & set(part) for part in parts):
        return
    shutil.rmtree(tmp_path / "into", ignore_errors=True)
    extract(write(tmp_path, PACKS[kind](tree)), tmp_path / "into")
    assert tree_of(tmp_path / "into") == tree


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs the tar command")
def test_an_archive_of_the_tar_command_is_read(tmp_path: Path) -> None:
    for name, content in TREE.items():
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_bytes(content)
    subprocess.run(["tar", "czf", tmp_path / "a.tgz", "-C", tmp_path / "from", "."], check=True)
    extract(tmp_path / "a.tgz", tmp_path / "into")
    assert tree_of(tmp_path / "into") == TREE


@every_kind
def test_files_that_were_there_stay_unless_the_archive_has_them(tmp_path: Path, pack: Pack) -> None:
    into = tmp_path / "into"
    (into / "set" / "train").mkdir(parents=True)
    (into / "set" / "train" / "a.wav").write_text("old")
    (into / "set" / "train" / "other.wav").write_text("mine")
    extract(write(tmp_path, pack(TREE)), into)
    assert tree_of(into) == {**TREE, "set/train/other.wav": b"mine"}


def test_a_folder_that_is_a_link_is_filled_where_it_points(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "into").symlink_to("disk")
    extract(write(tmp_path, pack_tar(TREE)), tmp_path / "into")
    assert tree_of(tmp_path / "disk") == TREE


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".into.unpacking" / "set").mkdir(parents=True)
    (tmp_path / ".into.unpacking" / "half").write_text("half")
    extract(write(tmp_path, pack_tar(TREE)), tmp_path / "into")
    assert tree_of(tmp_path / "into") == TREE
    assert names_in(tmp_path) == {"archive", "into"}


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_no_file_comes_out_with_set_user_id_or_writable_by_all(tmp_path: Path) -> None:
    info = file_info("tool")
    info.mode = 0o6777
    extract(write(tmp_path, tar_of((info, b""))), tmp_path / "into")
    assert stat.S_IMODE((tmp_path / "into" / "tool").stat().st_mode) & 0o6022 == 0


# --- members that would get out --------------------------------------------------------------------------------

OUTSIDE = ["../evil", "set/../../evil", "/evil", "set/..", "..", "//evil"]


@pytest.mark.parametrize("name", OUTSIDE)
@every_kind
def test_a_member_outside_the_folder_is_refused(tmp_path: Path, pack: Pack, name: str) -> None:
    refused(tmp_path, pack({**TREE, name: b"evil"}), match=f"holds '{name}', which would lie outside")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc", "../..", "README", "../there/old"])
def test_links_are_refused(tmp_path: Path, kind: bytes, target: str) -> None:
    members = [(file_info("README"), b""), (special("link", kind, target), b""), (file_info("link/x", 1), b"x")]
    refused(tmp_path, tar_of(*members), match="holds 'link', which is a link or a device")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_refused(tmp_path: Path, kind: bytes) -> None:
    refused(tmp_path, tar_of((special("dev/sda", kind), b"")), match="holds 'dev/sda', which is a link or a device")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    refused(tmp_path, stream.getvalue(), match="holds 'link', which is a link or a device")


# --- bombs -----------------------------------------------------------------------------------------------------


@every_kind
def test_content_of_more_than_the_limit_is_refused(tmp_path: Path, pack: Pack) -> None:
    content = pack({"a": bytes(600), "b": bytes(400)})
    refused(tmp_path, content, match="unpacks to more than 999 bytes", max_bytes=999)
    extract(tmp_path / "archive", tmp_path / "into", max_bytes=10_240)  # what tar makes of it


def test_the_limit_is_exact(tmp_path: Path) -> None:
    content = pack_zip({"a": bytes(600), "b": bytes(512)})
    refused(tmp_path, content, match="unpacks to more than 1,111 bytes", max_bytes=1111)
    extract(tmp_path / "archive", tmp_path / "into", max_bytes=1112)


@every_kind
def test_empty_files_and_folders_count_since_they_too_fill_a_disk(tmp_path: Path, pack: Pack) -> None:
    refused(tmp_path, pack({f"{k}": b"" for k in range(100)}), match="unpacks to more than", max_bytes=51_199)
    refused(tmp_path, pack({"a/" * 100 + "x": b""}), match="unpacks to more than", max_bytes=51_199)
    refused(tmp_path, pack({"x": b""}), match="unpacks to more than", max_bytes=1)


def with_pax_header(kind: bytes, records: Mapping[str, int]) -> bytes:
    """A header that gives each keyword so many letters."""
    body = b""
    for keyword, letters in records.items():
        rest = f" {keyword}=".encode() + b"x" * letters + b"\n"
        length = len(rest) + len(str(len(rest) + 7))
        body += b"%d" % length + rest
    header = special("header", kind)
    header.size = len(body)
    return header.tobuf() + body + bytes(-len(body) % 512)


def test_global_headers_do_not_add_up_in_memory(tmp_path: Path) -> None:
    headers = [with_pax_header(tarfile.XGLTYPE, {f"key{k}": 900_000}) for k in range(24)]
    tar = b"".join(header + file_info(f"file{k}").tobuf() for k, header in enumerate(headers))
    content = gzip.compress(tar + bytes(1024), 1)
    tracemalloc.start()
    try:
        refused(tmp_path, content, match="global headers of impossible length")
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def test_the_bytes_of_headers_count(tmp_path: Path) -> None:
    headers = with_pax_header(tarfile.XHDTYPE, {"comment": 900_000})
    tar = b"".join(headers + file_info(f"file{k}").tobuf() for k in range(3)) + bytes(1024)
    refused(tmp_path, gzip.compress(tar), match="unpacks to more than 2,000,000 bytes", max_bytes=2_000_000)
    extract(tmp_path / "archive", tmp_path / "into", max_bytes=3_000_000)


def test_a_global_comment_as_git_writes_it_is_no_bomb(tmp_path: Path) -> None:
    comment = with_pax_header(tarfile.XGLTYPE, {"comment": 40})
    extract(write(tmp_path, comment + pack_tar(TREE)), tmp_path / "into")
    assert tree_of(tmp_path / "into") == TREE


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modalities.download.archives._ALWAYS_ALLOWED", 1 << 20)
    content = PACKS[kind]({"zeros": bytes(16 << 20)})
    refused(tmp_path, content, match=r"unpacks to more than [\d,]+ bytes")


@every_kind
def test_more_than_the_free_space_is_refused(tmp_path: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda where: usage._replace(free=1000))
    refused(tmp_path, pack(TREE), match="unpacks to more than 1,000 bytes, which is all that is allowed or free")


def test_a_zip_that_declares_less_than_it_holds_gives_no_more(tmp_path: Path) -> None:
    content = bytearray(pack_zip({"zeros": bytes(100_000)}))
    size = (100_000).to_bytes(4, "little")
    lie = content.replace(size, (10).to_bytes(4, "little"))
    assert lie != content
    refused(tmp_path, bytes(lie), match="is damaged", max_bytes=1000)


def test_zeros_behind_the_end_of_a_tar_are_not_read_for_ever(tmp_path: Path) -> None:
    refused(tmp_path, gzip.compress(pack_tar(TREE) + bytes(17 << 20), 1), match="endless padding")


def test_a_header_extension_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    header = special("long", tarfile.GNUTYPE_LONGNAME)
    header.size = 17 << 20
    content = gzip.compress(header.tobuf() + b"a" * header.size + pack_tar(TREE), 1)
    refused(tmp_path, content, match="a header of impossible length")


def test_a_member_of_negative_size_is_refused(tmp_path: Path) -> None:
    header = file_info("loop")
    header.size = -512  # reading would go round and round
    refused(tmp_path, header.tobuf(tarfile.GNU_FORMAT) + bytes(2048), match="is damaged")


# --- damage ----------------------------------------------------------------------------------------------------


def unpack_or_refuse(folder: Path, content: bytes) -> Tree | None:
    """The tree, or None when the archive is refused and nothing is left."""
    shutil.rmtree(folder / "into", ignore_errors=True)
    archive = write(folder, content)
    try:
        extract(archive, folder / "into")
    except BadInput as error:
        assert str(archive) in str(error)
        assert names_in(folder) == {"archive"}
        return None
    return tree_of(folder / "into")


damage = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@every_kind
@damage
@given(data=st.data())
def test_a_truncated_archive_is_refused(tmp_path: Path, pack: Pack, data: st.DataObject) -> None:
    whole = pack(TREE)
    content = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert unpack_or_refuse(tmp_path, content) in (None, TREE)  # the last blocks of a tar are padding


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz", "zip"])
@damage
@given(data=st.data())
def test_one_damaged_byte_never_gives_another_tree(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    content = bytearray(PACKS[kind](TREE))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    assert unpack_or_refuse(tmp_path, bytes(content)) in (None, TREE)


def test_no_damaged_length_in_a_zips_directory_swallows_the_members_after_it(tmp_path: Path) -> None:
    whole = PACKS["zip"](TREE)
    for place in range(whole.index(b"PK\1\2"), len(whole)):
        for flip in (1, 16, 255):
            content = bytearray(whole)
            content[place] ^= flip
            assert unpack_or_refuse(tmp_path, bytes(content)) in (None, TREE), place


@damage
@given(byte=st.integers(0, 511), flip=st.integers(1, 255))
def test_a_damaged_header_inside_a_tar_is_not_taken_for_its_end(tmp_path: Path, byte: int, flip: int) -> None:
    content = bytearray(pack_tar(TREE))
    second = content.index(b"set/train/b.wav")
    content[second + byte] ^= flip
    assert unpack_or_refuse(tmp_path, bytes(content)) in (None, TREE)


def test_truncation_is_called_damage(tmp_path: Path) -> None:
    for pack in PACKS.values():
        content = pack(TREE)
        refused(tmp_path, content[: len(content) // 2], match="is damaged or cut short .*fetch it again")


# --- what is no such archive -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>please log in</html>", gzip.compress(b"no tar"), bytes(2000)],
    ids=["empty", "web page", "gzip of no tar", "zeros"],  # a gzip header holds the time, and ids must not
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, content, match="neither a tar nor a zip|is damaged")


@pytest.mark.parametrize("start", [b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c"], ids=["rar", "7z"])
def test_rar_and_7z_say_how_to_unpack_by_hand(tmp_path: Path, start: bytes) -> None:
    refused(tmp_path, start + bytes(100), match="by hand")


def test_a_zip_is_refused_whose_packing_may_ask_for_any_memory(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("a", b"a" * 100)
    refused(tmp_path, stream.getvalue(), match="packed with LZMA; unpack it by hand")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(pack_zip({"a": b"a"}))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    refused(tmp_path, bytes(content), match="unpack it by hand with its password")


def test_an_absent_archive_ends_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"the archive .*absent\.zip cannot be opened"):
        extract(tmp_path / "absent.zip", tmp_path / "into")
    assert not (tmp_path / "into").exists()


@every_kind
def test_a_file_where_the_archive_has_a_folder_ends_in_a_sentence(tmp_path: Path, pack: Pack) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "set").write_text("a file")
    with pytest.raises(BadInput, match="set is a file where the archive has a folder"):
        extract(write(tmp_path, pack(TREE)), tmp_path / "into")
    assert (tmp_path / "into" / "set").read_text() == "a file"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk, which only root may")
@every_kind
def test_a_disk_that_fills_up_ends_in_a_sentence(tmp_path: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        usage = shutil.disk_usage("/")
        monkeypatch.setattr(shutil, "disk_usage", lambda where: usage._replace(free=1 << 30))
        with pytest.raises(BadInput, match="the disk is full"):
            extract(write(tmp_path, pack({"big": random.Random(2).randbytes(200_000)})), disk)
        assert names_in(disk) == set()
    finally:
        subprocess.run(["umount", disk], check=True)
