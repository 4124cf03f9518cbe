"""Complete data, with as many files as officially but each of a few bytes, pass every check and are ready."""

from zlib import crc32

import numpy as np
import soundfile

from modalities.audio.policies import AudioView
from modalities.audio.targets import esc50, musan3
from modalities.contract.checks import check_adapter
from modalities.registry import target

VIEW = AudioView(rate=1_000, mels=16)
ESC, MUSAN = target("esc50"), target("musan3")
SOURCES = {  # the numbers of a class add up to the published one
    "music": {"fma": 200, "fma-western-art": 60, "hd-classical": 80, "jamendo": 220, "rfm": 100},
    "speech": {"librivox": 173, "us-gov": 253},
    "noise": {"free-sound": 843, "sound-bible": 87},
}


def write(path, seconds, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * 1_000)), 1_000)


def write_esc50(root):
    folder = root / "esc50" / "ESC-50-master"
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for number in range(2_000):
        fold, label, take = number % 5 + 1, number // 5 % 50, "AB"[number // 250 % 2]
        name = f"{fold}-{1_000 + number // 500 * 250 + number % 250}-{take}-{label}.wav"
        write(folder / "audio" / name, 5, number)
        lines.append(f"{name},{fold},{label},{esc50.CLASSES[label]},False,{1_000 + number},{take}")
    (folder / "meta").mkdir()
    (folder / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n")


def write_musan3(root):
    for kind, sources in SOURCES.items():
        for source, count in sources.items():
            for number in range(count):
                path = root / "musan" / kind / source / f"{kind}-{source}-{number:04}.wav"
                write(path, 0.3 + number % 3, crc32(path.name.encode()))


def keeps_the_contract(adapter, root):
    assert adapter.status(root).state == "ready"
    found = {check.name: check for check in check_adapter(adapter, root, VIEW, sample=20)}
    assert [check for check in found.values() if check.verdict == "fail"] == []
    assert found["sizes"].verdict == "pass" and found["sizes"].detail.endswith("labelled files, as its info says.")
    return adapter.train(root, VIEW), adapter.test(root, VIEW)


def test_complete_esc50_keeps_the_contract_and_its_sizes_count_clips(tmp_path):
    write_esc50(tmp_path)
    train, test = keeps_the_contract(ESC, tmp_path)
    assert (train.files, test.files, len(train), len(test)) == (1_600, 400, 8_000, 400)


def test_complete_musan_keeps_the_contract_and_its_sizes_count_files(tmp_path):
    assert {kind: sum(sources.values()) for kind, sources in SOURCES.items()} == musan3.FILES
    write_musan3(tmp_path)
    train, test = keeps_the_contract(MUSAN, tmp_path)
    assert train.files + test.files == 2_016 == MUSAN.info.train_items + MUSAN.info.test_items
    assert len(train) == 8 * train.files and len(test) == test.files
    noise = tmp_path / "musan" / "noise" / "free-sound" / "noise-free-sound-0000.wav"
    noise.rename(tmp_path / "musan" / "music" / "rfm" / "music-rfm-0999.wav")
    assert MUSAN.status(tmp_path).missing == ("music: 661 files instead of 660", "noise: 1 of 930 files")
