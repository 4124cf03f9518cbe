"""The page of one cell: findings to a single HTML file without scripts, fonts or addresses of other files."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.insight import charts, media, prototypes
from benchmark.insight.collect import Findings
from modalities.errors import readable

if TYPE_CHECKING:
    from jinja2 import Environment

STAND_IN = (
    "These are figures of a generated stand-in, not of the real dataset of this name. They show that everything works, "
    "and say nothing about the dataset."
)
SMOKE = (
    "The smoke profile only shows that everything runs: its networks are hardly trained, and its numbers mean nothing."
)


def to_json(found: Findings) -> str:
    """Return all figures as JSON; ASCII, and the same text for the same figures."""
    return json.dumps(found.figures, indent=1, allow_nan=False) + "\n"


def to_html(found: Findings) -> str:
    """Return the page."""
    figures = found.figures
    caveats = [STAND_IN] * (figures["data"] == "stand-in") + [SMOKE] * (figures["profile"] == "smoke")
    return _environment().get_template("insight.html").render(
        it=figures, caveats=caveats, prototypes=_prototypes(found), items=_items(found), charts=_charts(found),
        settings=prototypes, last=prototypes.CHECKPOINTS[-1],
    )  # fmt: skip


@cache
def _environment() -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined

    text = resources.files("benchmark.insight").joinpath("templates/insight.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, loader=DictLoader({"insight.html": text}),
    )  # fmt: skip
    environment.filters |= {"percent": _percent, "points": _points, "readable": readable, "p": _p_value}
    environment.filters["figure"] = lambda value, digits=2: "–" if value is None else f"{value:.{digits}f}"
    return environment


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.0f}".replace("-", "−")


def _p_value(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _prototypes(found: Findings) -> list[dict[str, Any]]:
    """Return a row for each class: the picture and the verdict of each network, and the sound of the student's."""
    part, classes = found.figures["prototypes"], found.figures["classes"]
    rows = []
    for place, label in enumerate(np.unique(part["labels"]).tolist()):
        row: dict[str, Any] = {"class": classes[label], "sound": "", "networks": []}
        for name, pictures in found.prototypes.items():
            verdict = part["networks"][name]["verdicts"][place]
            row["networks"].append({
                "name": name, "picture": media.png(pictures[place]), "right": verdict["class"] == label,
                "said": classes[verdict["class"]], "probability": verdict["probability"],
            })  # fmt: skip
        if found.sounds is not None:
            rate, sounds = found.sounds
            row["sound"] = media.wav(sounds[place], rate)
        rows.append(row)
    return rows


def _items(found: Findings) -> list[dict[str, Any]]:
    items = found.figures["agreement"]["items"]
    return [{**item, "picture": media.png(one)} for item, one in zip(items, found.thumbnails, strict=True)]


def _charts(found: Findings) -> dict[str, Any]:
    """Return the charts by name, as markup that is not escaped again."""
    from markupsafe import Markup

    it, classes = found.figures, found.figures["classes"]
    layers, calibration, beliefs = it["layers"], it["calibration"], it["beliefs"]
    curves = {name: network["by_step"] for name, network in it["prototypes"]["networks"].items()}
    made = {
        "shares": charts.shares_by_step(curves, prototypes.HEADLINE),
        "confusions": charts.confusions(found.confusion, classes),
        "reliabilities": charts.reliabilities(
            {"as it is": calibration["before"]["bins"], "with the temperature": calibration["after"]["bins"]}
        ),
        "class_shares": charts.class_shares({name: one["share"] for name, one in beliefs.items()}, classes),
        "entropies": charts.entropies(
            {name: one["entropy"] for name, one in beliefs.items()},
            max(one["most_entropy"] for one in beliefs.values()),
        ),
    }
    if "missing" not in layers:
        matrix = np.array(layers["matrix"], np.float64)  # None becomes NaN
        made["similarities"] = charts.similarities(matrix, layers["student_layers"], layers["teacher_layers"])
        made["maps"] = charts.maps(found.points, found.labels, classes)
    return {name: Markup(svg) for name, svg in made.items()}
