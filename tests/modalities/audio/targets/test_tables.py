"""ESC-50 and NSynth, whose tables say what every file is: classes in official order, folds, parts, and bad tables."""

import json
import re

import numpy as np
import pytest
import soundfile

import modalities.download.fetch
from modalities.audio.policies import AudioView
from modalities.audio.targets import esc50, nsynth11
from modalities.errors import BadInput
from modalities.registry import target

VIEW = AudioView(rate=8_000, mels=40)
ESC, NSYNTH = target("esc50"), target("nsynth11")
HEADER = "filename,fold,target,category,esc10,src_file,take\n"


def sound(path, rate=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(np.arange(rate) * 0.3), rate)


def esc(root, lines=None):
    """One clip of three classes in each fold, and the table."""
    folder = root / "esc50" / "ESC-50-master"
    rows = [
        f"{fold}-{100 + label}-A-{label}.wav,{fold},{label},{esc50.CLASSES[label]},False,{100 + label},A"
        for fold in range(1, 6)
        for label in (0, 10, 49)
    ]
    (folder / "meta").mkdir(parents=True)
    (folder / "meta" / "esc50.csv").write_text(HEADER + "".join(f"{row}\n" for row in lines or rows))
    for row in rows:
        sound(folder / "audio" / row.partition(",")[0], 44_100)
    return root


def nsynth(root, notes=("bass_electronic_001-040-075", "vocal_acoustic_002-050-100"), **changes):
    for part in ("train", "test"):
        folder = root / "nsynth11" / f"nsynth-{part}"
        table = {}
        for note in notes:
            family = note.partition("_")[0]
            sound(folder / "audio" / f"{note}.wav")
            table[note] = {
                "instrument_family": nsynth11.FAMILIES.index(family), "instrument_family_str": family,
                "instrument_str": f"{note.partition('-')[0]}_{part}", "pitch": 40,
            } | changes  # fmt: skip
        (folder / "examples.json").write_text(json.dumps(table))
    return root


# --- ESC-50 --------------------------------------------------------------------------------------------------


def test_the_fifty_classes_stand_in_the_order_of_the_tables_targets():
    assert len(set(esc50.CLASSES)) == 50
    known = {
        0: "dog", 1: "rooster", 5: "cat", 9: "crow", 10: "rain", 12: "crackling_fire", 14: "chirping_birds",
        15: "water_drops", 16: "wind", 17: "pouring_water", 18: "toilet_flush", 19: "thunderstorm", 20: "crying_baby",
        21: "sneezing", 22: "clapping", 25: "footsteps", 27: "brushing_teeth", 28: "snoring", 30: "door_wood_knock",
        33: "door_wood_creaks", 35: "washing_machine", 36: "vacuum_cleaner", 37: "clock_alarm", 38: "clock_tick",
        40: "helicopter", 41: "chainsaw", 42: "siren", 43: "car_horn", 44: "engine", 46: "church_bells",
        47: "airplane", 48: "fireworks", 49: "hand_saw",
    }  # fmt: skip
    assert {number: esc50.CLASSES[number] for number in known} == known


def test_fold_k_is_tested_by_fold_k_and_trained_on_the_others(tmp_path):
    root = esc(tmp_path)
    for fold in range(1, 6):
        train, test = ESC.train(root, VIEW, fold), ESC.test(root, VIEW, fold)
        assert {name[0] for name in test.item_ids} == {str(fold)} and len(test) == 3
        assert {name[0] for name in train.item_ids} == set("12345") - {str(fold)} and len(train) == 12
        assert test.labels.tolist() == [0, 10, 49]
    for fold in (0, 6):
        with pytest.raises(BadInput, match=f"esc50 has no fold {fold}; choose 1 to 5"):
            ESC.train(root, VIEW, fold)


