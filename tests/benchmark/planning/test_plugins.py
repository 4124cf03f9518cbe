"""A plug-in is part of what a cell is: its content is in the identity, and cells without one are what they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import benchmark
from benchmark.cli.app import main
from benchmark.planning.recorded import cell_of_record
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnoreProgress
from modalities.errors import BadInput, UnknownName

LOSS = "def LOSS(student, teacher, segments, step):\n    return {factor} * (student - teacher).square().mean()\n"
POLICY = "def POLICY(segments, draws, step):\n    return segments + 0.25\n"
NETWORK = (
    "import math\nfrom torch import nn\ndef NETWORK(shape, classes):\n"
    "    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), classes))\n"
)
SOURCE = (
    "import numpy as np\ndef SOURCE(seed):\n"
    "    return np.random.default_rng(seed).integers(0, 256, (64, 80, 3), dtype=np.uint8)\n"
)
METHOD = (
    "class METHOD:\n    def __init__(self, setup): self.segments, self.seen = setup.segments, 0\n"
    "    def batch(self, step):\n        self.seen += 1\n        return self.segments.batch(step) + 0.01 * self.seen\n"
    "    def state_dict(self): return {'seen': self.seen}\n"
    "    def load_state_dict(self, state): self.seen = state['seen']\n"
    "    def costs(self): return {'generator_steps': self.seen, 'teacher_forwards': 3}\n"
)
SETTINGS = {
    "recipe.loss": LOSS.format(factor=1), "policy": POLICY, "student.network": NETWORK, "source.image": SOURCE,
    "method": METHOD,
}  # fmt: skip


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write the plug-in of a setting; returns ``KEY=FILE``."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def write(key: str, text: str = "", name: str = "") -> str:
        path = tmp_path / f"{name or 'my_' + key.replace('.', '_')}.py"
        path.write_text(text or SETTINGS[key])
        return f"{key}={path}"

    return write


def run(cell, folder):
    return run_cell(cell, Store(folder / "smoke"), device="cpu", callback=IgnoreProgress())


@pytest.mark.parametrize("key", SETTINGS)
def test_content_is_in_the_id_and_the_path_is_not(cells, written, tmp_path, key):
    (plain,), (cell,) = cells(), cells(written(key))
    assert cell.id != plain.id and str(tmp_path) not in str(cell.identity)
    (tmp_path / "moved").mkdir()
    path = tmp_path / f"my_{key.replace('.', '_')}.py"
    moved = path.rename(tmp_path / "moved" / path.name)
    assert cells(f"{key}={moved}")[0].id == cell.id
    moved.write_text(moved.read_text() + "# changed\n")
    assert cells(f"{key}={moved}")[0].id != cell.id
    if key != "source.image":
        told = cell.identity["plugins"]["policy.code" if key == "policy" else key]
        assert len(told["sha256"]) == 64 and told["version"] == ""


def test_a_plug_in_of_the_student_does_not_change_the_teacher(cells, written):
    (plain,) = cells()
    assert cells(written("student.network"))[0].teacher_key == plain.teacher_key
    assert cells(written("recipe.loss"))[0].teacher_key == plain.teacher_key
    (own,) = cells(written("student.network").replace("student.", "teacher."))
    assert own.teacher_key != plain.teacher_key and own.teacher_key.startswith("digits-my_student_network")


def test_all_kinds_run_together_and_the_cell_can_be_loaded_again(cells, written, tmp_path):
    (cell,) = cells(*map(written, SETTINGS))
    record = run(cell, tmp_path)
    assert record.status == "done", record.reason
    assert (record.policy, record.student, record.source["name"]) == (
        "my_policy", "my_student_network", "my_source_image",
    )  # fmt: skip
    assert record.costs == {"student_steps": 40, "teacher_forwards": 40 * 16 + 3, "generator_steps": 40}
    again = cell_of_record(record, Path("nowhere"), source=cell.source_path)
    assert (again.id, again.identity) == (cell.id, cell.identity)
    assert again.config.recipe.loss == "my_recipe_loss.py" and again.config.policy.code == "my_policy.py"
    (tmp_path / "my_recipe_loss.py").write_text(LOSS.format(factor=2))
    with pytest.raises(BadInput, match=r"the loss my_recipe_loss with the SHA-256 .* is needed"):
        cell_of_record(record, Path("nowhere"), source=cell.source_path)


@pytest.mark.parametrize("key", SETTINGS)
def test_each_changes_what_a_student_becomes(cells, written, tmp_path, key, ran):
    record = run(cells(written(key))[0], tmp_path)
    assert record.status == "done", record.reason
    assert record.metrics != ran.record.metrics
    assert record.controls["teacher_top1"] == ran.record.controls["teacher_top1"]


@pytest.mark.parametrize("key", ["recipe.loss", "method", "policy", "student.network"])
def test_code_that_changed_after_planning_is_refused(cells, written, tmp_path, key):
    (cell,) = cells(written(key))
    written(key, SETTINGS[key] + "# changed\n")
    record = run(cell, tmp_path)
    assert record.status == "failed" and "has changed since this run was planned" in record.reason


def test_a_mistake_in_code_fails_its_own_cell_with_a_sentence(cells, written, tmp_path):
    (cell,) = cells(written("method", "def METHOD(setup):\n    return setup.segment\n"))
    record = run(cell, tmp_path)
    assert record.status == "failed" and "segment" in record.reason


def test_unknown_names_are_refused_with_the_nearest(cells):
    for setting, message in (
        ("recipe.loss=mes", "there is no loss named 'mes'; did you mean mse"),
        ("method=segment", "there is no method named 'segment'; did you mean segments"),
        ("student.network=resnet-z-8", "there is no image network"),
        ("policy=publish", "there is no image policy"),
    ):
        with pytest.raises(UnknownName, match=message):
            cells(setting)


def test_a_policys_base_is_the_policy_that_it_changes(cells, written):
    own = cells(written("policy", POLICY + "POLICY.base = 'crop'\n"))[0].config.policy
    crop = cells("policy=crop")[0].config.policy
    assert replace(own, name="crop", code="") == crop
    with pytest.raises(BadInput, match=r"there is no image policy"):
        cells(written("policy", POLICY + "POLICY.base = 'crops'\n"))


def test_settings_of_the_base_can_still_be_typed(cells, written):
    assert cells(written("policy"), "policy.rotation=3")[0].config.policy.rotation == 3


def test_from_python_objects_are_passed_directly(tmp_path, quick):
    import numpy as np

    settings = dict(text.split("=") for text in quick if not text.startswith("source"))
    given = {"profile": "smoke", "settings": settings, "results": tmp_path}
    weight = 1.0

    def loss(student, teacher, segments, step):
        return weight * (student - teacher).square().mean()

    def brighter(segments, draws, step):
        return segments + 0.5

    picture = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    first = benchmark.run("digits", source=picture, loss=loss, policy=brighter, **given)
    assert first.status == "done", first.reason
    assert first.source["description"] == "passed from Python" and first.policy.startswith("own brighter ")
    assert benchmark.run("digits", source=picture, loss=loss, policy=brighter, **given) == first
    weight = 2.0
    assert benchmark.run("digits", source=picture, loss=loss, policy=brighter, **given).id != first.id
    picture = picture.copy()
    picture[0, 0] += 1
    weight = 1.0
    assert benchmark.run("digits", source=picture, loss=loss, policy=brighter, **given).id != first.id


def test_the_scaffold_writes_a_file_that_checks_and_is_listed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["benchmark", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    assert command("new", "focal", "--kind", "loss") == 0
    assert "benchmark check focal.py" in capsys.readouterr().out
    assert command("check", "focal.py") == 0
    assert "keeps the contract" in capsys.readouterr().out
    (tmp_path / "focal.py").write_text("def LOSS(*given): return 1\n")
    assert command("check", "focal.py") == 1
    for words, message in (
        (("new", "focal", "--kind", "loss"), "already exists"),
        (("new", "Focal", "--kind", "loss"), "not a valid name"),
        (("new", "soft", "--kind", "los"), "did you mean loss"),
        (("check", "none.py"), "cannot be read"),
    ):
        assert command(*words) == 2
        assert message in capsys.readouterr().err
    assert command("new", "soft", "--kind", "recipe") == 0
    assert (tmp_path / "soft.yaml").is_file()
    capsys.readouterr()
    assert command("list", "losses") == 0
    assert "standardised" in capsys.readouterr().out
