"""The page's colours: text can be read on its ground, in light, in the dark and in print."""

from __future__ import annotations

import re
from importlib import resources

import pytest

CSS = resources.files("benchmark.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
SCHEMES = [dict(re.findall(r"--(\w+):(#[0-9a-f]+)", block)) for block in re.findall(r":root\{(.*?)\}", CSS, re.DOTALL)]


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", SCHEMES, ids=("light", "dark", "print"))
def test_text_has_the_contrast_that_readers_need(scheme):
    in_use = set(re.findall(r"[;{]color:var\(--(\w+)\)", CSS))
    assert {"ink", "soft", "link", "warn", "good"} <= in_use
    for name in in_use:
        for ground in ("paper", "tint"):
            light, dark = sorted((luminance(scheme[name]), luminance(scheme[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)
