"""No encoding of the output, no locale and no name of a file ends a command; files are UTF-8 whatever the locale."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import unicodedata

import pytest

from benchmark.cli import app

COMPOSED = "café ×é.png"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
ENCODINGS = ("ascii", "latin-1", "cp1252", "utf-8")
PLAIN_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def encoded(monkeypatch):
    """Call the command line in this process with streams of an encoding; return exit code and both streams' bytes."""

    def call(encoding, *words):
        streams = {name: io.TextIOWrapper(io.BytesIO(), encoding=encoding) for name in ("stdout", "stderr")}
        for name, stream in streams.items():
            monkeypatch.setattr(sys, name, stream)
        monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        for stream in streams.values():
            stream.flush()
        return int(ended.value.code or 0), *(stream.buffer.getvalue() for stream in streams.values())

    return call


@pytest.fixture
def picture(photo, tmp_path):
    path = tmp_path / COMPOSED
    path.write_bytes(photo.read_bytes())
    return path


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_help_lists_errors_and_plans_are_printed_in_every_encoding(encoded, picture, tmp_path, encoding):
    for words in (
        ("--help",), ("run", "--help"), ("list", "sources"), ("list", "networks"), ("list", "policies"),
        ("data", "status", "cifar10", "--root", tmp_path / "é"), ("clean", "--results", tmp_path / "é"),
        ("plan", "--target", "digits", "profile=smoke", f"source.image={picture}", "--results", tmp_path),
    ):  # fmt: skip
        code, out, err = encoded(encoding, *words)
        assert code == 0, (words, err)
        out.decode(encoding)
        assert out
    code, _, err = encoded(encoding, "plan", "--target", "digits", f"source.image={tmp_path}/nø {COMPOSED}")
    assert code == 2
    assert err.startswith(b"benchmark: there is no file ")
    err.decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_run_prints_its_progress_and_its_table_in_every_encoding(encoded, inline, small, picture, tmp_path, encoding):
    words = ("--exclude", "cifar10", *small, f"source.image={picture}", "--results", tmp_path)
    code, out, err = encoded(encoding, "run", *words)
    assert code == 0, err
    assert b"teacher" in err
    out.decode(encoding)
    for path in (tmp_path / "small").glob("leaderboard.*"):
        path.read_bytes().decode("utf-8")
    markdown = (tmp_path / "small" / "leaderboard.md").read_bytes()
    code, out, _ = encoded(encoding, "table", "--profile", "small", "--results", tmp_path)
    assert (code, out) == (0, markdown), "what is redirected into a file is that file"
    assert unicodedata.normalize("NFC", COMPOSED) in markdown.decode("utf-8")


def test_signs_of_ours_become_words_and_others_escapes(encoded, picture, tmp_path):
    words = ("plan", "--target", "digits", "profile=smoke", f"source.image={picture}", "--results", tmp_path)
    _, out, _ = encoded("ascii", *words)
    assert rb"caf\xe9 x\xe9.png" in out
    _, out, _ = encoded("latin-1", *words)
    assert COMPOSED.encode("latin-1") in out


def test_live_bars_are_drawn_in_ascii(monkeypatch, cells, picture):
    from benchmark.cli.output import print_whatever_is_said
    from benchmark.launch.display import Live
    from benchmark.launch.progress import Step
    from benchmark.planning.expected import Expected

    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    screen = Terminal(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", screen)
    print_whatever_is_said()
    (cell,) = cells(f"source.image={picture}")
    with Live([cell], 1, {cell.id: Expected(0.0, 1.0, True)}) as display:
        display.started(0, cell)
        display.moved(0, Step("distill", 1, 2))
        display.refresh()
        display.ended(0, cell, cell.record("failed", "à la carte", provenance={}))
    screen.flush()
    assert rb"caf\xe9" in screen.buffer.getvalue()


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
@pytest.mark.parametrize("name", [COMPOSED, DECOMPOSED, b"caf\xe9 \xff.png"], ids=["composed", "decomposed", "bytes"])
@pytest.mark.parametrize(
    "variables", [PLAIN_LOCALE, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"}],
    ids=["C", "ascii", "cp1252"],
)  # fmt: skip
def test_processes_under_other_locales_draw_previews_of_files_with_any_name(photo, tmp_path, name, variables):
    folder = tmp_path / "ü"
    folder.mkdir()
    source = folder / os.fsdecode(name)
    source.write_bytes(photo.read_bytes())
    command = [sys.executable, "-m", "benchmark", "preview", "video", f"source.video={source}", "--out"]
    done = subprocess.run(
        [*command, folder / "drawn é.png"], env=os.environ | variables, capture_output=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-600:]
    assert (folder / "drawn é.png").stat().st_size > 1000


PLANNED = """
import os, sys
from pathlib import Path
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
(cell,) = make_plan(Request(profile="smoke", targets=("digits",), overrides=(sys.argv[1],), root=Path("nowhere")))
print(cell.id, ascii(cell.source.name))
"""


@pytest.mark.skipif(os.name != "posix", reason="locales")
def test_an_id_depends_neither_on_the_locale_nor_on_the_form_in_which_a_name_is_stored(photo, tmp_path):
    found = set()
    for folder, name in enumerate((COMPOSED, DECOMPOSED)):
        path = tmp_path / str(folder) / name
        path.parent.mkdir()
        path.write_bytes(photo.read_bytes())
        for variables in (PLAIN_LOCALE, {"PYTHONUTF8": "1"}):
            command = [sys.executable, "-c", PLANNED, f"source.image={path}"]
            found.add(subprocess.run(command, env=os.environ | variables, capture_output=True, check=True).stdout)
    assert len(found) == 1
    assert ascii(COMPOSED).encode() in found.pop()
