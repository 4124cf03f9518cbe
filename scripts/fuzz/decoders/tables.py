"""Tables, pickles and lists of datasets: whole ones to damage, and what reads them."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.io import savemat

from modalities import registry
from modalities.audio.folder import AudioFolderTarget
from modalities.audio.policies import AudioView
from modalities.audio.targets.nsynth11 import FAMILIES
from modalities.base import TargetInfo
from modalities.image.matfile import load_mat

from .base import Decoder, read_all
from .media import pictures


def _write_sample(root: Path, *, target: str, items: tuple[int, int] = (12, 6)) -> None:
    """Write the stand-in of a target, a small one if its size can be chosen."""
    adapter: Any = registry.target(target)
    if hasattr(adapter, "sample_items"):
        adapter.sample_items = items
    adapter.write_sample(root, 0)


def _read_target(root: Path, *, target: str) -> None:
    """Read the status of a target's data, and the first and last item of each split (of ImageNet's the test alone)."""
    adapter = registry.target(target)
    view = registry.modality(adapter.info.modality).view_type()

    def ends(split: Callable[[Path, Any], Any]) -> None:
        found = split(root, view)
        for index in {0, len(found) - 1}:
            assert found[index].label == found.labels[index]

    splits = (adapter.train, adapter.test)[target == "imagenet100" :]
    read_all(partial(adapter.status, root), *(partial(ends, split) for split in splits))


def _dataset(
    name: str, target: str, what: str, place: str, *, text: bool = True,
    seeds: Callable[[Path], list[bytes]] | None = None,
) -> Decoder:  # fmt: skip
    return Decoder(
        name, what, place, seeds or partial(_write_sample, target=target), partial(_read_target, target=target), text
    )


def _cifar(root: Path) -> list[bytes]:
    """Write batches as this suite does, and as Python 2 and numpy 1 did, with the names that only the latter have."""
    _write_sample(root, target="cifar10", items=(20, 4))
    own = (root / "cifar-10-batches-py" / "test_batch").read_bytes()
    names = [f"picture_{i:03}.png" for i in range(300)]
    batch = {**pickle.loads(own), "batch_label": "testing batch 1 of 1", "filenames": names}
    official = pickle.dumps(batch, protocol=2)
    return [own, official, official.replace(b"numpy._core", b"numpy.core")]


def _mat(content: dict[str, Any], compressed: bool) -> bytes:
    stream = io.BytesIO()
    savemat(stream, content, do_compression=compressed)
    return b"MATLAB 5.0 MAT-file".ljust(116) + stream.getvalue()[116:]  # without the time


def _flowers(root: Path, *, compressed: bool) -> list[bytes]:
    _write_sample(root, target="flowers102")
    labels = load_mat(root / "flowers-102" / "imagelabels.mat", "labels")[None]
    return [_mat({"labels": labels, **more}, compressed) for more in ({}, {"more": np.eye(3)})]


def _kit(root: Path, *, compressed: bool) -> list[bytes]:
    wnids = registry.target("imagenet100").info.classes[:6]
    (root / _TRUTH).parent.mkdir(parents=True)
    (root / "imagenet" / "val").mkdir()
    pictures()[0].save(root / "imagenet" / "val" / "ILSVRC2012_val_00000001.JPEG")
    (root / _TRUTH).write_text("1\n2\n6\n")
    synsets = np.zeros((len(wnids), 1), [(f, object) for f in ("ILSVRC2012_ID", "WNID", "words", "num_children")])
    for i, wnid in enumerate(wnids):
        synsets[i, 0] = (i + 1, wnid, "a word, another", 0)
    return [_mat({**more, "synsets": synsets}, compressed) for more in ({}, {"other": np.eye(2)})]


def _truth(root: Path) -> list[bytes]:
    (root / _META).write_bytes(_kit(root, compressed=True)[0])
    return [b"1\n2\n3\n", b"6\r\n5\r\n4\r\n"]


def _own_table(root: Path) -> list[bytes]:
    for name in "ab":
        soundfile.write(root / f"{name}.wav", np.sin(np.arange(4000) / 9) / 3, 8000)
    return [b'file,class,split,group\r\na.wav,low,train,x\r\nb.wav,high,test,"y,z"\r\n']


def _read_own_table(root: Path) -> None:
    class Own(AudioFolderTarget):
        info = TargetInfo("own", "Own", "audio", ("low", "high"), 1, 1, "", "", "", 0, "file")

        def home(self, root: Path) -> Path:
            return root

    Own().status(root)
    for split in (Own().train(root, AudioView()), Own().test(root, AudioView())):
        assert split[0].data.dtype.is_signed


def _nsynth(root: Path) -> list[bytes]:
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


_META = "imagenet/ILSVRC2012_devkit_t12/data/meta.mat"
_TRUTH = "imagenet/ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
_FLOWERS = partial(_dataset, target="flowers102", place="flowers-102/imagelabels.mat", text=False)
_KIT = partial(_dataset, target="imagenet100", place=_META, text=False)
DECODERS = (
    _dataset("cifar", "cifar10", "CIFAR's pickles", "cifar-10-batches-py/test_batch", text=False, seeds=_cifar),
    _dataset("cifar-labels", "cifar100", "CIFAR-100's pickles, as text is damaged", "cifar-100-python/test"),
    _dataset("stl10-labels", "stl10", "STL-10's labels", "stl10_binary/test_y.bin", text=False),
    _dataset("stl10-pictures", "stl10", "STL-10's pictures", "stl10_binary/test_X.bin", text=False),
    _dataset("stl10-folds", "stl10", "STL-10's list of folds", "stl10_binary/fold_indices.txt"),
    _FLOWERS("mat-labels", what="Flowers' .mat", seeds=partial(_flowers, compressed=False)),
    _FLOWERS("mat-labels-zip", what="Flowers' .mat, compressed", seeds=partial(_flowers, compressed=True)),
    _KIT("mat-kit", what="ImageNet's .mat", seeds=partial(_kit, compressed=False)),
    _KIT("mat-kit-zip", what="ImageNet's .mat, compressed", seeds=partial(_kit, compressed=True)),
    _dataset("imagenet-truth", "imagenet100", "ImageNet's list of labels", _TRUTH, seeds=_truth),
    _dataset("pets", "pets37", "Pets' list", "oxford-iiit-pet/annotations/test.txt"),
    _dataset("places", "places365", "Places365's list", "places365/places365_val.txt"),
    _dataset("esc50", "esc50", "ESC-50's table", "esc50/ESC-50-master/meta/esc50.csv"),
    _dataset("speechcommands", "speechcommands", "Speech Commands' list",
             "SpeechCommands/speech_commands_v0.02/testing_list.txt"),
    _dataset("nsynth", "nsynth11", "NSynth's JSON", "nsynth11/nsynth-test/examples.json", seeds=_nsynth),
    _dataset("kinetics", "kinetics400", "Kinetics' table", "kinetics400/annotations/val.csv"),
    _dataset("ucf101", "ucf101", "UCF101's list", "ucf101/ucfTrainTestlist/testlist01.txt"),
    _dataset("hmdb51", "hmdb51", "HMDB51's list",
             "hmdb51/testTrainMulti_7030_splits/wave_test_split1.txt"),
    Decoder("files-csv", "files.csv of a dataset of one's own", "files.csv", _own_table, _read_own_table, True),
)  # fmt: skip
