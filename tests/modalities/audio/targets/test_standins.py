"""Stand-ins of five audio targets, read back: native files, both sides apart, nothing but what the adapter promises."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from modalities.audio.policies import AudioView
from modalities.datasets.standin import is_stand_in
from modalities.registry import target

VIEW = AudioView(rate=8_000, mels=40, test_clips=2)
NAMES = ("librispeech100", "voxforge6", "musan3", "esc50", "nsynth11")
CLASSES = {"librispeech100": 12, "voxforge6": 6, "musan3": 3, "esc50": 13, "nsynth11": 11}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Every stand-in once, made when it is first asked for."""
    made = {}

    def sample(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            target(name).write_sample(made[name], 0)
        return made[name]

    return sample


def path_of(row):
    return getattr(row.where, "path", row.where)


def content(data):
    return {hashlib.sha256(path_of(row).read_bytes()).hexdigest() for row in data.rows}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_known_before_a_byte_is_on_disk_is_complete(name):
    info = target(name).info
    assert (info.name, info.modality, info.metric) == (name, "audio", "top-1")
    assert len(set(info.classes)) == len(info.classes) == {"librispeech100": 251, "esc50": 50}.get(name, CLASSES[name])
    assert info.citation.startswith("@") and info.citation.count("{") == info.citation.count("}")
    assert all((info.title, info.licence, info.leak_unit, info.notes)) and info.homepage.startswith("http")
    assert info.download_bytes > 0 and info.folds == (5 if name == "esc50" else 1)


def test_published_numbers_are_those_of_the_project_page():
    shown = {
        name: [round(100 * number.top1, 2) for number in target(name).info.published]
        for name in ("musan3", "voxforge6", "librispeech100")
    }
    assert shown == {
        "musan3": [98.76, 96.78, 89.85, 96.28],
        "voxforge6": [91.13, 89.04, 72.85, 78.47],
        "librispeech100": [99.89, 99.54, 78.67, 84.12],
    }
    assert [number.role for number in target("musan3").info.published] == ["teacher", "full data", "student", "student"]


@pytest.mark.parametrize("name", NAMES)
def test_a_stand_in_is_ready_and_says_what_it_is(samples, name):
    root, adapter = samples(name), target(name)
    status = adapter.status(root)
    assert (status.state, status.missing, status.how) == ("ready", (), "")
    assert len(status.fingerprint) == 64 and is_stand_in(root / name)
    sounds = [path for path in root.rglob("*") if path.suffix in (".wav", ".flac")]
    assert 0 < status.bytes <= sum(path.stat().st_size for path in sounds) < 50e6


@pytest.mark.parametrize("name", NAMES)
def test_items_have_the_promised_shapes_and_training_and_test_are_apart(samples, name):
    root, adapter = samples(name), target(name)
    train, test = adapter.train(root, VIEW), adapter.test(root, VIEW)
    assert len(train) > 200 and len(test) > 50
    assert not set(train.groups) & set(test.groups)
    assert not content(train) & content(test)
    for data, clips in ((train, 1), (test, 2)):
        assert len(set(data.item_ids)) == len(data)
        assert data.labels.min() >= 0 and data.labels.max() < len(adapter.info.classes)
        for index in (0, len(data) // 2, len(data) - 1):
            item = data[index]
            assert item.data.shape == (clips, VIEW.samples) and str(item.data.dtype) == "torch.int16"
            assert (item.label, item.item_id) == (data.labels[index], data.item_ids[index])
            assert item.data.abs().max() > 300
    assert len(set(train.labels.tolist())) == CLASSES[name]
    # NSynth's test part has no lead synthesiser, and neither has its stand-in's.
    assert set(train.labels.tolist()) - set(test.labels.tolist()) == ({9} if name == "nsynth11" else set())
    counts = Counter(train.labels.tolist()).values()
    assert max(counts) <= 1.5 * min(counts)


def test_one_seed_gives_the_same_bytes_and_another_seed_others(samples, tmp_path):
    name = "musan3"
    target(name).write_sample(tmp_path / "again", 0)
    files = {path.relative_to(samples(name)): path for path in samples(name).rglob("*.wav")}
    again = {path.relative_to(tmp_path / "again"): path for path in (tmp_path / "again").rglob("*.wav")}
    assert files.keys() == again.keys()
    assert all(files[path].read_bytes() == again[path].read_bytes() for path in files)
    target(name).write_sample(tmp_path / "other", 1)
    sounds = {path.read_bytes() for path in (tmp_path / "other").rglob("*.wav")}
    assert not sounds & {path.read_bytes() for path in files.values()}


def test_stand_ins_have_the_native_formats_and_trees(samples):
    def first(name, pattern):
        path = min(samples(name).rglob(pattern))
        return path.relative_to(samples(name) / name), soundfile.info(path)

    path, info = first("librispeech100", "*.flac")
    speaker, chapter = path.parts[2:4]
    assert path == Path(f"LibriSpeech/train-clean-100/{speaker}/{chapter}/{speaker}-{chapter}-0000.flac")
    assert (info.format, info.samplerate, info.channels) == ("FLAC", 16_000, 1)
    words = samples("librispeech100") / "librispeech100" / path.parent / f"{speaker}-{chapter}.trans.txt"
    assert words.read_text().startswith(f"{speaker}-{chapter}-0000 ")
    path, info = first("voxforge6", "*.wav")
    assert path.parts[0] == "de" and path.parts[2] == "wav" and info.samplerate == 16_000
    path, info = first("musan3", "*.wav")
    assert path == Path("musan/music/fma") / path.name and info.subtype == "PCM_16"
    path, info = first("esc50", "*.wav")
    assert path.parts[:2] == ("ESC-50-master", "audio") and info.samplerate == 44_100
    path, info = first("nsynth11", "*.wav")
    assert path.parts[:2] == ("nsynth-test", "audio") and info.samplerate == 16_000


def test_musan_has_files_longer_and_shorter_than_a_window(samples):
    lengths = [soundfile.info(path).duration for path in samples("musan3").rglob("*.wav")]
    assert min(lengths) < 0.5 < 15 < max(lengths)
    test = target("musan3").test(samples("musan3"), VIEW)
    short = next(k for k, row in enumerate(test.rows) if soundfile.info(row.where).duration < 0.5)
    wave = test[short].data.numpy()
    assert (wave[:, : VIEW.samples // 4] == 0).all() and np.abs(wave[:, VIEW.samples // 2]).max() > 0
