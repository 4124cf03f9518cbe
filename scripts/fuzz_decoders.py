"""What ``fuzz.py`` sends its files through: every place that decodes bytes from outside, with whole files to damage."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import lzma
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

Seeds = Callable[[Path], list[bytes]]
SIDE = 24  # pixels of the pictures, so that a file is read in a millisecond


@dataclass(frozen=True)
class Decoder:
    """One way in.

    Args:
        what: in words.
        place: of the file below the root; its name tells some libraries what it is.
        seeds: writes what else must lie below the root and returns whole files.
        read: decodes the file at its place, as the suite does.
        text: whether the file is text.
        mend: gives a damaged file right checksums, behind which the deeper layers are.
    """

    name: str
    what: str
    place: str
    seeds: Seeds
    read: Callable[[Path], object]
    text: bool = False
    mend: Callable[[bytes], bytes] | None = None


# --- pictures ----------------------------------------------------------------------------------------------------


@cache
def _pictures() -> list[Any]:
    from PIL import Image

    from modalities.image.samples import stand_ins

    return [Image.fromarray(pixels) for pixels in stand_ins(0, "fuzz", 4, 4, SIDE)[0]]


def _saved(format: str, *changes: tuple[str | None, dict[str, Any]]) -> Seeds:
    """Stand-in pictures in a format, each in another mode and with other settings."""

    def seeds(root: Path) -> list[bytes]:
        found = []
        for picture, (mode, settings) in zip(_pictures() * 4, changes, strict=False):
            stream = io.BytesIO()
            if mode == "I;16":
                from PIL import Image

                picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
            elif mode:
                picture = picture.convert(mode)
            picture.save(stream, format, **settings)
            found.append(stream.getvalue())
        return found

    return seeds


def _exif() -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    return exif.tobytes()


def _picture(root: Path, *, place: str) -> None:
    """The readers of a source and of a dataset's item; both are asked, whatever the first says."""
    from modalities.base import BadInput
    from modalities.image.folder import ImageReader
    from modalities.image.source import decode
    from modalities.listing import Listing, Row

    refused = None
    try:
        assert decode(root / place).shape[2] == 3
    except BadInput as error:
        refused = error
    item = Listing([Row(root / place, 0, "a", "a")], ImageReader(32))[0]
    assert item.data.shape == (1, 3, 32, 32)
    if refused:
        raise refused


def _mend_png(data: bytes) -> bytes:
    """Right check sums of the chunks."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        out += data[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length
    return bytes(out + data[at:])


def _image(format: str, *changes: tuple[str | None, dict[str, Any]], mend: Any = None) -> Decoder:
    place = f"item.{format.lower()}"
    what = f"{format} as an image source and as a dataset's item"
    return Decoder(format.lower(), what, place, _saved(format, *changes), partial(_picture, place=place), mend=mend)


# --- recordings and clips ----------------------------------------------------------------------------------------


def _sounds(*kinds: tuple[str, str, int, int]) -> Seeds:
    """Sounds of (format, subtype, rate, channels)."""

    def seeds(root: Path) -> list[bytes]:
        import soundfile

        found = []
        for format, subtype, rate, channels in kinds:
            stream, at = io.BytesIO(), np.arange(rate // 4) / rate
            wave = np.stack([0.3 * np.sin(2 * np.pi * 500 * (k + 1) * at) for k in range(channels)], axis=1)
            soundfile.write(stream, wave, rate, format=format, subtype=subtype)
            found.append(_mend_ogg(stream.getvalue(), b"fuzz") if format == "OGG" else stream.getvalue())
        return found

    return seeds


def _recording(root: Path, *, place: str) -> None:
    """The readers of a source, of windows and of parts of a dataset's item."""
    from modalities.audio.files import read_windows
    from modalities.audio.source import read_recording
    from modalities.audio.targets._parts import Part, read_part, seconds
    from modalities.base import BadInput

    refused = None
    for read in (
        lambda: read_recording(root / place, 16_000),
        lambda: read_windows(root / place, 16_000, 1600, 3),
        lambda: seconds(root / place),
        lambda: read_part(Part(root / place, 1, 2), 16_000, 1600),
    ):
        try:
            read()
        except BadInput as error:
            refused = error
    if refused:
        raise refused


