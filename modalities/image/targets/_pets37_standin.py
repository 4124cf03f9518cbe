"""Pictures of Oxford-IIIT Pets' stand-in: heads of animals; a kind is a breed's coat, markings and ears."""

from __future__ import annotations

import numpy as np

from modalities.image.targets._paint import Canvas, Kinds, box, chosen, colour, disc, varied

# Breed: markings, ears, hue and saturation and value of the coat and of its markings.
BREEDS: dict[str, tuple[str, str, tuple[float, float, float], tuple[float, float, float]]] = {
    "Abyssinian": ("plain", "pointed", (0.06, 0.55, 0.65), (0.06, 0.55, 0.65)),
    "Bengal": ("spots", "pointed", (0.1, 0.55, 0.85), (0.06, 0.5, 0.15)),
    "Egyptian Mau": ("stripes", "pointed", (0.6, 0.08, 0.75), (0.6, 0.15, 0.2)),
    "Russian Blue": ("plain", "pointed", (0.6, 0.35, 0.55), (0.6, 0.35, 0.55)),
    "Siamese": ("muzzle", "pointed", (0.11, 0.25, 0.95), (0.06, 0.5, 0.25)),
    "beagle": ("blaze", "hanging", (0.05, 0.55, 0.4), (0.1, 0.03, 0.97)),
    "german shorthaired": ("spots", "hanging", (0.6, 0.12, 0.75), (0.03, 0.6, 0.3)),
    "newfoundland": ("plain", "hanging", (0.05, 0.5, 0.2), (0.05, 0.5, 0.2)),
    "pug": ("muzzle", "hanging", (0.12, 0.35, 0.75), (0.0, 0.0, 0.08)),
    "samoyed": ("plain", "pointed", (0.12, 0.04, 0.97), (0.12, 0.04, 0.97)),
    "shiba inu": ("muzzle", "pointed", (0.04, 0.65, 0.9), (0.1, 0.05, 0.95)),
}
KINDS = len(BREEDS)
SPREAD = ((-0.02, 0.02), (-0.08, 0.08), (-0.1, 0.08))  # of hue, saturation and value


def head(canvas: Canvas, kinds: Kinds) -> None:
    """A head with ears, markings, eyes and a nose on clutter."""
    tables = list(BREEDS.values())
    canvas.ground(0.5)
    canvas.clutter(5, saturation=0.5)
    x, y = canvas.placed(0.2, 0.15, 0.3)
    size = canvas.between("size", 0.62, 0.8)
    coat = varied(canvas, "coat", [row[2] for row in tables], kinds, SPREAD)
    marked = varied(canvas, "markings", [row[3] for row in tables], kinds, SPREAD)
    side = np.abs(x)
    pointed = chosen([row[1] == "pointed" for row in tables], kinds) > 0
    standing = np.maximum(np.abs(side - size * 0.62) * 0.9 + (y + size * 1.25) * 0.45, -(y + size * 1.25)) - size * 0.3
    hanging = disc((side - size * 1.0) * 1.9, y + size * 0.05, size * 0.65)
    canvas.lay(np.where(pointed, standing, hanging), coat * 0.8)
    round_ = disc(x, y, size)
    canvas.lay(round_, coat)
    phase = canvas.between("phase", 0, 6.3)
    u, v = x * 8.5 / size * 0.7 + phase, y * 8.5 / size * 0.7 + 2 * phase
    lower = y - size * 0.45
    markings = {
        "stripes": -np.sin(u) * 0.1,
        "spots": (0.3 - np.sin(u) * np.sin(v)) * 0.1,
        "muzzle": disc(x, lower, size * 0.58),
        "blaze": np.minimum(box(x, y, size * 0.22, size), disc(x, lower, size * 0.45)),
    }
    for name, distance in markings.items():
        here = chosen([row[0] == name for row in tables], kinds) > 0
        canvas.lay(np.where(here, np.maximum(distance, round_), np.float32(1)), marked)
    eye = colour(canvas.between("eye hue", 0.1, 0.5), 0.7, canvas.between("eye value", 0.3, 0.9))
    canvas.lay(disc(np.abs(x) - size * 0.4, y + size * 0.2, size * 0.13), eye)
    canvas.lay(disc(x, y - size * 0.3, size * 0.12), np.float32(0.1) + 0 * eye)  # the nose
