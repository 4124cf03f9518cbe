"""Pictures of Places365's stand-in: sky, skyline and ground; a kind is a scene of the official list."""

from __future__ import annotations

import numpy as np

from modalities.image.targets._paint import Canvas, Kinds, chosen, varied

# Category: what stands on the horizon, hue and saturation and value of the sky, of what stands there, of the ground.
SCENES: dict[str, tuple[str, tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]] = {
    "beach": ("nothing", (0.56, 0.5, 0.95), (0.56, 0.6, 0.8), (0.13, 0.4, 0.9)),
    "desert/sand": ("hills", (0.56, 0.4, 0.9), (0.07, 0.55, 0.7), (0.1, 0.45, 0.85)),
    "forest/broadleaf": ("trees", (0.3, 0.3, 0.6), (0.32, 0.6, 0.3), (0.3, 0.5, 0.25)),
    "mountain": ("hills", (0.07, 0.3, 0.9), (0.62, 0.25, 0.35), (0.3, 0.5, 0.4)),
    "mountain_snowy": ("hills", (0.6, 0.6, 0.8), (0.6, 0.05, 0.95), (0.62, 0.25, 0.55)),
    "ocean": ("nothing", (0.12, 0.2, 0.95), (0.5, 0.5, 0.6), (0.5, 0.6, 0.55)),
    "skyscraper": ("towers", (0.92, 0.25, 0.9), (0.6, 0.15, 0.35), (0.1, 0.05, 0.35)),
    "slum": ("towers", (0.45, 0.3, 0.85), (0.03, 0.5, 0.55), (0.6, 0.08, 0.4)),
    "snowfield": ("trees", (0.6, 0.2, 0.85), (0.4, 0.4, 0.25), (0.6, 0.05, 0.95)),
    "street": ("towers", (0.65, 0.5, 0.12), (0.13, 0.55, 0.9), (0.6, 0.1, 0.15)),
    "volcano": ("hills", (0.8, 0.3, 0.35), (0.0, 0.3, 0.12), (0.04, 0.65, 0.7)),
}
KINDS = len(SCENES)
SPREAD = ((-0.04, 0.04), (-0.15, 0.15), (-0.12, 0.12))  # of hue, saturation and value


def scene(canvas: Canvas, kinds: Kinds) -> None:
    """Sky above, ground below, hills, trees or towers between, in more or less light; a few things lie about."""
    tables = list(SCENES.values())
    level = canvas.between("level", -0.05, 0.35)
    x = canvas.x + canvas.between("place", -3, 3)
    wide, narrow = x * canvas.between("hill width", 0.6, 0.9), x * canvas.between("tower width", 1.8, 2.6)
    hills = canvas.between("hill height", 0.6, 1.0) * (1 - np.abs(2 * (wide % 1) - 1))
    crowns = 0.5 + 0.5 * np.abs(np.sin(x * canvas.between("tree width", 5, 7)))
    trees = canvas.between("tree height", 0.3, 0.5) * crowns
    uneven = (np.floor(narrow) * 0.618) % 1
    towers = np.where(narrow % 1 < 0.8, canvas.between("tower height", 0.7, 0.9) * (0.5 + uneven), 0.05)
    rise = np.select(
        [chosen([row[0] == name for row in tables], kinds) > 0 for name in ("hills", "trees", "towers")],
        [hills, trees, towers],
        np.float32(0.03),
    )
    canvas.pixels[:] = varied(canvas, "sky", [row[1] for row in tables], kinds, SPREAD)
    canvas.pixels += (canvas.y * canvas.between("haze", -0.05, 0.15))[..., None]
    canvas.lay(level - rise - canvas.y, varied(canvas, "between", [row[2] for row in tables], kinds, SPREAD))
    canvas.lay(level - canvas.y, varied(canvas, "ground", [row[3] for row in tables], kinds, SPREAD))
    canvas.pixels *= canvas.between("light", 0.55, 1.1)[..., None]
    canvas.clutter(3, 0.06, 0.18)