def _mend_ogg(data: bytes, serial: bytes = b"") -> bytes:
    """Right check sums of the pages of an Ogg file, and one number of the stream, which writers draw at random."""
    out, at = bytearray(data), data.find(b"OggS")
    while at >= 0 and at + 27 <= len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        if serial:
            out[at + 14 : at + 18] = serial
        out[at + 22 : at + 26] = bytes(4)
        out[at + 22 : at + 26] = _ogg_sum(bytes(out[at:end])).to_bytes(4, "little")
        at = data.find(b"OggS", at + 27)
    return bytes(out)


@cache
def _ogg_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 1 << 31 else 0)) & 0xFFFFFFFF
        table.append(value)
    return tuple(table)


def _ogg_sum(page: bytes) -> int:
    table, value = _ogg_table(), 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    return value


def _sound(name: str, suffix: str, *kinds: tuple[str, str, int, int], mend: Any = None) -> Decoder:
    what = f"{name.upper()} as an audio source and as a dataset's item, in windows and in parts"
    return Decoder(
        name, what, f"item.{suffix}", _sounds(*kinds), partial(_recording, place=f"item.{suffix}"), mend=mend
    )


def _films(suffix: str) -> Seeds:
    def seeds(root: Path) -> list[bytes]:
        from modalities.video import sample
        from modalities.video.targets import _kinetics400_sample as h264

        frames = np.stack([np.asarray(picture.resize((48, 32))) for picture in (_pictures() * 2)[:6]])
        path = root / f"whole.{suffix}"
        ways: list[Callable[[], None]] = [
            lambda: h264.write(path, frames),
            lambda: h264.write(path, frames, uneven=True),
            lambda: h264.write(path, frames, turned=True),
        ]
        if suffix == "avi":
            ways = [lambda: sample.write(path, frames), lambda: sample.write(path, frames[:5], 25)]
        found = []
        for write in ways:
            write()
            found.append(path.read_bytes())
        path.unlink()
        return found

    return seeds


def _film(root: Path, *, place: str) -> None:
    """The readers of a source and of a dataset's item."""
    from modalities.base import BadInput
    from modalities.video.clips import ClipReader
    from modalities.video.source import _clip

    refused = None
    try:
        frames, times = _clip(root / place)
        assert len(frames) == len(times)
    except BadInput as error:
        refused = error
    assert ClipReader(4, 0.8, 2, 32)(root / place).shape == (2, 3, 4, 32, 32)
    if refused:
        raise refused


def _video(name: str, what: str) -> Decoder:
    place = f"item.{name}"
    return Decoder(name, f"{what} as a video source and as a dataset's item", place, _films(name),
                   partial(_film, place=place))  # fmt: skip


# --- files of datasets -------------------------------------------------------------------------------------------


def _of_sample(make: Callable[[], Any], places: Sequence[str]) -> Seeds:
    """Write a target's stand-in and return the files that are to be damaged."""

    def seeds(root: Path) -> list[bytes]:
        make().write_sample(root, 0)
        return [(root / place).read_bytes() for place in places]

    return seeds


def _small(target: str, items: tuple[int, int] = (12, 6)) -> Any:
    """A registered adapter whose stand-in is small."""
    from modalities.registry import target as registered

    adapter = registered(target)
    if hasattr(adapter, "sample_items"):
        adapter.sample_items = items
    return adapter


def _target(root: Path, *, target: str) -> None:
    """Look at a target's data, then read the first and last item of each split; ImageNet's lists are of its test."""
    from modalities import registry
    from modalities.base import BadInput

    adapter, refused = registry.target(target), None
    view = registry.modality(adapter.info.modality).view_type()
    try:
        adapter.status(root)
    except BadInput as error:
        refused = error
    for split in (adapter.train, adapter.test)[target == "imagenet100" :]:
        try:
            found = split(root, view)
            for index in {0, len(found) - 1}:
                assert found[index].label == found.labels[index]
        except BadInput as error:
            refused = error
    if refused:
        raise refused


