"""The plan: which cells a request means, what changes a cell's name, and what would happen to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmark.config.compose import compose_target
from benchmark.config.suites import load_suite
from benchmark.data.locate import DataLocation
from benchmark.planning import auto, resolve
from benchmark.planning import plan as planning
from benchmark.planning.cell import lowered_guard, state_of, told_apart
from benchmark.planning.plan import cells_of, make_plan
from benchmark.planning.select import CONTROLS, Request, select_targets
from benchmark.records.settings import differences
from benchmark.records.store import Store
from modalities import registry
from modalities.errors import BadInput, UnknownName

MODALITY_OF = {name: registry.target(name).info.modality for name in registry.target_names()}


def of(modality: str) -> set[str]:
    return {name for name, own in MODALITY_OF.items() if own == modality}


# --- which targets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_a_suite_a_glob_and_an_option_select_a_modality_alike(modality):
    everything = set(select_targets(Request(modalities=(modality,))))
    assert everything == set(select_targets(Request(suite=modality)))
    assert everything == of(modality) - {"speechcommands35"}
    assert everything == set(select_targets(Request(targets=(f"{modality}/*",))))
    assert everything == of(modality) - {"speechcommands35"}


def test_a_glob_means_names_and_modalities():
    assert set(select_targets(Request(targets=("cifar*",)))) == {
        name for name in MODALITY_OF if name.startswith("cifar")
    }
    assert set(select_targets(Request(targets=("aud*",)))) == of("audio") - {"speechcommands35"}
    assert select_targets(Request(targets=("fsdd", "digits"))) == ["digits", "fsdd"]


def test_the_whole_suite_is_every_target_but_the_variant_of_another():
    assert set(select_targets(Request())) == set(MODALITY_OF) - {"speechcommands35"}
    assert select_targets(Request(targets=("speechcommands35",))) == ["speechcommands35"], "unless it is requested"


def test_exclusion_takes_away_from_names_suites_and_modalities():
    assert "digits" not in select_targets(Request(exclude=("digits",)))
    assert select_targets(Request(targets=("digits", "fsdd"), exclude=("audio/*",))) == ["digits"]
    assert select_targets(Request(targets=("digits", "fsdd"), modalities=("audio",))) == ["fsdd"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(controls=("nose",)), r"no control named 'nose'; did you mean noise"),
        (Request(targets=("cifar11",)), "did you mean cifar10"),
        (Request(targets=("zzz*",)), "there is no target named 'zzz*'; known are"),
        (Request(exclude=("digit",)), "did you mean digits?"),
        (Request(modalities=("imgae",)), "did you mean image?"),
        (Request(suite="al"), "did you mean all"),
        (Request(profile="smok", targets=("digits",)), "did you mean smoke"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(request_, message):
    with pytest.raises(UnknownName) as caught:
        make_plan(request_)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("target", "setting", "message"),
    [
        ("digits", "student.network=resnet99", "there is no image network named 'resnet99'; did you mean resnet"),
        ("digits", "student.network=wrn-15-4", "wrn-15-4: the depth of a WideResNet is 6n + 4, such as 16"),
        ("digits", "student.network=cnn-0", "cnn-0: depth and width of a network lie between 1 and 4096"),
        ("digits", "student.network=cnn-" + 5000 * "9", "there is no image network named 'cnn-999"),
        ("digits", "teacher.network=nope", "there is no image network named 'nope'; known are"),
        ("digits", "teacher.network=torchvision:resnet19", "no torchvision network named 'resnet19'; did you mean res"),
        ("fsdd", "student.network=conv5-8", "there is no audio network named 'conv5-8'; did you mean conv4-16"),
        ("fsdd", "teacher.network=cnn-8", "there is no audio network named 'cnn-8'"),
        ("ucf101", "student.network=x3d-xl", "there is no video network named 'x3d-xl'; did you mean x3d-xs"),
        ("ucf101", "student.network=early-0", "early-0: width and depth of a network must be above 0"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused_before_there_is_a_cell(target, setting, message):
    with pytest.raises(BadInput) as caught:
        make_plan(Request(profile="smoke", targets=(target,), overrides=(setting,)))
    assert message in str(caught.value)


def test_globs_choose_among_the_suites_targets_and_full_names_do_not_need_to():
    assert set(select_targets(Request(suite="audio", targets=("*s*",)))) <= of("audio")
    assert select_targets(Request(suite="audio", targets=("digits",))) == ["digits"]
    assert select_targets(Request(targets=("speech*",))) == ["speechcommands"]


def test_a_selection_that_leaves_nothing_is_refused():
    with pytest.raises(BadInput, match="leave nothing to run"):
        make_plan(Request(targets=("digits",), exclude=("image/*",)))


def test_cells_are_ordered_by_modality_target_and_seed_and_have_names_of_their_own():
    targets = ("ucf101", "fsdd", "digits", "cifar10")
    cells = make_plan(Request(profile="smoke", targets=targets, overrides=("seeds=[2,0]",)))
    planned = [(cell.key.target, cell.key.seed) for cell in cells]
    assert planned == [(name, seed) for name in ("cifar10", "digits", "fsdd", "ucf101") for seed in (2, 0)]
    assert len({cell.id for cell in cells}) == len(cells)


def test_the_variants_of_a_suite_are_cells_of_their_own_and_none_repeats():
    cells = make_plan(Request(suite="sources", profile="smoke", targets=("digits", "fsdd")))
    assert len({cell.id for cell in cells}) == len(cells)
    for target in ("digits", "fsdd"):
        sources = [cell.source.name for cell in cells if cell.key.target == target]
        assert len(sources) == len(set(sources)) == (4 if target == "digits" else 3)
    assert len({cell.teacher_key for cell in cells if cell.key.target == "digits"}) == 1, (
        "the source teaches no teacher"
    )


def test_cells_know_their_variants_and_two_variants_of_one_setting_are_one_cell():
    cells = make_plan(Request(suite="claims", profile="smoke", targets=("cifar10", "fsdd"), overrides=("seeds=[0]",)))
    labels = {cell.variants for cell in cells if cell.key.target == "cifar10"}
    assert ("one datum", "CutMix") in labels and ("no CutMix",) in labels
    assert ("one datum", "no CutMix") in {cell.variants for cell in cells if cell.key.target == "fsdd"}
    assert all(cell.variants for cell in cells)
    plain = make_plan(Request(profile="smoke", targets=("cifar10",)))
    assert {cell.id for cell in plain} < {cell.id for cell in cells}, "a label is no part of a cell's identity"


def test_a_control_of_a_variant_is_not_the_variant():
    cells = make_plan(Request(suite="mixing", profile="smoke", targets=("cifar10",), controls=("noise",)))
    assert {cell.source.name for cell in cells if cell.variants} == {"deadleaves"}
    assert {cell.source.name for cell in cells if not cell.variants} == {"noise"}


def test_progress_names_variants_by_their_labels():
    cells = make_plan(Request(suite="mixing", profile="smoke", targets=("cifar10",)))
    assert sorted(told_apart(cells).values()) == ["CutMix", "CutMix, one box per batch", "mixup", "no mixing"]


def test_a_control_adds_a_cell_of_noise_to_each_that_differs_in_its_source_alone():
    asked = Request(profile="smoke", targets=("digits", "fsdd"), overrides=("seeds=[0,1]", "source.image=sparse"))
    plain, both = make_plan(asked), make_plan(replace(asked, controls=("noise",)))
    added = [cell for cell in both if cell.id not in {one.id for one in plain}]
    assert len(both) == 2 * len(plain) == 8
    assert [cell.key.source for cell in added] == ["noise"] * 4
    for cell in added:
        (twin,) = (one for one in plain if (one.key.target, one.key.seed) == (cell.key.target, cell.key.seed))
        assert cell.teacher_key == twin.teacher_key
        assert {**cell.identity, "source": None} == {**twin.identity, "source": None}
    assert "controls" not in asked.selection(), "manifests of earlier versions keep their names"
    assert replace(asked, controls=("noise",)).selection()["controls"] == ["noise"]


def test_a_control_that_is_the_source_already_adds_nothing():
    asked = Request(profile="smoke", targets=("digits",), overrides=("source.image=noise",), controls=("noise",))
    assert len(make_plan(asked)) == 1


def test_every_modality_has_every_control():
    for name in ("image", "audio", "video"):
        for control in CONTROLS:
            assert registry.modality(name).source_ref(control).name == control


def test_the_demo_has_one_row_of_noise_for_each_modality():
    controls = [cell for cell in make_plan(Request(profile="demo")) if cell.key.source == "noise"]
    assert [cell.key.modality for cell in controls] == ["image", "audio", "video"]
    named = make_plan(Request(profile="demo", targets=("cifar10",)))
    assert [cell.key.source for cell in named] == ["deadleaves"], "who names a target asked for no other row"


def test_folds_are_cells_of_their_own_and_have_teachers_of_their_own():
    cells = make_plan(Request(profile="smoke", targets=("ucf101",), overrides=("folds=[1,2]",)))
    assert [cell.key.fold for cell in cells] == [1, 2]
    assert len({cell.id for cell in cells}) == len({cell.teacher_key for cell in cells}) == 2
    assert "-f2-" in cells[1].id


# --- a cell's name ---------------------------------------------------------------------------------------------


def test_a_name_does_not_depend_on_paths_or_on_how_cells_are_run(cells, photo, tmp_path, monkeypatch):
    (cell,) = cells()
    elsewhere = tmp_path / "deep er" / photo.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(photo.read_bytes())
    assert cells(f"source.image={elsewhere}")[0].id == cell.id, "the same file in another folder"
    assert cells(root=tmp_path)[0].id == cell.id, "another root"
    monkeypatch.chdir(tmp_path)
    assert cells("source.image=deep er/photo.png")[0].id == cell.id, "a relative path"
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    assert cells()[0].id == cell.id, "another cache"


def test_a_name_does_not_depend_on_the_commit(cells, monkeypatch):
    before = [cell.id for cell in cells()]
    monkeypatch.setattr("benchmark.records.provenance._checkout", lambda package: ("f" * 40, True))
    assert [cell.id for cell in cells()] == before


def test_adding_a_seed_keeps_the_other_names_and_the_row(cells):
    one, three = cells("seeds=[0]"), cells("seeds=[0,1,2]")
    assert three[0].id == one[0].id
    assert len({cell.id for cell in three}) == 3
    assert len({cell.row for cell in three}) == len({cell.teacher_key for cell in three}) == 1


CHANGES = (
    "threads=2", "view.mean=[0.5,0.5,0.5]", "policy=crop", "policy.rotation=5", "recipe.temperature=3.5",
    "recipe.precision=bfloat16", "recipe=published-cifar", "student.network=cnn-12", "teacher.network=cnn-12",
    "teacher.training.steps=61", "teacher.holdout=0.2", "data.train_per_class=50", "source.image=china",
    "source.image=noise", "policy.off=[crop]",
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_name_depends_on_everything_that_changes_the_numbers(cells, change, monkeypatch):
    monkeypatch.setattr(auto, "multiplies_bfloat16", lambda: False)
    (plain,), (changed,) = cells(), cells(change)
    assert changed.id != plain.id
    assert changed.row != plain.row
    students_alone = change.startswith(("policy", "recipe", "student", "source"))
    assert (changed.teacher_key == plain.teacher_key) == students_alone


def test_steps_that_are_off_are_a_set_and_name_their_row(cells):
    (one,), (other,) = cells("policy.off=[shear,rotation]"), cells("policy.off=[rotation,shear,rotation]")
    assert one.id == other.id
    assert differences([one.settings, cells()[0].settings])[0] == 'policy.off ["rotation","shear"]'


def test_a_name_depends_on_the_content_of_the_source(cells, photo, tmp_path):
    other = tmp_path / photo.name
    other.write_bytes(photo.read_bytes() + b"\0")
    assert cells(f"source.image={other}")[0].id != cells()[0].id


def test_a_name_depends_on_the_content_of_the_weights_and_not_on_their_place(cells, tmp_path):
    paths = [tmp_path / name for name in ("a.safetensors", "b.safetensors", "c.safetensors")]
    for path, value in zip(paths, (0.0, 0.0, 1.0), strict=True):
        save_file({"w": torch.full((2,), value)}, path)
    first, same, other = (cells(f"teacher.weights={path}")[0] for path in paths)
    assert first.id == same.id != other.id
    assert first.teacher_key == same.teacher_key != other.teacher_key


def test_a_name_depends_on_precision_as_it_is_done_and_so_on_the_kind_of_device(cells, monkeypatch):
    monkeypatch.setattr(auto, "multiplies_bfloat16", lambda: False)
    cpu, gpu = cells()[0], cells(device="cuda")[0]
    assert cpu.id != gpu.id
    assert cpu.config.recipe.precision == "float32"
    assert gpu.config.recipe.precision == "bfloat16"
    assert cells("recipe.precision=float32", "teacher.training.precision=float32")[0].id == cpu.id
    monkeypatch.setattr(auto, "multiplies_bfloat16", lambda: True)
    assert cells()[0].id == gpu.id, "a CPU that multiplies bfloat16 does the same"


def test_a_name_depends_on_the_data(monkeypatch):
    config = compose_target("fsdd", [], profile="smoke", suite="all")
    before = cells_of("fsdd", config, Path("nowhere"), "cpu")[0]
    found = replace(before.data, fingerprint="another index")
    monkeypatch.setattr(planning, "locate", lambda *given, **options: found)
    assert cells_of("fsdd", config, Path("nowhere"), "cpu")[0].id != before.id


def test_no_folder_of_this_machine_is_in_a_manifest(cells, photo):
    request = Request(overrides=(f"source.image={photo}", "recipe.lr=0.1"))
    assert request.selection()["overrides"] == [f"source.image={photo.name}", "recipe.lr=0.1"]
    (cell,) = cells()
    assert str(photo.parent) not in str(cell.manifest_entry())
    assert str(photo.parent) not in cell.record("done", provenance={}).to_json()


@pytest.mark.parametrize(
    "override",
    ["source.image=missing.png", "source.image=nosuchname", "teacher.weights=missing.safetensors", "threads=0",
     "recipe.lr=fast", "recipe.lrr=1", "folds=[2]"],
)  # fmt: skip
def test_what_is_wrong_is_refused_before_anything_runs(cells, override):
    with pytest.raises(BadInput) as caught:
        cells(override)
    message = str(caught.value)
    assert override.partition("=")[2].strip("[]") in message or override.partition("=")[0] in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("override", "problem"),
    [("recipe.name=", "'recipe': a name should not be empty"), (f"seeds=[{2**63}]", "'seed': input should be less")],
)
def test_names_and_seeds_that_no_record_could_hold_are_refused_before_anything_runs(cells, override, problem):
    with pytest.raises(BadInput) as caught:
        cells(override)
    assert f"a cell of digits cannot be named ({problem}" in str(caught.value)


# --- how often --------------------------------------------------------------------------------------------------


@pytest.fixture
def looks(monkeypatch, tmp_path):
    """What a plan looks at, by name, with real data of two folds and a file of weights."""
    found: dict[str, list[object]] = {"locate": [], "examine": [], "file_sha256": []}
    location = DataLocation("real", tmp_path, "f" * 64, ready=True)
    answers = {"locate": location, "examine": location, "file_sha256": "0" * 64}
    for name, answer in answers.items():

        def look(*given, name=name, answer=answer, **options):
            found[name].append(given)
            return answer

        monkeypatch.setattr(planning, name, look)
    return found


def test_data_are_examined_once_for_each_target_view_and_fold_however_many_cells_there_are(
    looks, monkeypatch, tmp_path
):
    suite = load_suite("all")
    suite.variants = {f"lr {number}": [f"recipe.lr={number}e-4"] for number in range(1, 21)}
    monkeypatch.setattr(resolve, "load_suite", lambda name: suite)
    weights = tmp_path / "teacher.safetensors"
    overrides = ("folds=[1,2]", "seeds=[0,1,2]", f"teacher.weights={weights}")
    asked = Request(
        profile="small", targets=("ucf101", "hmdb51"), overrides=overrides, controls=("noise",), root=tmp_path
    )
    assert len(make_plan(asked)) == 2 * 20 * 2 * 2 * 3
    assert {name: len(given) for name, given in looks.items()} == {"locate": 2, "examine": 4, "file_sha256": 1}
    assert len({(adapter.info.name, fold) for _, adapter, _, fold in looks["examine"]}) == 4


def test_data_are_examined_again_for_another_view(looks, monkeypatch, tmp_path):
    suite = load_suite("all")
    suite.variants = {"a": ["view.size=32"], "b": ["view.size=64"], "c": ["view.size=32", "recipe.lr=0.5"]}
    monkeypatch.setattr(resolve, "load_suite", lambda name: suite)
    make_plan(Request(profile="small", targets=("cifar10",), root=tmp_path))
    assert [view.size for _, _, view, _ in looks["examine"]] == [32, 64]


def test_the_next_plan_looks_again(looks, tmp_path):
    for _ in range(2):
        make_plan(Request(profile="small", targets=("cifar10",), root=tmp_path))
    assert len(looks["examine"]) == len(looks["locate"]) == 2


# --- what would happen to it -----------------------------------------------------------------------------------


def test_a_cell_is_to_run_until_it_is_done(cells, tmp_path):
    store = Store(tmp_path)
    (cell,) = cells()
    assert state_of(cell, store) == ("to run", "")
    store.write(cell.record("failed", "a cable was loose.", provenance={}))
    assert state_of(cell, store) == ("to run", "failed before: a cable was loose.")
    store.write(cell.record("done", provenance={}))
    assert state_of(cell, store) == ("done", "")


def test_a_damaged_record_is_to_run_again(cells, tmp_path):
    store = Store(tmp_path)
    (cell,) = cells()
    store.write(cell.record("done", provenance={}))
    store.record_file(cell.id).write_text('{"schema_version": 1')
    state, reason = state_of(cell, store)
    assert state == "to run"
    assert "record.json is not a record" in reason


def test_a_target_without_its_data_says_what_to_do(tmp_path):
    (cell,) = make_plan(Request(profile="small", targets=("fsdd",), root=tmp_path))
    state, reason = state_of(cell, Store(tmp_path / "results"))
    assert state == "no data"
    assert "absent" in reason
    assert "benchmark data fetch fsdd" in reason


def test_a_lowered_guard_is_written_down_and_the_usual_one_is_not():
    assert lowered_guard(2.0) == lowered_guard(3.0) == []
    assert lowered_guard(1.5) == ["teacher.times_chance is 1.5 instead of 2, so a poorer teacher is accepted"]
    assert "is 0 instead of 2" in lowered_guard(0.0)[0]


def test_a_record_says_that_the_guard_was_lowered(cells):
    for times, said in ((2, False), (1.5, True)):
        (cell,) = cells(f"teacher.times_chance={times}")
        record = cell.record("failed", "it broke", provenance={})
        assert any("so a poorer teacher is accepted" in text for text in record.deviations) == said
