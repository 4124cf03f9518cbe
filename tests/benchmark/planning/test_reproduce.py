"""What a record's cell is made by, typed again, is the same cell."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from benchmark.cli.commands import run_command
from benchmark.planning.plan import make_plan
from benchmark.planning.reproduce import reproduction
from benchmark.records.store import Store
from modalities import registry

MEASURED = Path(__file__).parents[3] / "results" / "measured"
STORES = sorted(path.parent for path in MEASURED.glob("**/manifests"))


def record_of(cell, device="cpu: a processor", **results):
    return cell.record("done", provenance={"device": device}, **results)


def planned_again(again, **files):
    """The cells of a reproduction's request, with the paths of files in place of their names."""
    overrides = tuple(files.get(text.partition("=")[0].replace(".", "_"), text) for text in again.request.overrides)
    return make_plan(replace(again.request, overrides=overrides, root=Path("nowhere")))


@pytest.mark.parametrize("folder", STORES, ids=lambda folder: str(folder.relative_to(MEASURED)))
def test_this_version_makes_the_same_cell_of_every_committed_record(folder):
    store = Store(folder)
    records = [store.read(path.name) for path in sorted(store.cells.glob("*/"))]
    records = [record for record in records if record.target in registry.target_names()]  # others are of a plug-in
    assert records
    assert [record.id for record in records if not reproduction(record).is_exact] == []


@pytest.mark.parametrize(
    ("target", "overrides"),
    [
        ("digits", ()),
        ("digits", ("seeds=[7]", "recipe.temperature=2.5", "view.size=12", "threads=2")),
        ("digits", ("policy=geometry", "policy.off=[shift,crop]", "policy.rotation=5")),
        ("digits", ("recipe=published-cifar", "recipe.steps=123", "recipe.budget=0.5")),
        ("digits", ("recipe.budget=2", "recipe.mixing=none", "recipe.squared_temperature=false")),
        ("digits", ("view.mean=[0.5,0.25,0.125]", "teacher.training.milestones=[0.25,0.5]")),
        ("digits", ("recipe.precision=float32", "teacher.training.precision=bfloat16", "recipe.compile=default")),
        ("digits", ("source.image=real-training-items:one-per-class", "data.train_per_class=5")),
        ("digits", ("teacher.times_chance=1.25", "teacher.epochs=3", "student.network=cnn-4")),
        ("esc50", ("folds=[3]", "source.audio=chords")),
    ],
)
def test_the_settings_that_differ_make_the_same_cell(cells, target, overrides):
    quick = {} if target == "digits" else {"targets": (target,)}
    (cell,) = cells(*overrides, **quick) if target == "digits" else make_plan_of(target, overrides)
    again = reproduction(record_of(cell))
    assert again.is_exact
    (same,) = planned_again(again, source_image=f"source.image={cell.source_path}", source_audio=source_of(cell))
    assert same.id == cell.id
    assert same.config.teacher.times_chance == cell.config.teacher.times_chance


def source_of(cell):
    return f"source.{cell.modality.name}={cell.source_path}"


def make_plan_of(target, overrides):
    from benchmark.planning.select import Request

    return make_plan(Request(profile="smoke", targets=(target,), overrides=tuple(overrides), root=Path("nowhere")))


def test_the_settings_are_those_that_differ_from_the_defaults_with_both_values(cells):
    (cell,) = cells("recipe.temperature=2.5", "teacher.training.steps=61")
    found = {one.key: (one.value, one.default) for one in reproduction(record_of(cell)).settings}
    assert found["recipe.temperature"] == (2.5, cells()[0].config.recipe.temperature)
    assert found["teacher.training.steps"][0] == 61
    assert found["view.size"] == (8, 16)
    assert set(found) == {"recipe.temperature", "teacher.training.steps", "teacher.training.batch", "recipe.steps",
                          "recipe.batch", "view.size"}  # fmt: skip


def test_recipes_policies_and_profiles_of_the_users_own_are_spelt_out(cells, tmp_path):
    (tmp_path / "soft.yaml").write_text("base: onecycle\ntemperature: 20\n", encoding="utf-8")
    (tmp_path / "calm.yaml").write_text("base: published\nrotation: 5\n", encoding="utf-8")
    (tmp_path / "quick.yaml").write_text("profile: {base: smoke}\nrecipe: {budget: 0.5}\n", encoding="utf-8")
    own = (f"recipe={tmp_path}/soft.yaml", f"policy={tmp_path}/calm.yaml")
    (cell,) = cells(*own, profile=str(tmp_path / "quick.yaml"))
    assert (cell.key.profile, cell.key.recipe, cell.key.policy) == ("quick", "soft", "calm")
    again = reproduction(record_of(cell))
    assert again.is_exact
    assert "the profile quick was a file" in " ".join(again.remarks)
    (same,) = planned_again(again, source_image=source_of(cell))
    assert same.id == cell.id