def _dataset(
    name: str, target: str, what: str, place: str, *, text: bool = True, seeds: Seeds | None = None
) -> Decoder:
    make = partial(_small, target)
    return Decoder(name, what, place, seeds or _of_sample(make, [place]), partial(_target, target=target), text)


def _cifar(root: Path) -> list[bytes]:
    """Batches as this suite and as Python 2 and numpy 1 wrote them, with the names that only the latter have."""
    _small("cifar10", (20, 4)).write_sample(root, 0)
    own = (root / "cifar-10-batches-py" / "test_batch").read_bytes()
    batch = pickle.loads(own)
    names = [f"picture_{i:03}.png" for i in range(300)]
    official = pickle.dumps({**batch, "batch_label": "testing batch 1 of 1", "filenames": names}, protocol=2)
    return [own, official, official.replace(b"numpy._core", b"numpy.core")]


def _mats(root: Path, *, compressed: bool, target: str) -> list[bytes]:
    from scipy.io import savemat

    def saved(content: dict[str, Any]) -> bytes:
        stream = io.BytesIO()
        savemat(stream, content, do_compression=compressed)
        return b"MATLAB 5.0 MAT-file".ljust(116) + stream.getvalue()[116:]  # without the time

    if target == "flowers102":
        adapter = _small("flowers102")
        adapter.write_sample(root, 0)
        from modalities.image.mat import load_mat

        labels = load_mat(root / "flowers-102" / "imagelabels.mat", "labels")
        return [saved({"labels": labels[None]}), saved({"labels": labels[None], "more": np.eye(3)})]
    wnids = _small("imagenet100").info.classes[:6]
    kit = root / "imagenet" / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True, exist_ok=True)
    (root / "imagenet" / "val").mkdir()
    _pictures()[0].save(root / "imagenet" / "val" / "ILSVRC2012_val_00000001.JPEG")
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("1\n2\n6\n")
    synsets = np.zeros((len(wnids), 1), [(f, object) for f in ("ILSVRC2012_ID", "WNID", "words", "num_children")])
    for i, wnid in enumerate(wnids):
        synsets[i, 0] = (i + 1, wnid, "a word, another", 0)
    return [saved({"synsets": synsets}), saved({"other": np.eye(2), "synsets": synsets})]


def _truth(root: Path) -> list[bytes]:
    kit = _mats(root, compressed=True, target="imagenet100")[0]
    (root / "imagenet" / "ILSVRC2012_devkit_t12" / "data" / "meta.mat").write_bytes(kit)
    return [b"1\n2\n3\n", b"6\r\n5\r\n4\r\n"]


def _own_table(root: Path) -> list[bytes]:
    import soundfile

    for name in "ab":
        soundfile.write(root / f"{name}.wav", np.sin(np.arange(4000) / 9) / 3, 8000)
    rows = [("file", "class", "split", "group"), ("a.wav", "low", "train", "x"), ("b.wav", "high", "test", "y,z")]
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return [stream.getvalue().encode()]


def _read_own_table(root: Path) -> None:
    from modalities.audio.folder import AudioFolderTarget
    from modalities.audio.options import AudioView
    from modalities.base import TargetInfo

    class Own(AudioFolderTarget):
        info = TargetInfo("own", "Own", "audio", ("low", "high"), 1, 1, "", "", "", 0, "file")

        def home(self, root: Path) -> Path:
            return root

    Own().status(root)
    for split in (Own().train(root, AudioView()), Own().test(root, AudioView())):
        assert split[0].data.dtype.is_signed


def _nsynth(root: Path) -> list[bytes]:
    import soundfile

    from modalities.audio.targets.nsynth11 import FAMILIES

    notes = {
        f"{family}_acoustic_00{i}-060-100": {
            "instrument_family": i, "instrument_family_str": family, "instrument_str": f"{family}_acoustic_00{i}",
            "pitch": 60, "qualities": [0, 1], "note_str": "a", "sample_rate": 16000,
        }
        for i, family in enumerate(FAMILIES[:4])
    }  # fmt: skip
    table = json.dumps(notes, indent=1).encode()
    for part in ("train", "test"):
        audio = root / "nsynth11" / f"nsynth-{part}" / "audio"
        audio.mkdir(parents=True)
        for name in notes:
            soundfile.write(audio / f"{name}.wav", np.sin(np.arange(16_000) / 9) / 3, 16_000)
        (audio.parent / "examples.json").write_bytes(table)
    return [table, json.dumps(notes).encode()]


