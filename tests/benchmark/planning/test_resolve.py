"""A request's configurations as YAML, and back to the same cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from benchmark.planning.plan import make_plan
from benchmark.planning.resolve import from_yaml, resolve, to_yaml
from benchmark.planning.select import Request
from modalities.errors import BadInput

NOWHERE = Path("nowhere")


def turned_round(request: Request, path: Path, device: str = "") -> None:
    """Check that a request's YAML has the same cells, variants, suite and manifest as the request."""
    resolved = resolve(request)
    text = to_yaml(resolved)
    path.write_text(text, encoding="utf-8")
    back = from_yaml(path, request.root, device or request.device)
    cells, again = make_plan(request), make_plan(back)
    assert [(cell.id, cell.row, cell.teacher_key) for cell in again] == [
        (cell.id, cell.row, cell.teacher_key) for cell in cells
    ]
    assert [cell.variants for cell in again] == [cell.variants for cell in cells]
    assert back.suite == resolved.suite
    assert back.request.profile_name == request.profile_name
    assert {**back.request.selection(), "device": ""} == {**request.selection(), "device": ""}
    assert to_yaml(replace(back, request=replace(back.request, device=request.device))) == text


OVERRIDES = st.fixed_dictionaries(
    {},
    optional={
        "seeds": st.lists(st.integers(0, 10**6), min_size=1, max_size=3, unique=True).map(
            lambda seeds: f"[{','.join(map(str, seeds))}]"
        ),
        "recipe.lr": st.floats(1e-12, 1e3).map(repr),
        "recipe.steps": st.integers(1, 10**9).map(str),
        "recipe.budget": st.floats(1e-3, 10).map(repr),
        "recipe.loss": st.sampled_from(["kl", "mse", "standardised"]),
        "recipe.precision": st.sampled_from(["auto", "float32", "bfloat16"]),
        "teacher.holdout": st.floats(0.01, 0.99).map(repr),
        "teacher.epochs": st.floats(0, 1e4).map(repr),
        "data.subset": st.sampled_from(["true", "false"]),
        "method": st.sampled_from(["segments", "inversion"]),
        "threads": st.integers(1, 64).map(str),
    },
).map(lambda chosen: tuple(f"{key}={value}" for key, value in chosen.items()))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    targets=st.lists(st.sampled_from(["digits", "cifar10", "fsdd", "esc50", "ucf101"]), min_size=1, max_size=2),
    profile=st.sampled_from(["smoke", "demo", "small", "paper"]), overrides=OVERRIDES,
    controls=st.sampled_from([(), ("noise",)]), device=st.sampled_from(["cpu", "cuda"]),
)  # fmt: skip
def test_ids_survive_the_file(tmp_path, targets, profile, overrides, controls, device):
    request = Request(
        profile=profile, targets=tuple(targets), overrides=overrides, controls=controls, root=NOWHERE, device=device
    )
    turned_round(request, tmp_path / "all.yaml", device="cpu")  # what auto means is decided when the file is made


@pytest.mark.parametrize("suite", ["mixing", "policies", "claims", "budget", "students"])
def test_variants_and_claims_survive_the_file(tmp_path, suite):
    turned_round(Request(suite=suite, profile="smoke", targets=("cifar10", "fsdd"), root=NOWHERE), tmp_path / "a.yaml")


def test_the_control_of_a_profile_survives_the_file(tmp_path):
    turned_round(Request(profile="demo", modalities=("audio",), root=NOWHERE), tmp_path / "a.yaml")


def test_files_of_ones_own_survive_the_file(tmp_path, photo):
    (tmp_path / "mine.yaml").write_text(
        "profile: {base: small, data: stand-in, meaning: ours}\nrecipe: {lr: 0.125}\n"
        "targets: {digits: {view: {size: 24}}}\n"
    )
    (tmp_path / "calm.yaml").write_text("base: published\nrotation: 5\n")
    (tmp_path / "long.yaml").write_text("base: onecycle\nname: '1e5'\nsteps: 100000\n")
    (tmp_path / "both.yaml").write_text(
        "suite:\n  axis: mixing\n  targets: [digits]\n  variants: {'yes': [], 'no': [recipe.mixing=none]}\n"
        "  claims: [{name: a, hypothesis: It helps., better: 'yes', than: 'no', at_least: 0.01}]\nseeds: [3, 1]\n"
    )
    request = Request(
        suite=str(tmp_path / "both.yaml"), profile=str(tmp_path / "mine.yaml"), targets=("digits",), root=NOWHERE,
        overrides=(f"policy={tmp_path / 'calm.yaml'}", f"recipe={tmp_path / 'long.yaml'}", f"source.image={photo}"),
    )  # fmt: skip
    turned_round(request, tmp_path / "all.yaml")
    turned_round(replace(request, suite="all", label="mine: a, b"), tmp_path / "all.yaml")


