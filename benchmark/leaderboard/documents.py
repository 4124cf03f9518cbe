"""Tables as documents: text that programs and people read, everything in it escaped.

A table is a mapping: ``title``, ``caveats``, ``legend``, ``header``, ``texts`` (which columns are text and stand to the
left, from 0; without it the first three), ``least`` (heads of the columns that a narrow page does without, the first of
them first), and ``blocks``, each with ``title``, ``caveats``, ``rows`` (a text for each column), ``remarks``, perhaps a
``header`` of its own and ``instead`` (remarks by the head of the column that they replace if it is left out), and
``methods``: a header (three columns of text, then figures) and rows of its own, or None. ``references``, which may be
missing, is a list of more such tables.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard.latex import THREE, USUAL, Paper, environment_of, floats_of, print_as_latex, tables_beside

if TYPE_CHECKING:
    import pandas as pd

Table = Mapping[str, Any]


def is_missing(value: Any) -> bool:
    """Return whether a figure of a table is missing."""
    import pandas as pd

    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table by column, as ``to_dict`` does, which takes four times as long."""
    import pandas as pd

    names = list(frame.columns)
    columns = [[None if value is pd.NA else value for value in frame[name].tolist()] for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def render_csv(frame: pd.DataFrame) -> str:
    """Every column, one header line. An apostrophe precedes a text that a spreadsheet would take for a formula."""
    safe = frame.copy()
    for name in safe.columns:
        if safe[name].dtype.kind not in "iuf":
            texts = ("" if is_missing(value) else str(value) for value in safe[name])
            safe[name] = [re.sub(r"^(?=\s*[=+\-@＝＋－＠|%])", "'", text) for text in texts]
    return str(safe.to_csv(index=False, lineterminator="\n"))


def render_json(content: Any) -> str:
    """ASCII, and safe inside an HTML script. Raises ValueError for a number that is not finite."""
    return in_script(json.dumps(content, indent=1, allow_nan=False)) + "\n"


def in_script(text: str) -> str:
    """Return JSON so that it may stand in an HTML script: nothing in it ends the script or begins a comment."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def render_markdown(table: Table) -> str:
    """GitHub-flavoured Markdown."""
    return _render("table.md", table, _escape_markdown)


def render_html(table: Table) -> str:
    """A whole page without scripts or outside resources."""
    return _render("table.html", table, html.escape)


def render_latex(table: Table, paper: Paper = USUAL) -> str:
    """Return tables of booktabs, their figures aligned by siunitx, to be included in a document that loads both."""
    # Braces mean something else in LaTeX, so its template has other marks.
    marks = {
        "block_start_string": "<%", "block_end_string": "%>", "variable_start_string": "<<",
        "variable_end_string": ">>", "comment_start_string": "<#", "comment_end_string": "#>",
    }  # fmt: skip
    begin, end = environment_of(paper)
    content = {"floats": floats_of(table, paper), "paper": paper, "begin": begin, "end": end}
    return _render("table.tex", table, print_as_latex, content, **marks)


def _render(
    template: str, table: Table, escape: Callable[[str], str], content: Mapping[str, Any] | None = None, **marks: Any,
) -> str:  # fmt: skip
    """Fill a template; everything it prints passes through ``escape``, so that no template can forget to."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("benchmark.leaderboard"), finalize=escape, undefined=jinja2.StrictUndefined,
        trim_blocks=True, keep_trailing_newline=True, **marks,
    )  # fmt: skip
    texts = table.get("texts", THREE)
    blocks = [{"header": table.get("header"), **block, "beside": tables_beside(block)} for block in table["blocks"]]
    return environment.get_template(template).render(
        table={**table, "blocks": blocks}, texts=texts, three=THREE, align=_align, places=_places,
        **(content or {}),
    )  # fmt: skip


def _align(header: Sequence[str], texts: Sequence[int]) -> str:
    """Return l or r for each column, by its place."""
    return "".join("l" if place in texts else "r" for place in range(len(header)))


def _places(texts: Sequence[int]) -> list[str]:
    """Return the columns of text as CSS counts them."""
    return [f"-n+{len(texts)}"] if list(texts) == list(range(len(texts))) else [str(place + 1) for place in texts]


# What Markdown or HTML means something by. Bare addresses and mentions would become links without any markup.
_MARKUP = re.compile(r"[\\`*_{}\[\]#|~!$]|[&<>]|@|(?<=[wW]{3})\.|:(?=//)")


def _escape_markdown(text: str) -> str:
    return _MARKUP.sub(_escaped, text)


def _escaped(sign: re.Match[str]) -> str:
    if sign[0] in "&<>":
        return html.escape(sign[0])
    return f"&#{ord(sign[0])};" if sign[0] in "@.:" else f"\\{sign[0]}"