# --- archives ----------------------------------------------------------------------------------------------------

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
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as file:
            for name, content in _TREE.items():
                file.writestr(zipfile.ZipInfo(name), content, method)
        found.append(stream.getvalue())
    return found


def _mend_tar(data: bytes) -> bytes:
    """Right check sums of every block that looks like a header."""
    out = bytearray(data)
    for at in range(0, len(out) - 511, 512):
        if out[at + 257 : at + 262] == b"ustar":
            out[at + 148 : at + 156] = b" " * 8
            out[at + 148 : at + 156] = b"%06o\0 " % sum(out[at : at + 512])
    return bytes(out)


def _mend_targz(data: bytes) -> bytes:
    """A damaged archive whose compression is whole: what the gzip damage leaves, else a tar damaged in its place."""
    try:
        inner = zlib.decompressobj(31).decompress(data, 1 << 20)
    except zlib.error:
        inner = b""
    if not inner:  # take the damaged bytes for those of a tar
        inner = data
    return gzip.compress(_mend_tar(inner), 1, mtime=0)


def _unpack(root: Path, *, place: str) -> None:
    """Unpack into a folder; nothing may appear anywhere else."""
    import shutil

    from modalities.archives import extract

    outside = {path.name for path in root.iterdir()}
    try:
        extract(root / place, root / "into")
    finally:
        links = [
            path for path in (root / "into").rglob("*") if path.is_symlink() or not (path.is_file() or path.is_dir())
        ]
        shutil.rmtree(root / "into", ignore_errors=True)
        left = {path.name for path in root.iterdir()} - outside - {".into.lock"}
        assert not left and not links, f"unpacking left {left} {links}"


def _archive(name: str, suffix: str, seeds: Seeds, mend: Any = None) -> Decoder:
    place = f"item.{suffix}"
    return Decoder(name, f"{suffix} archives", place, seeds, partial(_unpack, place=place), mend=mend)


# --- our own files -----------------------------------------------------------------------------------------------


def _network() -> Any:
    import torch

    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))


def _weights(root: Path) -> list[bytes]:
    from benchmark.networks import save_weights

    save_weights(_network(), root / "whole")
    return [(root / "whole").read_bytes()]


def _read_weights(root: Path) -> None:
    from benchmark.networks import load_weights

    load_weights(_network(), root / "item.safetensors")


def _checkpoint(root: Path) -> list[bytes]:
    import torch

    from benchmark.checkpoints import Checkpoints

    network = _network()
    optimiser = torch.optim.AdamW(network.parameters())
    network(torch.ones(2, 4)).sum().backward()
    optimiser.step()
    Checkpoints(root / "whole", "student").save(7, network, optimiser, [(7, 0.1, 0.5)])
    return [next((root / "whole").iterdir()).read_bytes()]


def _mend_checkpoint(data: bytes) -> bytes:
    """A right header and hash: what somebody would do who means harm."""
    from benchmark.checkpoints import HEADER

    payload = data[len(HEADER) + 65 :]
    return HEADER + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def _read_checkpoint(root: Path) -> None:
    """A damaged checkpoint is passed over: none is found, and nothing is raised."""
    from benchmark.checkpoints import Checkpoints
    from modalities.base import BadInput

    if Checkpoints(root, "student").newest() is None:
        raise BadInput("it is passed over, as it should be")


