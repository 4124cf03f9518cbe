"""Settings are data: nothing typed or configured reads the environment, runs code or names a file of settings."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import benchmark
from benchmark.config.compose import compose_target
from modalities.errors import BadInput

SECRET = "only-for-the-owner"


def composed(*overrides: str):
    return compose_target("digits", list(overrides), profile="smoke", suite="all")


@pytest.mark.parametrize(
    "text",
    [
        "source.image=${oc.env:SECRET}", "source.image='${oc.env:SECRET}'", "source.image=a${oc.env:SECRET}.png",
        "teacher.weights=${oc.env:SECRET}", "recipe.name=${oc.env:SECRET}", "student.network=${oc.env:SECRET}",
        "recipe.name=$\\{oc.env:SECRET\\}", "recipe.name=$\\{oc.env:SECRET}", "seeds=[$\\{oc.env:SECRET\\}]",
        "recipe.name=\\${oc.env:SECRET}", 'recipe.name="${oc.env:SECRET}"', "seeds=[${oc.decode:0}]",
        "${oc.env:SECRET}=1", "recipe.${oc.env:SECRET}=1", "recipe.name=${hydra:runtime.cwd}",
        "recipe._target_=os.system", "+recipe._target_=os.system", "++view._target_=os.system", "_target_=os.system",
        "view={_target_:os.system,_args_:[true]}", "recipe={_target_:os.system}", "policy={_target_:os.system}",
        "teacher.training={_target_:os.system}", "teacher={_target_:os.system,_args_:[true]}",
        "hydra.run.dir=/tmp", "hydra/launcher=basic", "hydra.job.env_set.PATH=x", "recipe@teacher=quick",
        "profile=../../secret", "recipe=../../secret", "policy=../../secret", "recipe=/etc/passwd", "~recipe.name",
    ],
)  # fmt: skip
def test_settings_that_would_read_the_environment_or_run_code_are_refused(text: str, monkeypatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setattr("os.system", lambda *words: pytest.fail("something was run"))
    with pytest.raises(BadInput) as caught:
        composed(text)
    assert SECRET not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text", ["source.image=$\\{oc.env:SECRET\\}", "recipe.name='$\\{oc.env:SECRET\\}'", "source.image=$SECRET"]
)
def test_what_only_resembles_an_interpolation_stays_text(text: str, monkeypatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    try:
        assert SECRET not in str(composed(text))
    except BadInput as error:
        assert SECRET not in str(error)


def test_the_packaged_settings_read_no_environment_and_name_no_code() -> None:
    paths = sorted((Path(benchmark.__file__).parent / "config").rglob("*.yaml"))
    assert len(paths) > 40
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert "oc.env" not in text and "_target_" not in text, path


def test_no_module_instantiates_from_settings_or_reads_a_pickle_in_full() -> None:
    root = Path(benchmark.__file__).parents[1]
    forbidden = {"instantiate", "eval", "exec", "get_class", "get_method", "unsafe_load", "full_load"}
    for path in (*root.glob("benchmark/**/*.py"), *root.glob("modalities/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            assert called.rpartition(".")[2] not in forbidden or called.endswith(".eval"), f"{path}: {called}"
            if called in ("torch.load", "np.load", "numpy.load"):
                safe = {"torch.load": ("weights_only", True)}.get(called, ("allow_pickle", False))
                given = {word.arg: ast.literal_eval(word.value) for word in node.keywords if word.arg == safe[0]}
                assert given == dict([safe]), f"{path}: {called}"
            if called == "pickle.loads":
                assert path.name in ("checks.py", "torchrun_ranks.py"), f"{path}: of its own object only"