def test_files_are_named_with_their_hashes_and_without_their_folders(cells, tmp_path, photo):
    import numpy as np

    save_file({"weight": np.zeros(1, np.float32)}, tmp_path / "teacher.safetensors")
    weights = f"teacher.weights={tmp_path / 'teacher.safetensors'}"
    (cell,) = cells(weights)
    again = reproduction(record_of(cell))
    assert again.is_exact
    assert "teacher.weights=FILE" in again.request.overrides
    assert f"source.image={photo.name}" in again.request.overrides
    assert str(tmp_path) not in run_command(again.request)
    text = " ".join(again.remarks)
    assert cell.source.sha256 in text
    assert cell.identity["teacher"]["weights"] in text
    (same,) = planned_again(again, source_image=source_of(cell), teacher_weights=weights)
    assert same.id == cell.id


def test_a_cell_of_a_gpu_is_requested_for_one(cells):
    (cell,) = cells(device="cuda")
    again = reproduction(record_of(cell, device="cuda: a GPU"))
    assert (again.request.device, again.is_exact) == ("cuda", True)


def test_settings_outside_the_id_come_from_the_record_or_from_the_run(cells):
    (cell,) = cells("teacher.times_chance=1.25")
    assert "teacher.times_chance=1.25" in reproduction(record_of(cell)).request.overrides
    partial = {"items": 5, "known_items": 10, "ids_sha256": "a"}
    real = replace(record_of(cell), data="real", test_set=partial)
    assert "data.subset=true" in reproduction(real).request.overrides
    typed = reproduction(record_of(cells()[0]), ["data.subset=true", "recipe.steps=5"]).request.overrides
    assert "data.subset=true" in typed and "recipe.steps=5" not in typed


def test_a_record_that_this_version_does_not_make_says_so(cells):
    record = record_of(cells()[0])
    again = reproduction(replace(record, id="digits-photo.png-s0-0123456789ab"))
    assert not again.is_exact
    assert "earlier version" in again.remarks[-1]
    unknown = reproduction(replace(record, config={**record.config, "gone": 1}))
    assert not unknown.is_exact
    assert "other settings (gone)" in unknown.remarks[-1]


def test_a_module_from_python_is_said_to_be_one(cells):
    record = record_of(cells()[0])
    student = {"network": "own Net 0123456789ab"}
    again = reproduction(replace(record, student="own Net 0123456789ab", config={**record.config, "student": student}))
    assert any("student.network was given from Python" in remark for remark in again.remarks)
    assert "student.network='own Net 0123456789ab'" in shlex.split(run_command(again.request))


PLUGINS = {
    "recipe.loss": "def LOSS(student, teacher, segments, step): return (student - teacher).square().mean()\n",
    "policy": "def POLICY(segments, draws, step): return segments + 0.25\n",
    "student.network": "def NETWORK(shape, classes): return None\n",
    "teacher.network": "def NETWORK(shape, classes): return None\n",
    "method": "class METHOD: pass\n",
    "source.image": "def SOURCE(seed): return None\n",
}


@pytest.mark.parametrize("key", PLUGINS)
def test_a_plug_in_is_named_by_its_file_and_its_content(cells, tmp_path, key):
    path = tmp_path / f"mine_{key.replace('.', '_')}.py"
    path.write_text(PLUGINS[key], encoding="utf-8")
    (cell,) = cells(f"{key}={path}")
    again = reproduction(record_of(cell))
    assert again.is_exact
    typed = next(text for text in again.request.overrides if text.endswith(f"={path.name}"))
    assert str(tmp_path) not in run_command(again.request)
    assert any(path.stem in remark for remark in again.remarks)
    files = {text.partition("=")[0]: text for text in [typed.replace(path.name, str(path))]}
    files.setdefault("source.image", source_of(cell))
    (same,) = planned_again(again, **{name.replace(".", "_"): text for name, text in files.items()})
    assert same.id == cell.id


@pytest.mark.parametrize("method", ["inversion", "generator"])
def test_a_method_without_segments_alone_is_named(cells, method):
    (cell,) = cells(f"method={method}", "recipe.loss=mse")
    again = reproduction(record_of(cell))
    assert again.is_exact
    assert {f"method={method}", "recipe.loss=mse"} <= set(again.request.overrides)