def _store(root: Path) -> Any:
    """A store with one cell, done."""
    from benchmark.records import Asked, Predictions, Record, Store, cell_id, row_id

    axes: dict[str, Any] = {
        "modality": "image", "target": "digits", "fold": 1, "source": "deadleaves", "policy": "published",
        "recipe": "quick", "teacher": "wrn-16-1", "student": "wrn-10-1", "profile": "demo", "data": "shipped",
    }  # fmt: skip
    asked = Asked(id=cell_id({**axes, "seed": 0}), row=row_id({**axes, "seed": 0}), seed=0, **axes)
    store = Store(root)
    record = Record(
        id=asked.id, row=asked.row, seed=0, status="done", config={"recipe": {"steps": 10}}, provenance={"commit": "a"},
        metrics={"items": 2.0, "top1": 0.5, "fidelity": 0.5, "top5": 1.0, "kl": None},
        controls={"chance": 0.1, "majority": 0.1, "untrained": 0.1, "teacher_top1": 0.9}, segments=100,
        seconds={"distil": 1.5}, **{**axes, "source": {"name": "deadleaves", "sha256": "ab", "description": "leaves"}},
    )  # fmt: skip
    store.write_manifest("all", {"targets": ["digits"]}, [asked])
    logp = np.log(np.full((2, 10), 0.1, np.float16))
    curve = [{"step": 1.0, "lr": 0.1, "loss": 2.0}, {"step": 2.0, "lr": 0.1, "loss": 1.5}]
    store.write(record, predictions=Predictions(["a", "b"], np.array([1, 2]), logp), curve=curve)
    return store


