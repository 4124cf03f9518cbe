"""Datasets are read where downloads, clones, releases and other tools put them; what is refused says what is read."""

import shutil

import pytest

from modalities.audio.policies import AudioView
from modalities.registry import target

VIEW = AudioView(rate=8_000, mels=40)
# What a stand-in's folder is moved to, for each dataset.
MOVES = {
    "fsdd": ("fsdd", [
        "free-spoken-digit-dataset", "free-spoken-digit-dataset-master", "free-spoken-digit-dataset-1.0.10",
        "free-spoken-digit-dataset-v1.0.10", "Jakobovski-free-spoken-digit-dataset-e9e1155",
        "fsdd/free-spoken-digit-dataset-1.0.10",
    ]),
    "esc50": ("esc50/ESC-50-master", ["ESC-50", "ESC-50-master", "esc50/ESC-50", "esc50"]),
    "speechcommands35": ("SpeechCommands/speech_commands_v0.02", [
        "SpeechCommands", "speech_commands_v0.02", "speechcommands", "speechcommands35", "speech_commands",
        "speech_commands/speech_commands_v0.02",
    ]),
    "nsynth11": ("nsynth11", ["", "nsynth"]),
    "librispeech100": ("librispeech100/LibriSpeech/train-clean-100", [
        "LibriSpeech/train-clean-100", "train-clean-100", "librispeech/LibriSpeech/train-clean-100",
        "librispeech100/train-clean-100",
    ]),
    "musan3": ("musan3/musan", ["musan", "musan3", "musan/musan"]),
    "voxforge6": ("voxforge6", ["voxforge", "voxforge/www.repository.voxforge1.org/downloads"]),
}  # fmt: skip


def splits(adapter, root):
    sides = (adapter.train(root, VIEW), adapter.test(root, VIEW))
    return [(list(data.item_ids), data.labels.tolist(), list(data.groups)) for data in sides]


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """Every target's stand-in as it would be if it were real data, without its mark."""
    root = tmp_path_factory.mktemp("stand-ins")
    for name in MOVES:
        target(name).write_sample(root, 0)
    for marker in root.rglob("STAND-IN.json"):
        marker.unlink()
    return root


@pytest.mark.parametrize(("name", "place"), [(name, place) for name, (_, places) in MOVES.items() for place in places])
def test_a_dataset_is_read_wherever_it_was_unpacked(stand_ins, tmp_path, name, place):
    shutil.copytree(stand_ins / MOVES[name][0], tmp_path / place, dirs_exist_ok=True)
    adapter = target(name)
    assert splits(adapter, tmp_path) == splits(adapter, stand_ins)
    assert adapter.status(tmp_path).state == "partial", "a stand-in without its mark is part of the data"


def test_recordings_that_lie_in_the_datasets_folder_itself_are_read(stand_ins, tmp_path):
    shutil.copytree(stand_ins / "fsdd" / "recordings", tmp_path / "fsdd")
    assert splits(target("fsdd"), tmp_path) == splits(target("fsdd"), stand_ins)


def test_an_archive_unpacked_into_a_folder_of_its_own_name_is_read(stand_ins, tmp_path):
    for part in ("train", "test"):
        folder = tmp_path / "nsynth11" / f"nsynth-{part}.jsonwav" / f"nsynth-{part}"
        shutil.copytree(stand_ins / "nsynth11" / f"nsynth-{part}", folder)
    assert splits(target("nsynth11"), tmp_path) == splits(target("nsynth11"), stand_ins)


def test_of_several_releases_the_newest_is_read(stand_ins, tmp_path):
    for number in ("1.0.8", "1.0.10", "1.0.9"):
        shutil.copytree(stand_ins / "fsdd", tmp_path / f"free-spoken-digit-dataset-{number}")
    assert target("fsdd").home(tmp_path).name == "free-spoken-digit-dataset-1.0.10"


@pytest.mark.parametrize("name", MOVES)
def test_what_is_refused_says_which_layout_is_read(tmp_path, name):
    adapter = target(name)
    status = adapter.status(tmp_path)
    assert status.state == "absent" and f"the layout that is read is {adapter.layout}" in status.how
