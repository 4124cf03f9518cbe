"""How a table of texts stands in LaTeX: numbers aligned at their points, and no line wider than the space there is.

Widths are counted in digits of the font, so that they hold for documents of 10, 11 and 12 points.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmark.leaderboard.latex_text import escape, width

# Digits in the narrowest line of the usual papers, by font size, the preferred first. A page: the text of `article` in
# one column; a column: 3 inches, of which two stand on a page.
SPACES = {
    "page": {"small": 71.0, "footnotesize": 78.0, "scriptsize": 84.0},
    "column": {"small": 42.0, "footnotesize": 46.0, "scriptsize": 53.0},
}
GAP = 1.6  # between two columns, \tabcolsep=3pt on both sides
NARROWEST = 12.0  # column of text whose lines are broken
LONGEST_HEAD = 20.0  # of a column of figures, beyond which its words are broken

_FIGURE = re.compile(r"([<≥≤] )?([-−]?)(\d+(?:,\d{3})*)((?:\.\d+)?)(.*)")
_HEAD_PARTS = re.compile(r"[^ _-]*[ _-]+|[^ _-]+")


@dataclass(frozen=True)
class Column:
    """A column of a table, with the texts of all of its rows."""

    head: str
    cells: tuple[str, ...]
    is_text: bool
    room: float | None = None  # at most this wide, in broken lines; None: as wide as its longest cell

    @cached_property
    def figures(self) -> list[re.Match[str]]:
        """Return the cells that are figures, of a column that aligns them."""
        found = [] if self.is_text else map(_FIGURE.fullmatch, self.cells)
        return [figure for figure in found if figure]

    @property
    def sides(self) -> tuple[bool, bool]:
        """Return whether something stands before a figure, and whether something does behind it."""
        return any(figure[1] for figure in self.figures), any(figure[5] for figure in self.figures)

    @property
    def parts(self) -> int:
        """Return how many columns of LaTeX it takes."""
        return 1 + sum(self.sides)

    @cached_property
    def cells_width(self) -> float:
        """Return the width of its widest cell, figures being aligned, without lines that are broken."""
        if self.room is not None:
            return self.room
        # Each part of the figures is aligned by itself: before the sign, up to the point, from the point on, behind.
        aligned = [(figure[1] or "", figure[2] + figure[3], figure[4], figure[5]) for figure in self.figures]
        parts = [max(map(width, texts)) for texts in zip(*aligned, strict=True)]
        others = (width(text) for text in self.cells if not self.figures or not _FIGURE.fullmatch(text))
        return max(sum(parts), *others, 0.0)

    @cached_property
    def width(self) -> float:
        """Return its width with its head, whose words may stand below each other."""
        return max(self.cells_width, *map(width, self.head_lines))

    @cached_property
    def head_lines(self) -> list[str]:
        """Return the lines of its head: few, and not wider than its cells if words allow it."""
        if self.is_text and self.room is None:
            return [self.head]
        longest = self.room or LONGEST_HEAD
        lines = [""]
        for part in _HEAD_PARTS.findall(self.head):
            for piece in _pieces(part, longest):
                line = lines[-1] + piece
                if lines[-1] and width(line.rstrip()) > min(max(self.cells_width, width(part.rstrip())), longest):
                    lines.append("")
                lines[-1] += piece
        return [line.rstrip() for line in lines]

    def specification(self, space: float) -> str:
        """Return what LaTeX calls such a column; ``space`` is the width that stands for ``\\linewidth``."""
        if self.room is not None:
            return f">{{\\raggedright\\arraybackslash}}p{{{int(1000 * self.room / space) / 1000:.3f}\\linewidth}}"
        if self.is_text:
            return "l"
        if not self.figures:
            return "c"
        whole = max(len(figure[3].replace(",", "")) for figure in self.figures)
        places = max(max(0, len(figure[4]) - 1) for figure in self.figures)
        sign = "-" if any(figure[2] for figure in self.figures) else ""
        before, behind = self.sides
        number = f"S[table-format={sign}{whole}{f'.{places}' if places else ''}]"
        return f"{'r@{}' if before else ''}{number}{'@{}l' if behind else ''}"

    def tex_head(self) -> str:
        """Return its head as LaTeX."""
        lines = [escape(line, width(line)) for line in self.head_lines]
        side = "[l]" if self.is_text else ""
        stacked = "\\\\".join(lines)
        text = stacked if len(lines) == 1 else f"\\shortstack{side}{{{stacked}}}"
        return self._beside_figures(text)

    def tex_cell(self, row: int) -> str:
        """Return the cell of a row as LaTeX."""
        text = self.cells[row]
        figure = None if self.is_text else _FIGURE.fullmatch(text)
        if figure is None:
            return self._beside_figures(escape(text, self.room - 1 if self.room else width(text)))
        number = ("-" if figure[2] else "") + figure[3].replace(",", "") + figure[4]
        before, behind = self.sides
        shown = [_tight(figure[1] or "")] * before + [number] + [_tight(figure[5])] * behind
        return " & ".join(shown)

    def _beside_figures(self, text: str) -> str:
        """Return a text that stands in a column of figures without being one."""
        if self.parts > 1:
            return f"\\multicolumn{{{self.parts}}}{{c}}{{{text}}}" if text else " & " * (self.parts - 1)
        return f"{{{text}}}" if self.figures and text else text

    def lines(self, row: int) -> int:
        """Return an upper estimate of the lines that the cell of a row takes."""
        return 1 if self.room is None else 1 + int(1.4 * width(self.cells[row]) / self.room)


def _pieces(word: str, longest: float) -> Iterable[str]:
    """Return parts of a word that are at most ``longest`` wide."""
    piece = ""
    for sign in word:
        if piece and width(piece + sign) > longest:
            yield piece
            piece = ""
        piece += sign
    yield piece


def _tight(text: str) -> str:
    """Return a text beside a figure, whose outer spaces stay."""
    kept = escape(text.strip())
    return ("~" if text.startswith(" ") else "") + kept + ("~" if text.endswith(" ") else "")


@dataclass(frozen=True)
class Panel:
    """A part of a table that fits: some of its columns, all rows."""

    columns: tuple[Column, ...]
    size: str
    space: float

    @property
    def specification(self) -> str:
        return "".join(column.specification(self.space) for column in self.columns)


def fit(
    header: Sequence[str], rows: Sequence[Sequence[str]], texts: Sequence[int], least: Sequence[str], width: str
) -> tuple[list[Panel], list[str]]:
    """Lay a table out for a page or a column; return its panels, and the heads of the columns that are left out.

    Tried in this order: the font sizes of SPACES; broken lines in columns of text; leaving out columns of ``least``,
    the first of them first; panels below each other, which repeat the first columns of text.
    """
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    columns = [
        Column(head.removesuffix(" %"), cells[place], place in texts) for place, head in enumerate(header)
    ]  # without the signs that the legend makes needless
    names = list(header)
    left_out: list[str] = []
    for name in (None, *(name for name in dict.fromkeys(least) if name in names)):
        if name is not None:
            place = names.index(name)
            del names[place], columns[place]
            left_out.append(name)
        for size, space in SPACES[width].items():
            if _taken(columns) <= space:
                return [Panel(tuple(columns), size, space)], left_out
        if broken := _broken(columns, space):
            return [Panel(tuple(broken), size, space)], left_out
    return [Panel(tuple(part), size, space) for part in _parts(columns, space)], left_out


def _taken(columns: Sequence[Column]) -> float:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _broken(columns: Sequence[Column], space: float) -> list[Column]:
    """Return columns that share ``space``, lines of text being broken; none if even that is too wide."""
    wide = {place: column.width for place, column in enumerate(columns) if column.is_text}
    room = space - GAP * (len(columns) - 1) - sum(column.width for column in columns if not column.is_text)
    rooms: dict[int, float] = {}
    for number, place in enumerate(sorted(wide, key=lambda place: wide[place])):
        rooms[place] = min(wide[place], room / (len(wide) - number))
        room -= rooms[place]
    if not wide or any(given < min(wide[place], NARROWEST) for place, given in rooms.items()):
        return []
    return [
        Column(column.head, column.cells, True, rooms[place]) if rooms.get(place, 0) < wide.get(place, 0) else column
        for place, column in enumerate(columns)
    ]


def _parts(columns: Sequence[Column], space: float) -> Iterable[list[Column]]:
    """Return panels that fit, each of which begins with the leading columns of text, as far as those leave half."""
    leading = next((place for place, column in enumerate(columns) if not column.is_text), 1)
    keys = list(columns[:leading])
    while len(keys) > 1 and not (
        _fits(keys, space / 2) and all(_fits([*keys, column], space) for column in columns[len(keys) :])
    ):
        keys.pop()
    panel = list(keys)
    for column in columns[len(keys) :]:
        if len(panel) > len(keys) and not (_fits([*panel, column], space)):
            yield _fits(panel, space)
            panel = list(keys)
        panel.append(column)
    yield _fits(panel, space)


def _fits(columns: Sequence[Column], space: float) -> list[Column]:
    return list(columns) if _taken(columns) <= space else _broken(columns, space)
