"""What identifies data in a cell never changes: fingerprints, and the order of items with their labels and groups."""

import json
from hashlib import sha256

import pytest

from modalities.registry import modality, target

VIEW = modality("audio").view_type(rate=8_000)
SPEECH, LIBRI = "SpeechCommands/speech_commands_v0.02", "librispeech100/LibriSpeech/train-clean-100"
NOTES = ("bass_electronic_001-040-075", "vocal_acoustic_002-050-100")
FILES = {
    "fsdd": [f"fsdd/recordings/{digit}_theo_{take}.wav" for digit in (3, 1) for take in (0, 4, 5, 12)],
    "speechcommands35": [f"{SPEECH}/{word}/0a{n}_nohash_0.wav" for word in ("yes", "bed", "no") for n in range(3)],
    "librispeech100": [f"{LIBRI}/{who}/200/{who}-200-{n:04}.flac" for who in (26, 19) for n in range(9)],
    "voxforge6": [f"voxforge6/{code}/s{n}-2012-a/wav/{code}-0001.wav" for code in ("it", "de") for n in range(9)],
    "musan3": [f"musan3/musan/{kind}/fma/{kind}-fma-{n:04}.wav" for kind in ("music", "noise") for n in range(9)],
    "esc50": [f"esc50/ESC-50-master/audio/{fold}-10{fold}-A-{fold}.wav" for fold in (2, 1)],
    "nsynth11": [f"nsynth11/nsynth-{part}/audio/{note}.wav" for part in ("train", "test") for note in NOTES],
}
TEXTS = {
    f"{SPEECH}/testing_list.txt": "yes/0a1_nohash_0.wav\nbed/0a2_nohash_0.wav\n",
    f"{SPEECH}/validation_list.txt": "no/0a0_nohash_0.wav\n",
    "esc50/ESC-50-master/meta/esc50.csv": (
        "filename,fold,target,category\n2-102-A-2.wav,2,2,pig\n1-101-A-1.wav,1,1,rooster\n"
    ),
} | {
    f"nsynth11/nsynth-{part}/examples.json": json.dumps({
        note: {"instrument_family": number, "instrument_family_str": note.partition("_")[0], "instrument_str": part}
        for note, number in zip(NOTES, (0, 10), strict=True)
    })
    for part in ("train", "test")
}  # fmt: skip


@pytest.mark.parametrize(("name", "fingerprint", "items"), [
    ("fsdd", "046421d6190cb463", "3477c6199e7a7642"),
    ("speechcommands35", "6015b6e3100f309f", "cfdc35eb59bb15b2"),
    ("librispeech100", "aab2dd021f00336a", "459949a93369dab6"),
    ("voxforge6", "f2c52832322ada43", "22389dedd228086a"),
    ("musan3", "145b6ac5f22f2cce", "d254303f818e5b94"),
    ("esc50", "64aade5573bcbfcb", "09f18fdaeaf7fa07"),
    ("nsynth11", "468f4e8f246c4487", "a86d845ab3f91cd2"),
])  # fmt: skip
def test_fingerprints_and_items_are_what_they_always_were(tmp_path, name, fingerprint, items):
    for size, file in enumerate(FILES[name], 3):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"x" * size)
    for file, text in TEXTS.items():
        if (tmp_path / file.partition("/")[0]).is_dir():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text)
    adapter = target(name)
    splits = [adapter.test(tmp_path, VIEW)]
    if name != "esc50":  # its training items depend on the clips' lengths
        splits.append(adapter.train(tmp_path, VIEW))
    rows = [[*zip(data.item_ids, data.labels.tolist(), data.groups, strict=True)] for data in splits]
    assert adapter.status(tmp_path).fingerprint[:16] == fingerprint
    assert sha256(repr(rows).encode()).hexdigest()[:16] == items
