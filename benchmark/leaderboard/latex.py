"""Tables as LaTeX for papers: as wide as a page or a column, with captions and labels, as floats or without."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.leaderboard.latex_layout import SPACES, Panel, fit
from benchmark.leaderboard.latex_text import escape, width
from modalities.errors import BadInput, UnknownName

LINES = 56.0  # on a page, of \\scriptsize in a document of 11 or 12 points; a float must not be higher
HEIGHTS = {"small": 1.45, "footnotesize": 1.25, "scriptsize": 1.0}  # of a row
THREE = (0, 1, 2)  # columns of text, if a table does not say which


@dataclass(frozen=True)
class Paper:
    """How tables are to stand in a paper.

    ``width`` is ``page`` or ``column``. ``caption`` is LaTeX, not text, and takes the place of the table's title;
    caveats, such as that rows were made on stand-ins, follow it all the same. ``label`` is what ``\\ref`` takes; the
    second float has ``-2`` behind it, and so on. Without ``floats``, tables are to be put in a float of one's own.

    Raises UnknownName or BadInput for values that LaTeX could not take.
    """

    width: str = "page"
    caption: str = ""
    label: str = ""
    floats: bool = True

    def __post_init__(self) -> None:
        if self.width not in SPACES:
            raise UnknownName("width", self.width, list(SPACES))
        if not re.fullmatch(r"[\w:./ +-]*", self.label, re.ASCII):
            raise BadInput(f"'{self.label}' cannot be a label in LaTeX; use letters, digits and : . / + -")
        bare = re.sub(r"\\.", "", self.caption)
        depths = [bare[:end].count("{") - bare[:end].count("}") for end in range(len(bare) + 1)]
        if "%" in bare or bare.count("$") % 2 or min(depths) < 0 or depths[-1] or "\n\n" in self.caption:
            raise BadInput(
                f"the caption '{self.caption}' cannot be set by LaTeX; write \\% for %, and close every brace and $."
            )
        if not self.floats and (self.caption or self.label):
            raise BadInput("a table without a float has no caption and no label; give them to the float around it.")


USUAL = Paper()


class Tex(str):
    """LaTeX, which is printed as it is; any other text is escaped."""

    __slots__ = ()


@dataclass
class Float:
    """What stands together: tables and sentences below them, ``lines`` high."""

    caption: str = ""
    label: str = ""
    tabulars: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: float = 0.0


def floats_of(table: Mapping[str, Any], paper: Paper) -> list[Float]:
    """Return the floats of a table (``benchmark.leaderboard.documents``): one for each block, or more if it is long."""
    found: list[Float] = []
    for block in table["blocks"]:
        title = paper.caption or escape(f"{table['title']}: {block['title']}")
        if paper.caption and len(table["blocks"]) > 1:
            title = f"{title.rstrip('.')}: {escape(block['title'])}"
        said = " ".join(map(escape, block["caveats"]))
        parts = _parts(table, block, paper, LINES - 1.5 * (2 + _lines(f"{title}, part 1 of 9. {said}", paper)))
        for number, part in enumerate(parts, start=1):
            whole = title + (f", part {number} of {len(parts)}" if len(parts) > 1 else "")
            part.caption = Tex(f"{whole}{'' if whole.endswith('.') else '.'}{' ' if said else ''}{said}")
            part.label = Tex(f"{paper.label}-{len(found) + 1}" if paper.label and found else paper.label)
            found.append(part)
    return found


def tables_beside(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the tables below that of a block: over targets, and of what others have published."""
    return [*filter(None, [block["methods"]]), *block.get("references", ())]


def _lines(text: str, paper: Paper) -> int:
    return 1 + int(width(text) / SPACES[paper.width]["small"])


def _parts(table: Mapping[str, Any], block: Mapping[str, Any], paper: Paper, height: float) -> list[Float]:
    """Return a block as floats of at most ``height`` lines, the notes behind the tables."""
    header, texts, methods = block.get("header") or table["header"], table.get("texts", THREE), block["methods"]
    panels, left_out = fit(header, block["rows"], texts, table.get("least", ()), paper.width)
    for beside in tables_beside(block):
        panels += fit(beside["header"], beside["rows"], THREE, (), paper.width)[0]
    parts = [Float()]
    for panel in panels:
        _add_rows(parts, panel, height)
    names = [name.removesuffix(" %") for name in left_out]
    parts[0].tabulars[0]["left_out"] = ", ".join(names)
    missing = [*names, *([] if methods else ["over targets"])]
    instead = [note for name in left_out for note in block.get("instead", {}).get(name, ())]
    for note in filter(None, (*block["remarks"], *instead, _without(table["legend"], missing, block["rows"]))):
        taken = 1 + int(width(note) / SPACES[paper.width]["scriptsize"])
        if parts[-1].lines + taken > height and parts[-1].lines:
            parts.append(Float())
        parts[-1].notes.append(note)
        parts[-1].lines += taken
    return parts


def _without(legend: str, missing: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a legend without sentences about columns that are missing, or about marks that no cell has."""
    marks = [mark for mark in "†‡" if not any(mark in cell for row in rows for cell in row)]
    unused = re.compile("|".join([*(rf"{re.escape(head)}[:, ]" for head in missing), *marks, "$^"]), re.IGNORECASE)
    return " ".join(sentence for sentence in re.split(r"(?<=\.) ", legend) if not unused.match(sentence))


def _add_rows(parts: list[Float], panel: Panel, height: float) -> None:
    """Put the rows of a panel into the last float, and into further ones that repeat its header."""
    columns, line = panel.columns, HEIGHTS[panel.size]
    head = 2 + line * max(len(column.head_lines) for column in columns)
    tabular: dict[str, Any] | None = None
    for row in range(len(columns[0].cells)):
        taken = line * max(column.lines(row) for column in columns)
        begins = 0 if tabular else head
        if parts[-1].lines + begins + taken > height and parts[-1].lines:
            parts.append(Float())
            tabular, begins = None, head
        if tabular is None:
            tabular = {
                "columns": Tex(panel.specification), "size": panel.size, "left_out": "", "rows": [],
                "header": Tex(" & ".join(column.tex_head() for column in columns)),
            }  # fmt: skip
            parts[-1].tabulars.append(tabular)
        tabular["rows"].append(Tex(" & ".join(column.tex_cell(row) for column in columns)))
        parts[-1].lines += begins + taken


def print_as_latex(value: Any) -> str:
    """Return what a template prints: LaTeX as it is, other text escaped."""
    return value if isinstance(value, Tex) else escape(value)


def environment_of(paper: Paper) -> tuple[Tex, Tex]:
    """Return how a float begins and ends; one that is as wide as a page spans the columns of a page, too."""
    name = "table*" if paper.width == "page" else "table"
    return (
        (Tex(rf"\begin{{{name}}}"), Tex(rf"\end{{{name}}}"))
        if paper.floats
        else (Tex(r"\par\begingroup"), Tex(r"\endgroup"))
    )