def _kept_file(name: str) -> tuple[str, Seeds]:
    """Place and content of one of a cell's files, which are the same whenever they are written."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _store(root)
        place = next(path for path in root.rglob(name)).relative_to(root)

    def seeds(root: Path) -> list[bytes]:
        _store(root)
        return [(root / place).read_bytes()]

    return str(place), seeds


def _read_store(root: Path, *, tables: bool) -> None:
    from benchmark.leaderboard import leaderboard
    from benchmark.leaderboard_formats import to_csv, to_json
    from benchmark.records import Store
    from modalities.base import BadInput

    store, refused = Store(root), None
    id = next((root / "cells").iterdir()).name
    for read in (store.read, store.predictions, store.curve):
        try:
            read(id)
        except BadInput as error:
            refused = error
    if tables:
        frame = leaderboard(store)
        assert to_csv(frame) and to_json(frame)
    if refused:
        raise refused


def _kept(name: str, what: str, file: str, *, text: bool, mend: Any = None) -> Decoder:
    place, seeds = _kept_file(file)
    return Decoder(name, what, place, seeds, partial(_read_store, tables="leaderboard" in what), text, mend)


_HMDB = "hmdb51/testTrainMulti_7030_splits/wave_test_split1.txt"
_FLOWERS = partial(_dataset, target="flowers102", place="flowers-102/imagelabels.mat", text=False)
_KIT = partial(_dataset, target="imagenet100", place="imagenet/ILSVRC2012_devkit_t12/data/meta.mat", text=False)

_ALL = (
    _image("JPEG", (None, {}), ("L", {}), ("CMYK", {}), (None, {"progressive": True, "exif": _exif()})),
    _image("PNG", (None, {}), ("L", {}), ("P", {}), ("RGBA", {}), ("1", {}), ("I;16", {}), (None, {"exif": _exif()}),
           ("P", {"transparency": 3}), mend=_mend_png),
    _image("BMP", (None, {}), ("L", {}), ("P", {}), ("1", {}), ("RGBA", {})),
    _image("WEBP", (None, {}), ("RGBA", {"lossless": True}), (None, {"exif": _exif()})),
    _image("TIFF", (None, {}), ("L", {"compression": "tiff_lzw"}), (None, {"compression": "tiff_deflate"}),
           ("1", {"compression": "group4"}), ("CMYK", {"compression": "packbits"}), ("I;16", {}), ("F", {}),
           (None, {"compression": "jpeg"})),
    _image("GIF", (None, {}), ("L", {}), ("1", {"interlace": 1})),
    _image("PPM", (None, {}), ("L", {}), ("1", {})),
    _sound("wav", "wav", ("WAV", "PCM_16", 16_000, 1), ("WAV", "FLOAT", 8000, 2), ("WAV", "PCM_U8", 22_050, 1),
           ("WAV", "IMA_ADPCM", 16_000, 1), ("WAV", "MS_ADPCM", 16_000, 2), ("WAVEX", "PCM_24", 48_000, 2),
           ("WAV", "ULAW", 8000, 1)),
    _sound("flac", "flac", ("FLAC", "PCM_16", 16_000, 1), ("FLAC", "PCM_24", 44_100, 2), ("FLAC", "PCM_S8", 8000, 1)),
    _sound("vorbis", "ogg", ("OGG", "VORBIS", 16_000, 1), ("OGG", "VORBIS", 44_100, 2), mend=_mend_ogg),
    _sound("opus", "ogg", ("OGG", "OPUS", 16_000, 1), ("OGG", "OPUS", 48_000, 2), mend=_mend_ogg),
    _sound("mp3", "mp3", ("MP3", "MPEG_LAYER_III", 16_000, 1), ("MP3", "MPEG_LAYER_III", 44_100, 2)),
    _video("mp4", "H.264 in MP4"),
    _video("avi", "MPEG-4 in AVI"),
    _dataset("cifar", "cifar10", "CIFAR's pickles", "cifar-10-batches-py/test_batch", text=False, seeds=_cifar),
    _dataset("cifar-labels", "cifar100", "CIFAR-100's pickles, as text is damaged", "cifar-100-python/test"),
    _dataset("stl10-labels", "stl10", "STL-10's labels", "stl10_binary/test_y.bin", text=False),
    _dataset("stl10-pictures", "stl10", "STL-10's pictures", "stl10_binary/test_X.bin", text=False),
    _dataset("stl10-folds", "stl10", "STL-10's list of folds", "stl10_binary/fold_indices.txt"),
    _FLOWERS("mat-labels", what="Flowers' .mat", seeds=partial(_mats, compressed=False, target="flowers102")),
    _FLOWERS("mat-labels-zip", what="Flowers' .mat, compressed",
             seeds=partial(_mats, compressed=True, target="flowers102")),
    _KIT("mat-kit", what="ImageNet's .mat", seeds=partial(_mats, compressed=False, target="imagenet100")),
    _KIT("mat-kit-zip", what="ImageNet's .mat, compressed",
         seeds=partial(_mats, compressed=True, target="imagenet100")),
    _dataset("imagenet-truth", "imagenet100", "ImageNet's list of labels",
             "imagenet/ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", seeds=_truth),
    _dataset("pets", "pets37", "Pets' list", "oxford-iiit-pet/annotations/test.txt"),
    _dataset("places", "places365", "Places365's list", "places365/places365_val.txt"),
    _dataset("esc50", "esc50", "ESC-50's table", "esc50/ESC-50-master/meta/esc50.csv"),
    _dataset("speechcommands", "speechcommands", "Speech Commands' list",
             "SpeechCommands/speech_commands_v0.02/testing_list.txt"),
    _dataset("nsynth", "nsynth11", "NSynth's JSON", "nsynth11/nsynth-test/examples.json", seeds=_nsynth),
    _dataset("kinetics", "kinetics400", "Kinetics' table", "kinetics400/annotations/val.csv"),
    _dataset("ucf101", "ucf101", "UCF101's list", "ucf101/ucfTrainTestlist/testlist01.txt"),
    _dataset("hmdb51", "hmdb51", "HMDB51's list", _HMDB),
    Decoder("files-csv", "files.csv of a dataset of one's own", "files.csv", _own_table, _read_own_table, True),
    _archive("tar", "tar", _tars, _mend_tar),
    _archive("tar-gz", "tar.gz", partial(_tars, compress=partial(gzip.compress, mtime=0)), _mend_targz),
    _archive("tar-xz", "tar.xz", partial(_tars, compress=lzma.compress)),
    _archive("zip", "zip", _zips),
    Decoder("safetensors", "weights", "item.safetensors", _weights, _read_weights),
    Decoder("checkpoint", "checkpoints, half of them with the right hash", "student-000000007.ckpt", _checkpoint,
            _read_checkpoint, mend=_mend_checkpoint),
    _kept("record", "record.json, and the leaderboard", "record.json", text=True),
    _kept("manifest", "manifests, and the leaderboard", "all-*.json", text=True),
    _kept("predictions", "predictions.npz", "predictions.npz", text=False),
    _kept("curve", "curve.csv", "curve.csv", text=True),
)  # fmt: skip
DECODERS = {decoder.name: decoder for decoder in _ALL}
