"""What goes to a terminal fits it: entries fold between words, and columns are left out with a note."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cli import text_table
from benchmark.cli.text_table import print_table, say

WORDS = st.text("abcdefgh0123456789.-/%é", min_size=1, max_size=30)
TEXTS = st.lists(WORDS, max_size=12).map(" ".join)
TABLES = st.integers(1, 7).flatmap(
    lambda columns: st.tuples(
        st.lists(WORDS.filter(lambda word: len(word) < 12), min_size=columns, max_size=columns, unique=True),
        st.lists(st.lists(TEXTS, min_size=columns, max_size=columns), max_size=5),
    )
)


@pytest.fixture
def terminal(monkeypatch):
    """Make standard output a terminal of some width."""

    def of(width):
        monkeypatch.setattr(text_table, "terminal_width", lambda stream=None: width)

    return of


@given(table=TABLES, width=st.integers(20, 120))
def test_no_line_is_wider_than_the_terminal_unless_a_single_word_is(table, width):
    heads, rows = table
    texts = [heads, *rows]
    for line in text_table._lines(texts, width, ()):
        assert len(line) <= width or max(map(len, line.split())) > width - text_table.LAST


@given(table=TABLES, width=st.integers(20, 120))
def test_every_word_of_the_columns_that_are_shown_stays_whole(table, width):
    heads, rows = table
    lines = list(text_table._lines([heads, *rows], width, ()))
    note = " ".join(line.strip() for line in lines).partition("columns are too few for: ")[2]
    left_out = note.partition("; a wider")[0].split(", ") if note else []
    printed = [word for line in lines for word in line.split()]
    for i, head in enumerate(heads):
        if head not in left_out:
            for word in (head, *(word for row in rows for word in row[i].split())):
                assert word in printed
    assert heads[0] not in left_out


@given(table=TABLES)
def test_a_table_that_fits_is_the_one_that_a_file_gets(table):
    heads, rows = table
    texts = [heads, *rows]
    natural = text_table._natural(texts)
    width = sum(natural) + text_table.GAP * (len(natural) - 1)
    assert list(text_table._lines(texts, width, ())) == [text_table._joined(row, natural) for row in texts]


def test_long_text_folds_with_an_indent(terminal, capsys):
    terminal(40)
    print_table(["name", "meaning"], [["all", "every target except the variant of 35 words"], ["few", "some"]])
    assert capsys.readouterr().out.splitlines() == [
        "name  meaning",
        "all   every target except the variant of",
        "        35 words",
        "few   some",
    ]


def test_columns_that_do_not_fit_are_left_out_in_the_given_order_with_a_note(terminal, capsys):
    heads, row = ["target", "student %", "chance %", "rank"], ["cifar10-of-these", "75.7", "10.0", "1"]
    terminal(31)
    print_table(heads, [row], least=["chance %"])
    assert capsys.readouterr().out.splitlines()[:2] == [
        "target            student  rank",
        "                  %",
    ]
    print_table(heads, [row], least=["chance %"])
    assert "(31 columns are too few for:\n chance %; a wider" in capsys.readouterr().out
    terminal(20)
    print_table(heads, [row], least=["chance %"])
    assert "for: student %, chance %, rank; " in " ".join(capsys.readouterr().out.split())


def test_a_long_word_of_the_last_column_goes_beneath_its_row_whole(terminal, capsys):
    terminal(40)
    url = "https://example.org/a/very/long/address"
    print_table(["target", "state", "next"], [["fsdd", "absent", f"get {url}"], ["esc50", "ready", ""]])
    assert capsys.readouterr().out.splitlines() == [
        "target  state   next", "fsdd    absent", "    get", f"    {url}", "esc50   ready",
    ]  # fmt: skip


def test_without_a_terminal_nothing_folds(capsys):
    long = "word " * 100
    print_table(["a", "b"], [["x", long.strip()]])
    say(long.strip())
    assert [len(line) for line in capsys.readouterr().out.splitlines()] == [4, 3 + 499, 499]


def test_sentences_fold_with_an_indent_at_the_width_of_their_own_stream(terminal, capsys):
    terminal(30)
    say("  failed: cifar10: the disk is full, free some space", file=sys.stderr)
    assert capsys.readouterr().err.splitlines() == ["  failed: cifar10: the disk is", "      full, free some space"]


def test_control_characters_are_escaped(capsys):
    print_table(["a"], [["\x1b[31m"]])
    say("\x1b[31m")
    assert "\x1b" not in capsys.readouterr().out


def on_a_terminal(columns: int, *words: str) -> str:
    """What a command prints on a terminal of its own."""
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - another process
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        own = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        os.execve(sys.executable, [sys.executable, "-m", "benchmark", *words], own)  # without what readline has set
    printed = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the child has ended
            break
        if not part:
            break
        printed += part
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0
    return printed.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("what", ["suites", "targets", "profiles"])
def test_commands_fit_a_real_terminal(columns, what):
    printed = on_a_terminal(columns, "list", what)
    assert printed
    assert max(map(len, printed.splitlines())) <= columns


def test_a_table_is_text_on_a_terminal_and_markdown_in_a_file(benchmark, finished):
    words = ("table", "--profile", "small", "--results", str(finished))
    printed = on_a_terminal(80, *words)
    assert max(map(len, printed.splitlines())) <= 80
    assert "| target" not in printed
    assert printed.startswith("Leaderboard, profile small\n")
    assert benchmark(*words).out == benchmark(*words, "--format", "markdown").out
    in_a_file = benchmark(*words, "--format", "text").out
    assert any(line.startswith("target ") and "untrained %" in line for line in in_a_file.splitlines())
