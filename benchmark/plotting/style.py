"""The one style of all plots: a figure as a file for a paper, or as a part of a page; the same bytes every time.

Colours of series are those of Okabe and Ito, which people of any colour vision can tell apart
(jfly.uni-koeln.de/color, 2008), two of them darker, so that thin lines of them are seen on white. Series differ in
dashes and marks too, for print without colours.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, LINE, WHOLE, WARNING = "#0b0c0d", "#565d65", "#d5d9de", "#e4e7ea", "#a32a00"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#3a9bd6", "#5d646c")
CONTROL = 6  # the style of controls: grey
FORMATS = ("pdf", "png", "svg")
POINTS = 7.0  # height of letters in a plot for papers
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2)))
_MARKS = ("o", "s", "^")
_ON_PAGES = {  # a page has these in a light and a dark form
    INK: "currentColor", SOFT: f"var(--soft,{SOFT})", LINE: f"var(--line,{LINE})", WHOLE: f"var(--whole,{WHOLE})",
    WARNING: f"var(--warn,{WARNING})", **{colour: f"var(--c{i},{colour})" for i, colour in enumerate(COLOURS)},
}  # fmt: skip
_STYLE: dict[Any, Any] = {
    "font.sans-serif": ["DejaVu Sans"], "text.parse_math": False, "axes.unicode_minus": True, "legend.frameon": False,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6, "lines.linewidth": 1.1,
    "lines.markersize": 3.2, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5,
    "ytick.major.size": 2.5, "axes.prop_cycle": f"cycler('color', {list(COLOURS)})", "savefig.dpi": 300,
    "pdf.fonttype": 42,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}  # fmt: skip


@contextmanager
def style(points: float = POINTS) -> Iterator[None]:
    """Draw in this style, with letters of that height, whatever the settings of the user are; they stay as they are."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "font.size": points, "svg.hashsalt": "benchmark"})
        for part in ("axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize"):
            matplotlib.rcParams[part] = points
        yield


def line_style(number: int) -> dict[str, Any]:
    """Return colour, dashes and mark of a series, as ``plot`` takes them."""
    return {
        "color": COLOURS[number % len(COLOURS)], "linestyle": _DASHES[number % len(_DASHES)],
        "marker": _MARKS[number % len(_MARKS)],
    }  # fmt: skip


def to_file(draw: Callable[[], Figure], format: str) -> bytes:
    """Return a figure as PDF (letters as TrueType), PNG (300 pixels per inch) or SVG (letters as outlines)."""
    import matplotlib

    stream = io.BytesIO()
    unsaid = {"pdf": ("CreationDate", "Creator", "Producer"), "png": ("Software",), "svg": ("Date", "Creator")}[format]
    with style():
        matplotlib.rcParams["svg.fonttype"] = "path"
        draw().savefig(stream, format=format, metadata=dict.fromkeys(unsaid))
    return stream.getvalue()


def inline(figure: Figure, name: str, *, title: str = "", description: str = "") -> str:
    """Return a figure, drawn within ``style``, as an element of a page: its letters are text, its ids begin with name.

    It is as wide as there is room, at most as its size in inches; ``title`` is its name for readers of screens.
    """
    import matplotlib

    stream = io.StringIO()
    unsaid = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata=unsaid, transparent=True)
    text = stream.getvalue()
    text = text[text.find("<g id=") : text.rfind("</svg>")]
    used = set(re.findall(r'href="#([^"]*)"', text)) | set(re.findall(r"url\(#([^)]*)\)", text))
    text = re.sub(r"<[^>]*>", lambda tag: _tag(tag[0], name, used), text)
    text = re.sub(r">\s+<", "><", text).strip()
    while text != (text := re.sub(r"<g></g>|<defs></defs>|<g>(<text [^>]*>[^<]*</text>)</g>", r"\1", text)):
        pass
    width, height = figure.get_size_inches() * 72
    about = f"<title>{escape(title)}</title>" if title else ""
    about += f"<desc>{escape(description)}</desc>" if description else ""
    said = escape(f"{title}. {description}" if description else title)
    label = f' aria-label="{said}"' if said else ""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img"{label} '
        f'style="width:100%;max-width:{width / 72:.2f}in;height:auto;stroke-linejoin:round">{about}{text}</svg>'
    )


def _tag(tag: str, name: str, used: set[str]) -> str:
    """Return a tag of the file as it stands in a page; texts between tags are left as they are."""
    tag = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", tag)
    tag = re.sub(r'xlink:href="#([^"]*)"', rf'href="#{name}-\1"', tag).replace("xlink:href", "href")
    tag = re.sub(r"url\(#([^)]*)\)", rf"url(#{name}-\1)", tag)
    tag = re.sub(r" font-family: [^;\"]*;?", "", tag)
    tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    if "base64" not in tag:
        tag = re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), tag)
        tag = re.sub(r"\s+", " ", tag).replace(' "', '"').replace(": ", ":").replace("; ", ";")
    for colour, on_page in _ON_PAGES.items():
        tag = tag.replace(colour, on_page)
    return tag