def test_plug_ins_survive_the_file(tmp_path):
    (tmp_path / "my_loss.py").write_text("def LOSS(student, teacher, segments, step):\n    return student.sum()\n")
    (tmp_path / "brighter.py").write_text("def POLICY(segments, draws, step):\n    return segments + 0.25\n")
    (tmp_path / "net.py").write_text("def NETWORK(shape, classes):\n    raise NotImplementedError\n")
    overrides = (
        f"recipe.loss={tmp_path / 'my_loss.py'}", f"policy={tmp_path / 'brighter.py'}",
        f"student.network={tmp_path / 'net.py'}",
    )  # fmt: skip
    turned_round(Request(profile="smoke", targets=("digits",), root=NOWHERE, overrides=overrides), tmp_path / "a.yaml")


@pytest.fixture
def document(tmp_path):
    """The content of a file for two cells; and a function that reads it after a change."""
    text = to_yaml(resolve(Request(profile="smoke", targets=("digits", "fsdd"), root=NOWHERE)))
    path = tmp_path / "mine.yaml"

    def read(changed):
        path.write_text(OmegaConf.to_yaml(OmegaConf.create(changed)))
        return from_yaml(path, NOWHERE, "cpu")

    return OmegaConf.to_container(OmegaConf.create(text)), read, path


WRONG = [
    (lambda d: d["cells"][0]["recipe"].update(lrr=1), "no setting of image targets named 'recipe.lrr'; did you mean"),
    (lambda d: d["cells"][1]["view"].update(size=1), "no setting of audio targets named 'view.size'"),
    (lambda d: d["cells"][0]["recipe"].update(lr="high"), "'recipe.lr' is refused: Value 'high'"),
    (lambda d: d["cells"][0]["recipe"].update(lr=None), "recipe.lr"),
    (lambda d: d["cells"][0]["recipe"].update(lr=-1), "recipe.lr=-1.0 is out of range; give a number above 0"),
    (lambda d: d["cells"][0]["recipe"].update(mixing="cutmx"), "no recipe.mixing named 'cutmx'; did you mean cutmix"),
    (lambda d: d["cells"][0].update(recipe=3), "recipe is a group of settings"),
    (lambda d: d.update(seeds=3), "seeds is a list; write"),
    (lambda d: d.update(seed=[3]), "no section named 'seed'; did you mean seeds"),
    (lambda d: d["cells"][0].update(target="digit"), "no target named 'digit'; did you mean digits"),
    (lambda d: d["cells"][0].pop("target"), "entry 1 of cells has no target"),
    (lambda d: d["cells"][0]["recipe"].pop("lr"), "'recipe.lr' has no value"),
    (lambda d: d["cells"][0]["policy"].update(flip=2), "policy.flip is 2.0; give a number from 0 to 1"),
    (lambda d: d["cells"][0]["recipe"].update(name="$" + "{seeds}"), "recipe.name contains an interpolation"),
    (lambda d: d.pop("cells"), "the list 'cells' is missing or empty"),
    (lambda d: d.update(cells=[]), "the list 'cells' is missing or empty"),
    (lambda d: d["suite"].update(axes="x"), "axes"),
    (lambda d: d["request"].update(target=["digits"]), "no key of request named 'target'; did you mean targets"),
    (lambda d: d["request"].update(targets="digits"), "request.targets is digits; write a list"),
    (lambda d: d["cells"][0].update(profile={"name": "other"}), "profile.name is other and smoke"),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_what_is_wrong_is_one_sentence_with_file_and_key(document, change, said):
    content, read, path = document
    read(content)  # as it was, it can be read
    change(content)
    with pytest.raises(BadInput) as error:
        read(content)
    assert said in str(error.value)
    assert str(error.value).count(str(path)) == 1
    assert str(error.value).count("\n") == 0


def test_a_setting_that_is_left_out_has_the_default_of_the_schema(document):
    content, read, _ = document
    del content["cells"][0]["recipe"]["budget"], content["threads"]
    config = read(content).configurations[0][2]
    assert (config.recipe.budget, config.threads) == (1.0, 1)
