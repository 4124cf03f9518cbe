"""Tables, pickles and lists of datasets: whole ones to damage, and what reads them."""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .base import Decoder, Seeds, read_all
from .image import pictures


def _small(target: str, items: tuple[int, int] = (12, 6)) -> Any:
    """Return a registered adapter whose stand-in is small."""
    from modalities.registry import target as registered

    adapter = registered(target)
    if hasattr(adapter, "sample_items"):
        adapter.sample_items = items
    return adapter


def _of_sample(root: Path, *, target: str, place: str) -> list[bytes]:
    """Write the stand-in of a target and return the file that is to be damaged."""
    _small(target).write_sample(root, 0)
    return [(root / place).read_bytes()]


def _target(root: Path, *, target: str) -> None:
    """Read the status of a target's data, and the first and last item of each split (of ImageNet's the test alone)."""
    from modalities import registry

    adapter = registry.target(target)
    view = registry.modality(adapter.info.modality).view_type()

    def ends(split: Callable[[Path, Any], Any]) -> None:
        found = split(root, view)
        for index in {0, len(found) - 1}:
            assert found[index].label == found.labels[index]

    splits = (adapter.train, adapter.test)[target == "imagenet100" :]
    read_all(partial(adapter.status, root), *(partial(ends, split) for split in splits))


def _dataset(
    name: str, target: str, what: str, place: str, *, text: bool = True, seeds: Seeds | None = None
) -> Decoder:
    seeds = seeds or partial(_of_sample, target=target, place=place)
    return Decoder(name, what, place, seeds, partial(_target, target=target), text)


def _cifar(root: Path) -> list[bytes]:
    """Write batches as this suite does, and as Python 2 and numpy 1 did, with the names that only the latter have."""
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
        from modalities.image.matfile import load_mat

        _small(target).write_sample(root, 0)
        labels = load_mat(root / "flowers-102" / "imagelabels.mat", "labels")
        return [saved({"labels": labels[None]}), saved({"labels": labels[None], "more": np.eye(3)})]
    wnids = _small("imagenet100").info.classes[:6]
    kit = root / "imagenet" / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True, exist_ok=True)
    (root / "imagenet" / "val").mkdir()
    pictures()[0].save(root / "imagenet" / "val" / "ILSVRC2012_val_00000001.JPEG")
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
    from modalities.audio.policies import AudioView
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


_HMDB = "hmdb51/testTrainMulti_7030_splits/wave_test_split1.txt"
_FLOWERS = partial(_dataset, target="flowers102", place="flowers-102/imagelabels.mat", text=False)
_KIT = partial(_dataset, target="imagenet100", place="imagenet/ILSVRC2012_devkit_t12/data/meta.mat", text=False)
DECODERS = (
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
)  # fmt: skip
