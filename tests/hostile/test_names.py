"""Names from outside: what a terminal would obey is shown, not obeyed; and a name that is no text costs nothing."""

from __future__ import annotations

import json
import math
import os
import pickle
import sys
from pathlib import Path

import pytest

from benchmark.cli import app as cli
from benchmark.cli.text_table import print_table
from benchmark.launch.display import PlainLines
from benchmark.planning.expected import Expected
from benchmark.records.record import Record
from benchmark.records.store import Store
from modalities import registry
from modalities.audio.folder import AudioFolderTarget
from modalities.audio.policies import AudioView
from modalities.base import TargetInfo
from modalities.errors import BadInput, UnknownName, readable
from modalities.image.folder import ImageFolderTarget
from modalities.image.policies import ImageView

NASTY = ("\x1b]0;title\x07", "\x1b[2J", "a\nbenchmark: all is well", "a\rb", "\x9b31m", "\u202egnp.exe", "\x7f\x08",
         "\u2028", os.fsdecode(b"\xff\xfe"))  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_what_is_shown_is_one_printable_line_and_tells_names_apart(text: str) -> None:
    assert readable(text).isprintable()
    assert readable(text) != readable(text[:-1])
    assert readable(readable(text)) == readable(text)
    readable(text).encode("utf-8")


def test_ordinary_names_are_shown_as_they_are() -> None:
    for text in ("photo (1).jpg", "é中😀 – ½.png", r"C:\pictures\a.jpg", 'it\'s "so"'):
        assert readable(text) == text


@pytest.mark.parametrize("text", NASTY)
def test_a_sentence_to_the_user_is_clean_whatever_it_names_also_after_a_journey(text: str) -> None:
    for error in (BadInput(f"{text} is bad"), UnknownName("target", text, ["digits"])):
        assert str(error).isprintable()
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("text", [text for text in NASTY if "\0" not in text])
@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_the_command_line_names_a_hostile_file_without_obeying_it(tmp_path, monkeypatch, capfd, modality, text) -> None:
    path = tmp_path / f"x{text.replace('/', '')}.bin"
    path.write_bytes(b"no picture, sound or clip")
    words = ["benchmark", "preview", modality, f"source.{modality}={path}", "--out", str(tmp_path / "out.png")]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capfd.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("benchmark: ")
    assert said.count("\n") == 1
    assert said[:-1].isprintable()


@pytest.mark.parametrize("text", NASTY)
def test_tables_and_progress_lines_cannot_steer_a_terminal(capsys, text: str) -> None:
    print_table(["target", "source"], [["digits", text]])
    shown = capsys.readouterr().out
    assert shown.count("\n") == 2
    assert all(line.isprintable() for line in shown.splitlines())
    PlainLines([], 1, {})._print(f"start  digits · {text}")
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert shown[:-1].isprintable()


def test_the_live_display_cannot_be_steered(monkeypatch, cell_named) -> None:
    from io import StringIO

    from benchmark.launch.display import Live

    screen = StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    cell, record = cell_named("\x1b]0;title\x07\n[bold]x")
    with Live([cell], 1, {"a": Expected(0.0, 1.0, True)}) as display:
        display.started(0, cell)
        display.ended(0, cell, record)
    text = screen.getvalue()
    assert "\x1b]0;title" not in text
    assert r"\x1b]0;title\x07\n[bold]x" in text


@pytest.fixture
def cell_named():
    """A stand-in for a planned cell and its failed record, of a source with a given name."""
    from types import SimpleNamespace

    def make(name: str):
        cell = SimpleNamespace(
            id="a", key=SimpleNamespace(target="digits", fold=1, seed=0), source=SimpleNamespace(name=name),
            teacher_key="t",
        )  # fmt: skip
        return cell, SimpleNamespace(status="failed", reason=f"the source {name} is bad")

    return make


def test_files_whose_names_are_no_text_are_read_like_any_other(tmp_path: Path) -> None:
    class Pictures(ImageFolderTarget):
        info = TargetInfo("own", "Own", "image", ("a", "b"), 4, 2, "", "", "", 0, "file")
        sample_items = (4, 2)

    class Sounds(AudioFolderTarget):
        info = TargetInfo("heard", "Heard", "audio", ("a", "b"), 4, 2, "", "", "", 0, "file")
        sample_items = (2, 1)

    for adapter, view, suffix in ((Pictures(), ImageView(), "png"), (Sounds(), AudioView(), "wav")):
        adapter.write_sample(tmp_path, 0)
        folder = tmp_path / adapter.info.name / "train" / "a"
        first = next(folder.glob(f"*.{suffix}"))
        first.rename(folder / os.fsdecode(b"\xff\x1b[31m." + suffix.encode()))
        assert adapter.status(tmp_path).state in ("ready", "partial")
        split = adapter.train(tmp_path, view)
        assert len({item.item_id for item in (split[i] for i in range(len(split)))}) == len(split)


# --- records -----------------------------------------------------------------------------------------------------


def content() -> dict:
    record = Record(
        id="a", row="r", target="digits", modality="image", fold=1, seed=0, status="done",
        source={"name": "x", "sha256": "", "description": ""}, policy="p", recipe="q", teacher="t", student="s",
        profile="demo", data="real", config={}, provenance={}, metrics={"top1": 0.5, "items": 10.0},
    )  # fmt: skip
    return json.loads(record.to_json())


@pytest.mark.parametrize(
    "change",
    [
        '"seed": 1e999', '"seed": NaN', f'"seed": {10**400}', f'"segments": {10**30}', '"segments": -1',
        f'"metrics": {{"top1": {10**400}}}', '"metrics": {"top1": Infinity}', '"metrics": {"top1": "0.5"}',
        f'"config": {"[" * 100_000}', '"config": {"a": ' * 2000, f'"seed": {"9" * 5000}', '"id": ""',
        '"status": "fine"',
    ],
    ids=str.__len__,
)  # fmt: skip
def test_a_record_with_absurd_numbers_or_depth_is_refused_in_one_sentence(tmp_path: Path, change: str) -> None:
    key = change.split(":")[0]
    text = json.dumps({name: value for name, value in content().items() if f'"{name}"' != key})
    path = tmp_path / "cells" / "a" / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text(f"{text[:-1]}, {change}}}")
    with pytest.raises(BadInput) as caught:
        Store(tmp_path).read("a")
    assert str(caught.value).isprintable()
    assert "record.json" in str(caught.value)


def test_the_record_that_these_tests_change_is_whole(tmp_path: Path) -> None:
    assert not math.isnan(Record.from_json(json.dumps(content())).metrics["top1"])
