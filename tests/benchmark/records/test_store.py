"""Records survive kills, refuse damage in one sentence, and keep loading when they are old."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.records import provenance as provenance_module
from benchmark.records.identity import canonical_json, cell_id, row_id
from benchmark.records.provenance import below_root, provenance, strip_folders
from benchmark.records.record import ManifestEntry, Record
from benchmark.records.store import Predictions, Store
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write

IDENTITY = {"target": "digits", "source": {"name": "deadleaves", "sha256": "ab"}, "fold": 1, "seed": 0, "lr": 0.01}
HISTORIC = Path(__file__).parent / "fixtures"


def record(**changes) -> Record:
    standard = Record(
        id=cell_id(IDENTITY),
        row=row_id(IDENTITY),
        target="digits",
        modality="image",
        fold=1,
        seed=0,
        status="done",
        source={"name": "deadleaves", "sha256": "ab", "description": "generated"},
        policy="published",
        recipe="quick",
        teacher="wrn-16-1",
        student="wrn-10-1",
        profile="smoke",
        data="stand-in",
        config={"recipe": {"lr": 0.01, "steps": 3}, "list": [1, None, "x"]},
        provenance={**provenance("cpu", 1), "started": "2026-01-01T00:00:00+00:00"},  # two of them are equal
        metrics={"top1": 0.5, "top5": None, "items": 4},
        controls={"chance": 0.1},
        segments=96,
        seconds={"teacher": 1.5},
        deviations=["three steps"],
    )
    return replace(standard, **changes)


def outputs() -> Predictions:
    logp = np.log(np.full((4, 3), 1 / 3)).astype(np.float16)
    return Predictions(["a/1.png", "a/2.png", "ü", "d"], np.arange(4) % 3, logp)


# --- identity ----------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(plain)
def test_canonical_json_is_json_of_an_equal_value_and_canonical_already(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(), plain, min_size=2))
def test_the_order_of_keys_does_not_name_another_cell(settings):
    turned = dict(reversed(settings.items()))
    assert cell_id({**IDENTITY, "settings": settings}) == cell_id(
        {"settings": turned, **dict(reversed(IDENTITY.items()))}
    )


def test_equal_numbers_of_other_types_name_the_same_cell():
    assert canonical_json({"a": 1.0, "b": (np.float32(0.5), np.int64(2)), "c": -0.0}) == '{"a":1,"b":[0.5,2],"c":0}'
    assert canonical_json(True) != canonical_json(1)


@pytest.mark.parametrize("value", [Path("x"), b"x", {1: 2}, {1, 2}, object(), np.zeros(2)])
def test_what_depends_on_a_machine_or_has_no_one_spelling_is_no_identity(value):
    with pytest.raises(TypeError):
        canonical_json({"value": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_no_identity(value):
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(value)


@pytest.mark.parametrize(
    "change", [{"lr": 0.02}, {"seed": 1}, {"fold": 2}, {"source": {"name": "deadleaves", "sha256": "ac"}}]
)
def test_whatever_changes_numbers_changes_the_cell(change):
    assert cell_id({**IDENTITY, **change}) != cell_id(IDENTITY)


def test_a_raised_numerics_version_changes_every_cell(monkeypatch):
    before = cell_id(IDENTITY)
    monkeypatch.setattr("benchmark.records.identity.NUMERICS_VERSION", 99)
    assert cell_id(IDENTITY) != before


def test_seeds_of_one_row_share_its_id_and_folds_do_not():
    assert row_id({**IDENTITY, "seed": 7}) == row_id(IDENTITY) != row_id({**IDENTITY, "fold": 2})


@given(st.text(), st.text(min_size=1))
def test_a_cells_name_is_safe_as_a_folder_whatever_its_parts_say(target, source):
    name = cell_id({"target": target, "source": source, "seed": 0})
    assert Store(Path("root")).cell(name).parent == Path("root/cells")
    assert len(name) < 100


def test_a_cells_name_can_be_read():
    assert cell_id(IDENTITY).startswith("digits-deadleaves-s0-")
    assert cell_id({**IDENTITY, "fold": 3}).startswith("digits-deadleaves-f3-s0-")


# --- one record --------------------------------------------------------------------------------------------------


def test_a_record_comes_back_from_its_text_unchanged():
    assert Record.from_json(record().to_json()) == record()


@pytest.mark.parametrize("name", [entry.name for entry in fields(Record) if entry.name != "schema_version"])
def test_a_missing_key_is_refused_by_name_and_file(name):
    content = json.loads(record().to_json())
    del content[name]
    with pytest.raises(BadInput, match=rf"here\.json .*missing: {name}\b.*run its cell again"):
        Record.from_json(json.dumps(content), "here.json")


@pytest.mark.parametrize("name", [entry.name for entry in fields(Record) if entry.name != "schema_version"])
def test_a_value_of_the_wrong_type_is_refused_in_every_field(name):
    for wrong in (0.5, [{}], {"x": [1]} if name not in ("config", "provenance") else 3):
        content = json.loads(record().to_json())
        content[name] = wrong
        with pytest.raises(BadInput, match=f"here.json .*'{name}' is not"):
            Record.from_json(json.dumps(content), "here.json")


@pytest.mark.parametrize(
    "change",
    [{"status": "great"}, {"data": "fake"}, {"fold": 0}, {"segments": -1}, {"seed": True}, {"metrics": {"top1": "0.9"}},
     {"controls": {"luck": 1.0}}, {"source": {"name": "x"}}, {"target": ""}],
)  # fmt: skip
def test_values_outside_their_range_are_refused_on_both_ways(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        record(**change).to_json()
    with pytest.raises(BadInput, match=next(iter(change))):
        Record.from_json(json.dumps({**json.loads(record().to_json()), **change}))


def test_an_unknown_key_is_refused():
    with pytest.raises(BadInput, match="unknown: surprise"):
        Record.from_json(json.dumps({**json.loads(record().to_json()), "surprise": 1}))


def test_a_figure_that_is_no_number_is_never_written_nor_read():
    with pytest.raises(ValueError, match="metrics"):
        record(metrics={"top1": float("nan")}).to_json()
    with pytest.raises(BadInput, match="NaN"):
        Record.from_json(record().to_json().replace("0.5", "NaN"))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"a": 1}', "\x00"])
def test_text_that_is_no_record_is_refused_in_one_sentence(text):
    with pytest.raises(BadInput, match=r"^here\.json ") as caught:
        Record.from_json(text, "here.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_schema_version_is_refused_and_says_what_to_do(version):
    content = {**json.loads(record().to_json()), "schema_version": version, "other": "keys"}
    with pytest.raises(BadInput, match=r"schema version .* reads 1; use the version of the package that wrote it"):
        Record.from_json(json.dumps(content))


@pytest.mark.parametrize("path", sorted(HISTORIC.glob("*.json")), ids=lambda path: path.stem)
def test_historic_records_still_load(path):
    loaded = Record.from_json(path.read_text(encoding="utf-8"), path)
    assert loaded.id == path.stem
    assert json.loads(loaded.to_json()) == json.loads(path.read_text(encoding="utf-8"))


def test_there_is_a_historic_record():
    assert list(HISTORIC.glob("*.json"))


# --- provenance --------------------------------------------------------------------------------------------------


def test_provenance_names_this_checkouts_commit():
    root = Path(__file__).parents[3]
    git = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if git.returncode:
        pytest.skip("not a git checkout")
    assert root / "benchmark" == provenance_module.PACKAGE, "changes anywhere in the package count as dirty"
    provenance_module._checkout.cache_clear()
    assert provenance("cpu", 2)["commit"] == git.stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A checkout of a package of the same layout, with one commit."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # a caller's own variables must not matter
    for name in ("benchmark", "modalities"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments):
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], env=clean, check=True, capture_output=True)

    git("init", "-q")
    git("add", "benchmark")
    git("commit", "-q", "-m", "first", "--", "benchmark")
    git("add", ".")
    git("commit", "-q", "-m", "second")
    yield tmp_path / "benchmark"
    provenance_module._checkout.cache_clear()


def test_dirty_says_whether_the_code_differs_from_the_commit(repository):
    commit, dirty = provenance_module._checkout(repository)
    assert len(commit) == 40
    assert dirty is False
    provenance_module._checkout.cache_clear()
    (repository.parent / "notes.txt").write_text("not code")
    assert provenance_module._checkout(repository) == (commit, False)
    provenance_module._checkout.cache_clear()
    (repository / "new.py").write_text("x = 1")
    assert provenance_module._checkout(repository) == (commit, True)


def test_a_package_that_merely_lies_inside_a_repository_has_no_commit(repository):
    copy = repository.parent / "venv" / "benchmark"
    copy.mkdir(parents=True)
    (copy / "__init__.py").write_text("")
    assert provenance_module._checkout(copy) == (None, None)


def test_provenance_is_json_and_says_versions_threads_and_utc():
    content = json.loads(json.dumps(provenance("cuda: some GPU", 3)))
    assert content["libraries"]["numpy"] == np.__version__
    assert (content["device"], content["threads"], content["ended"]) == ("cuda: some GPU", 3, None)
    assert content["started"].endswith("+00:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('File "/home/a b/x/y.py", line 3, in f', 'File "y.py", line 3, in f'),
        ("cannot open /srv/data/x.png: gone", "cannot open x.png: gone"),
        ("in C:\\Users\\me\\x.wav.", "in x.wav."),
        ("'/srv/data/x.png'", "'x.png'"),
        ("into /srv/data/train/, or (/srv/data/val/).", "into train/, or (val/)."),
        ("into /srv/data/.cache/. Then", "into .cache/. Then"),
        ("images into /srv/{train,test}/CLASS/.", "images into {train,test}/CLASS/."),
        ("see https://example.org/a/b or data/x.png, 3/4", "see https://example.org/a/b or data/x.png, 3/4"),
    ],
)
def test_texts_lose_their_folders_and_nothing_else(text, expected):
    assert strip_folders(text) == expected
    assert strip_folders(expected) == expected


@pytest.mark.parametrize(
    ("root", "text", "expected"),
    [
        ("/srv/a b", "into /srv/a b/imagenet/train/, or /srv/a b.", "into ROOT/imagenet/train/, or ROOT."),
        ("/data", "https://x.org/data/y, /data2/y, /data.old/y and /mnt/data/y", None),
        ("data", "`benchmark data fetch fsdd`, or put it into data/fsdd", None),
        (".", "put it into fsdd/.", None),
        ("/", "put it into /fsdd/.", None),
    ],
)
def test_the_data_root_and_nothing_else_becomes_root(root, text, expected):
    assert below_root(text, Path(root)) == (text if expected is None else expected)
    assert expected is None or strip_folders(expected) == expected


def test_records_and_leaderboards_never_import_torch():
    code = (
        "import sys, benchmark.records.store, benchmark.evaluation.metrics, benchmark.leaderboard.table\n"
        "assert 'pandas' not in sys.modules and 'scipy' not in sys.modules\n"
        "benchmark.records.provenance.provenance('cpu', 1)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- the store ---------------------------------------------------------------------------------------------------


def test_what_was_written_is_read(tmp_path):
    store = Store(tmp_path / "results" / "smoke")
    made = record()  # once: it says when
    store.write(made, predictions=outputs(), curve=[{"step": 1, "loss": 0.25}, {"step": 2, "loss": 0.125}])
    assert store.read(made.id) == made
    again = store.predictions(record().id)
    assert list(again.item_ids) == list(outputs().item_ids)
    np.testing.assert_array_equal(again.labels, outputs().labels)
    np.testing.assert_array_equal(again.logp, outputs().logp)
    assert again.logp.dtype == np.float16
    assert store.curve(record().id) == [{"step": 1, "loss": 0.25}, {"step": 2, "loss": 0.125}]


def test_a_cell_without_a_record_is_none_and_not_an_error(tmp_path):
    store = Store(tmp_path / "none")
    assert store.read("digits-x-s0-0") is None
    assert store.predictions("digits-x-s0-0") is None
    assert store.curve("digits-x-s0-0") == []
    assert store.requested_cells() == []


def test_the_same_outputs_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        Store(tmp_path / name).write(record(), predictions=outputs(), curve=[{"step": 1}])
    for name in ("record.json", "predictions.npz", "curve.csv"):
        one, two = (Store(tmp_path / part).cell(record().id) / name for part in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_files_left_in_the_attempt_are_published_and_the_attempt_goes(tmp_path):
    store = Store(tmp_path)
    (store.attempt(record().id) / "student.safetensors").write_bytes(b"weights")
    (store.attempt(record().id) / "student-000000003.ckpt").write_bytes(b"checkpoint")
    store.write(record())
    assert sorted(path.name for path in store.cell(record().id).iterdir()) == ["record.json", "student.safetensors"]


@pytest.mark.parametrize(
    ("status", "kept"), [("failed", True), ("out of memory", True), ("diverged", False), ("refused", False)]
)
def test_checkpoints_outlive_only_attempts_that_a_rerun_may_continue(tmp_path, status, kept):
    store = Store(tmp_path)
    checkpoint = store.attempt(record().id) / "student.ckpt"
    checkpoint.write_bytes(b"checkpoint")
    store.write(record(status=status, reason="because"))
    assert checkpoint.exists() is kept


def test_a_later_attempt_supersedes_all_files_of_an_earlier_one(tmp_path):
    store = Store(tmp_path)
    store.write(record(), predictions=outputs(), curve=[{"step": 1}])
    store.write(record(status="failed", reason="no more"))
    assert store.read(record().id).status == "failed"
    assert store.predictions(record().id) is None
    assert store.curve(record().id) == []


@pytest.mark.parametrize("dies_at", range(1, 9))
def test_a_kill_at_any_moment_leaves_no_record_without_its_own_files(tmp_path, monkeypatch, dies_at):
    store = Store(tmp_path)
    first, second = record(metrics={"top1": 0.1}), record(metrics={"top1": 0.9})
    changed = replace(outputs(), labels=np.zeros(4, dtype=np.int64))
    store.write(first, predictions=outputs())
    moves = 0
    real_replace, real_unlink = Path.replace, Path.unlink

    def counted(move):
        def step(self, *arguments, **options):
            nonlocal moves
            moves += 1
            if moves == dies_at:
                raise KeyboardInterrupt
            return move(self, *arguments, **options)

        return step

    monkeypatch.setattr(Path, "replace", counted(real_replace))
    monkeypatch.setattr(Path, "unlink", counted(real_unlink))
    with contextlib.suppress(KeyboardInterrupt):
        store.write(second, predictions=changed)
    monkeypatch.undo()
    found = store.read(first.id)
    if found is not None:
        expected = changed if found == second else outputs()
        np.testing.assert_array_equal(store.predictions(first.id).labels, expected.labels)
    store.write(second, predictions=changed)
    assert store.read(first.id) == second


def test_reasons_and_tracebacks_are_stored_without_folders(tmp_path):
    store = Store(tmp_path)
    store.write(record(status="failed", reason="/home/me/x.png is damaged.", traceback='File "/home/me/y.py", line 1'))
    text = (store.cell(record().id) / "record.json").read_text()
    assert "x.png is damaged." in text
    assert "/home" not in text


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"{}", b"null"])
def test_a_damaged_record_costs_one_sentence_that_names_the_file(tmp_path, damage):
    store = Store(tmp_path)
    store.write(record())
    path = store.cell(record().id) / "record.json"
    path.write_bytes(damage)
    with pytest.raises(BadInput) as caught:
        store.read(record().id)
    assert str(path) in str(caught.value)


def test_a_record_in_another_cells_folder_is_refused(tmp_path):
    store = Store(tmp_path)
    store.write(record())
    store.cell(record().id).rename(store.cell("other"))
    with pytest.raises(BadInput, match="is the record of cell"):
        store.read("other")


@pytest.mark.parametrize("part", [slice(0, 0), slice(0, 50), slice(0, -30)])
def test_damaged_predictions_cost_one_sentence(tmp_path, part):
    store = Store(tmp_path)
    store.write(record(), predictions=outputs())
    path = store.cell(record().id) / "predictions.npz"
    path.write_bytes(path.read_bytes()[part])
    with pytest.raises(BadInput, match=r"predictions\.npz"):
        store.predictions(record().id)


def test_predictions_are_never_unpickled(tmp_path):
    store = Store(tmp_path)
    store.write(record(), predictions=outputs())
    trap = np.array([print], dtype=object)
    np.savez(store.cell(record().id) / "predictions.npz", item_ids=trap, labels=trap, logp=trap)
    with pytest.raises(BadInput, match=r"predictions\.npz cannot be read"):
        store.predictions(record().id)


def test_a_damaged_curve_costs_one_sentence(tmp_path):
    store = Store(tmp_path)
    store.write(record(), curve=[{"step": 1, "loss": 2.0}])
    (store.cell(record().id) / "curve.csv").write_text("step,loss\n1,two\n")
    with pytest.raises(BadInput, match=r"curve\.csv"):
        store.curve(record().id)


@pytest.mark.parametrize("id", ["../../etc", "a/b", "", ".hidden", "a\nb"])
def test_no_name_of_a_cell_leaves_the_store(tmp_path, id):
    with pytest.raises(BadInput, match="is no cell"):
        Store(tmp_path).cell(id)


def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match=r"cannot be written .*; free it, or choose another results folder\.$"):
        Store(tmp_path / "file" / "smoke").check_writable()
    store = Store(tmp_path / "fresh")
    store.check_writable()
    assert list((store.root / "cells").iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    atomic_write(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left on device"):
        atomic_write(path, "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "old"


# --- manifests ---------------------------------------------------------------------------------------------------


def asked(id: str, **changes) -> ManifestEntry:
    standard = ManifestEntry(
        id=id, row="ab12", modality="image", target="digits", fold=1, source="deadleaves", policy="published",
        recipe="quick", teacher="t", student="s", profile="smoke", data="stand-in", seed=0,
    )  # fmt: skip
    return replace(standard, **changes)


def test_the_same_call_replaces_its_manifest_and_another_selection_adds_one(tmp_path):
    store = Store(tmp_path)
    store.write_manifest("all", {}, [asked("b"), asked("a")])
    store.write_manifest("all", {"targets": ["digits"]}, [asked("c"), asked("a")])
    assert [cell.id for cell in store.requested_cells()] == ["a", "b", "c"]
    store.write_manifest("all", {}, [asked("d")])
    assert [cell.id for cell in store.requested_cells()] == ["a", "c", "d"]


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"schema_version": 9, "cells": []}', '{"schema_version": 1, "cells": [{}]}', '{"schema_version": 1}'],
)
def test_a_damaged_manifest_costs_one_sentence_that_names_the_file(tmp_path, text):
    store = Store(tmp_path)
    path = store.write_manifest("all", {}, [asked("a")])
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        store.requested_cells()
    assert str(path) in str(caught.value)


def test_a_manifest_checks_its_cells(tmp_path):
    with pytest.raises(TypeError, match="'seed' is not"):
        asked("a", seed="0")
