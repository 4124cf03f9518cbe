"""``benchmark check``: pass or fail item by item, for people and for programs, with an exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import app as cli
from modalities import registry
from modalities.contract.checks import CHECKS
from modalities.errors import BadInput


def code_of(*arguments: str) -> int:
    """Exit code of a command line, as a shell sees it."""
    with pytest.raises(SystemExit) as ended:
        cli.app(list(arguments))
    return int(ended.value.code or 0)


def test_every_item_of_the_contract_is_a_line_with_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("check", "cifar10") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "cifar10 (modalities.image.targets.cifar10): keeps the contract"
    shown = {line[6:].split("  ")[0]: line[:4] for line in lines[2:] if line}
    assert set(shown) == set(CHECKS)
    assert shown["no leak"] == "pass" and shown["sizes"] == "skip"


def test_programs_read_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("check", "cifar10", "--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["item"] for row in rows] == list(CHECKS)
    assert {row["target"] for row in rows} == {"cifar10"}


def test_an_adapter_that_breaks_the_contract_ends_with_1_and_says_how(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = registry.target("cifar10")
    monkeypatch.setattr(
        adapter, "test", lambda root, view, fold=1: type(adapter).train(adapter, root, view), raising=False
    )
    assert code_of("check", "cifar10") == 1
    out = capsys.readouterr().out
    assert "items fail" in out.splitlines()[0]
    assert "fail  no leak" in out


def test_a_plug_in_that_cannot_be_loaded_does_not_hide_the_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load = registry.target

    def target(name: str) -> Any:
        if name == "broken":
            raise BadInput("the plug-in target 'broken' cannot be used; mend it.")
        return load(name)

    monkeypatch.setattr(registry, "target", target)
    monkeypatch.setattr(registry, "origin", lambda name: "somewhere")
    monkeypatch.setattr(registry, "target_names", lambda: ["broken", "cifar10"])
    assert code_of("check", "--all") == 1
    out = capsys.readouterr().out
    assert "the plug-in target 'broken' cannot be used; mend it." in out
    assert "cifar10 (somewhere): keeps the contract" in out


def test_real_data_under_a_root_are_checked_instead_of_a_stand_in(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert code_of("check", "cifar10", "--root", str(tmp_path), "--format", "json") == 1
    rows = {row["item"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["status"]["detail"].startswith("status() says absent")


@pytest.mark.parametrize("arguments", [["check"], ["check", "cifar10", "--all"]])
def test_what_to_check_must_be_said_once(arguments: list[str]) -> None:
    with pytest.raises(BadInput, match="name the targets to check, or give --all"):
        cli.app(arguments)


def test_an_unknown_target_answers_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean cifar10"):
        cli.app(["check", "cifar01"])