def test_a_training_clip_gives_as_many_windows_as_fit_and_a_test_clip_one_item(tmp_path):
    root = esc(tmp_path)
    path = root / "esc50" / "ESC-50-master" / "audio" / "2-110-A-10.wav"
    soundfile.write(path, np.repeat(np.arange(5) / 8, 44_100), 44_100)  # five seconds, each of its own level
    train = ESC.train(root, VIEW)
    own = [number for number, row in enumerate(train.rows) if row.group == "110" and row.item_id.startswith("2-")]
    assert len(train) == 16 and [train.item_ids[number] for number in own] == [f"2-110-A-10/{k}" for k in range(5)]
    assert [int(np.median(train[number].data.numpy())) for number in own] == [k * 2**15 // 8 for k in range(5)]
    assert list(ESC.test(root, VIEW, 2).item_ids) == ["2-100-A-0", "2-110-A-10", "2-149-A-49"]


def test_clips_that_the_table_lists_and_nobody_has_are_counted(tmp_path):
    root = esc(tmp_path)
    before = ESC.status(root)
    few = tuple(f"fold {fold}: 397 of 400 clips" for fold in range(1, 6))
    assert (before.state, before.missing) == ("partial", (*few, "list meta/esc50.csv names 15 of 2,000 clips"))
    (root / "esc50" / "ESC-50-master" / "audio" / "2-110-A-10.wav").unlink()
    status = ESC.status(root)
    assert status.missing[1] == "fold 2: 398 of 400 clips"
    assert status.missing[-1] == "esc50.csv names 1 clips that are not there, such as 2-110-A-10.wav"
    assert status.fingerprint != before.fingerprint
    assert list(ESC.test(root, VIEW, 2).item_ids) == ["2-100-A-0", "2-149-A-49"], (
        "what is there can be read all the same"
    )
    (root / "esc50" / "ESC-50-master" / "meta" / "esc50.csv").unlink()
    assert ESC.status(root).missing == ("meta/esc50.csv", "1,986 of 2,000 clips")
    with pytest.raises(BadInput, match=r"esc50\.csv does not exist; run 'benchmark data fetch esc50'"):
        ESC.test(root, VIEW)


@pytest.mark.parametrize("line", [
    "1-100-A-0.wav,2,0,dog,False,100,A",  # another fold than its name says
    "1-100-A-0.wav,1,1,rooster,False,100,A",  # another target
    "1-100-A-0.wav,1,0,cat,False,100,A",  # another category
    "../../1-100-A-0.wav,1,0,dog,False,100,A",
    "1-100-A-0.wav",
])  # fmt: skip
def test_a_line_that_contradicts_its_file_name_is_refused(tmp_path, line):
    with pytest.raises(BadInput, match=r"esc50\.csv has a line for '.*1-100-A-0\.wav' that contradicts itself"):
        ESC.train(esc(tmp_path, [line]), VIEW)


def test_a_table_with_a_byte_order_mark_and_other_line_ends_is_the_same(tmp_path):
    root = esc(tmp_path)
    path = root / "esc50" / "ESC-50-master" / "meta" / "esc50.csv"
    before = list(ESC.train(root, VIEW).item_ids)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").replace(b",", b" , "))
    assert list(ESC.train(root, VIEW).item_ids) == before


@pytest.mark.parametrize(("text", "problem"), [
    (HEADER + 2 * "1-100-A-0.wav,1,0,dog,False,100,A\n", r"lists 1-100-A-0\.wav again in line 3; fetch it again"),
    ("<html>not found</html>\n", "needs each of the columns filename, fold, target, category once in its first line"),
])  # fmt: skip
def test_a_table_with_a_clip_twice_or_without_its_columns_is_refused_and_the_status_says_so(tmp_path, text, problem):
    root = esc(tmp_path)
    (root / "esc50" / "ESC-50-master" / "meta" / "esc50.csv").write_text(text)
    with pytest.raises(BadInput, match=problem):
        ESC.train(root, VIEW)
    assert ESC.status(root).state == "partial"
    assert re.search(problem, ESC.status(root).missing[0])


# --- NSynth --------------------------------------------------------------------------------------------------


def test_families_are_numbered_as_officially():
    assert dict(enumerate(nsynth11.FAMILIES)) == {
        0: "bass", 1: "brass", 2: "flute", 3: "guitar", 4: "keyboard", 5: "mallet", 6: "organ", 7: "reed",
        8: "string", 9: "synth_lead", 10: "vocal",
    }  # fmt: skip
    assert (NSYNTH.info.train_items, NSYNTH.info.test_items) == (289_205, 4_096)


def test_labels_and_leak_units_come_from_the_table(tmp_path):
    test = NSYNTH.test(nsynth(tmp_path), VIEW)
    assert test.labels.tolist() == [0, 10]
    assert list(test.groups) == ["bass_electronic_001_test", "vocal_acoustic_002_test"]
    assert list(test.item_ids) == ["bass_electronic_001-040-075", "vocal_acoustic_002-050-100"]
    assert test[1].data.shape == (1, 8_000)


def test_a_note_is_heard_from_its_attack_on(tmp_path):
    root = nsynth(tmp_path)
    path = root / "nsynth11" / "nsynth-train" / "audio" / "bass_electronic_001-040-075.wav"
    soundfile.write(path, np.repeat([0.5, 0.25, 0.125, 0], 16_000), 16_000)  # four seconds
    heard = NSYNTH.train(root, VIEW)[0].data.numpy()
    assert heard.shape == (1, 8_000) and int(np.median(heard[0])) == 2**14
    assert (np.abs(heard[0, 100:-100] - 2**14) < 200).all()


def test_notes_that_lack_are_counted_by_part(tmp_path):
    assert NSYNTH.status(tmp_path).state == "absent"
    root = nsynth(tmp_path)
    status = NSYNTH.status(root)
    assert status.state == "partial"
    assert status.missing == ("289,203 of 289,205 notes of nsynth-train", "4,094 of 4,096 notes of nsynth-test")
    (root / "nsynth11" / "nsynth-test" / "examples.json").unlink()
    assert "nsynth-test/examples.json" in NSYNTH.status(root).missing
    with pytest.raises(BadInput, match=r"nsynth-test/examples\.json does not exist; run"):
        NSYNTH.test(root, VIEW)


def test_a_table_that_was_cut_short_is_not_ready_and_notes_without_a_file_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(nsynth11.NOTES, "train", 2)
    monkeypatch.setitem(nsynth11.NOTES, "test", 2)
    root = nsynth(tmp_path)
    assert NSYNTH.status(root).state == "ready"
    path = root / "nsynth11" / "nsynth-test" / "examples.json"
    notes = json.loads(path.read_text())
    path.write_text(json.dumps(dict([*notes.items()][:1])))
    assert NSYNTH.status(root).missing == ("list nsynth-test/examples.json names 1 of 2 notes",)
    path.write_text(json.dumps({"bass_electronic_009-040-075": notes["bass_electronic_001-040-075"]} | notes))
    list_name = "list nsynth-test/examples.json names 3 of 2 notes"
    absent = "examples.json names 1 notes that are not there, such as bass_electronic_009-040-075"
    assert NSYNTH.status(root).missing == (list_name, absent)
    assert list(NSYNTH.test(root, VIEW).item_ids) == sorted(notes), "a note without a file is no item"
    path.write_text("{")
    assert "is not a table of notes" in NSYNTH.status(root).missing[0]


@pytest.mark.parametrize("changes", [{"instrument_family": 11}, {"instrument_family": 3}, {"instrument_family": -1}])
def test_a_family_number_that_contradicts_its_name_is_refused(tmp_path, changes):
    with pytest.raises(BadInput, match=r"examples\.json gives the note 'bass.*' the family -?\d+ 'bass'"):
        NSYNTH.train(nsynth(tmp_path, **changes), VIEW)


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": 1}', '{"a": {"instrument_family": "x"}}', "<html>"])
def test_a_table_of_something_else_is_named(tmp_path, text):
    root = nsynth(tmp_path)
    (root / "nsynth11" / "nsynth-train" / "examples.json").write_text(text)
    with pytest.raises(BadInput, match=r"examples\.json is not a table of notes"):
        NSYNTH.train(root, VIEW)


def test_a_fetch_verifies_the_published_checksums_of_both_tables(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(
        modalities.download.fetch, "download", lambda url, path, **check: asked.update({path.name: check})
    )
    monkeypatch.setattr(modalities.download.fetch, "extract", lambda archive, into: None)
    NSYNTH.fetch(tmp_path)
    ESC.fetch(tmp_path)
    assert asked == {
        "nsynth-train.jsonwav.tar.gz": {"md5": "fde6665a93865503ba598b9fac388660", "at_most": 50_400_000_000},
        "nsynth-test.jsonwav.tar.gz": {"md5": "5e6f8719bf7e16ad0a00d518b78af77d", "at_most": 50_400_000_000},
        "ESC-50-master.zip": {"md5": "7771e4b9d86d0945acce719c7a59305a", "at_most": 1_200_000_000},
    }
