"""``benchmark check``: pass or fail item by item, as text and as JSON, with an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.app import app
from modalities import registry
from modalities.contract.checks import CHECKS
from modalities.errors import BadInput


def code_of(*arguments: str) -> int:
    """Exit code of a command line, as a shell sees it."""
    with pytest.raises(SystemExit) as ended:
        app(list(arguments))
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
            raise BadInput("the plug-in target 'broken' cannot be used; fix it.")
        return load(name)

    monkeypatch.setattr(registry, "target", target)
    monkeypatch.setattr(registry, "origin", lambda name: "somewhere")
    monkeypatch.setattr(registry, "target_names", lambda: ["broken", "cifar10"])
    assert code_of("check", "--all") == 1
    out = capsys.readouterr().out
    assert "the plug-in target 'broken' cannot be used; fix it." in out
    assert "cifar10 (somewhere): keeps the contract" in out


def test_real_data_under_a_root_are_checked_instead_of_a_stand_in(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert code_of("check", "cifar10", "--root", str(tmp_path), "--format", "json") == 1
    rows = {row["item"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["status"]["detail"].startswith("status() says absent")


@pytest.mark.parametrize("arguments", [["check"], ["check", "cifar10", "--all"]])
def test_targets_or_all_must_be_given_but_not_both(arguments: list[str]) -> None:
    with pytest.raises(BadInput, match="name the targets to check, or give --all"):
        app(arguments)


def test_an_unknown_target_answers_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean cifar10"):
        app(["check", "cifar01"])


ADAPTER = """
from modalities.audio.folder import AudioFolderTarget
from modalities.base import TargetInfo

class Notes(AudioFolderTarget):
    info = TargetInfo(
        name="filled", title="Notes", modality="audio", classes=("low", "high"), train_items=0, test_items = 0,
        licence="not stated", citation="@misc{notes, title={Notes}}", homepage="https://example.org",
        download_bytes=0, leak_unit="player",
    )

TARGET = Notes()
"""


@pytest.fixture
def uncounted(tmp_path: Path, plug_in: Callable[[Path, str, str], None]) -> Iterator[Path]:
    """The file of an adapter that states no numbers, with 1,204 and 3 sounds in the folder ``data`` beside it."""
    path = tmp_path / "filled_module.py"
    path.write_text(ADAPTER)
    for split, numbers in (("train", (1_200, 4)), ("test", (2, 1))):
        for label, number in zip(("low", "high"), numbers, strict=True):
            folder = tmp_path / "data" / "filled" / split / label
            folder.mkdir(parents=True)
            for i in range(number):
                (folder / f"{i}.wav").write_bytes(b"RIFF")
    plug_in(tmp_path, "filled", "filled_module:TARGET")
    yield path
    sys.modules.pop("filled_module", None)


def test_numbers_that_an_adapter_does_not_state_are_counted_and_written_into_it(
    uncounted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code_of("check", "filled", "--root", str(uncounted.parent / "data"), "--fill-counts")
    assert uncounted.read_text() == ADAPTER.replace("train_items=0", "train_items=1_204").replace(
        "test_items = 0", "test_items=3"
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"filled: wrote train_items=1_204, test_items=3 into {uncounted}"
    assert "pass  sizes              1,204 and 3 labelled files, as its info says." in lines
    code_of("check", "filled", "--root", str(uncounted.parent / "data"), "--fill-counts")
    assert capsys.readouterr().out.splitlines()[0] == f"filled: wrote nothing into {uncounted}"


def test_numbers_that_an_adapter_states_stay_whatever_is_on_disk(
    uncounted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = ADAPTER.replace("train_items=0", "train_items=2_000")
    uncounted.write_text(stated)
    assert code_of("check", "filled", "--root", str(uncounted.parent / "data"), "--fill-counts") == 1
    assert uncounted.read_text() == stated.replace("test_items = 0", "test_items=3")
    assert "train: 796 of 2,000 files" in capsys.readouterr().out


def test_numbers_are_not_guessed_without_data_or_into_other_code(uncounted: Path) -> None:
    with pytest.raises(BadInput, match="say with --root in which folder"):
        app(["check", "filled", "--fill-counts"])
    uncounted.write_text(ADAPTER.replace("train_items=0", "train_items=int()"))
    with pytest.raises(BadInput, match="does not say train_items=0 once; write train_items=1_204 there yourself"):
        app(["check", "filled", "--root", str(uncounted.parent / "data"), "--fill-counts"])


def test_a_target_without_a_stand_in_says_that_real_data_must_be_checked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, plug_in: Callable[[Path, str, str], None]
) -> None:
    own = ADAPTER.replace("FolderTarget", "FileTarget").replace("filled", "bare").replace("s=0", "s=1")
    listed = "    def files(self, home):\n        return []\n\n\nTARGET"
    (tmp_path / "bare_module.py").write_text(own.replace("s = 0", "s=1").replace("TARGET", listed))
    plug_in(tmp_path, "bare", "bare_module:TARGET")
    assert code_of("check", "bare") == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head.endswith("keeps the contract as far as that shows without data; check the real data with --root DIR")
