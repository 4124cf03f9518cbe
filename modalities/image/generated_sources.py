"""The generated pictures by name, each a function of a seed and of parameters that may be left out."""

from __future__ import annotations

from modalities.assembly.generators import Generator, Number, Word
from modalities.image import scenes, textures

VERSION = 1  # increment if a generator's pixels change

GENERATORS: dict[str, Generator] = {
    "deadleaves": Generator(
        scenes.dead_leaves, "generated: 14,000 overlapping shapes of all sizes, 1920×1440 (the default)",
        {
            "shapes": Number(14_000, 1, 200_000), "exponent": Number(3.0, 1.1, 10.0), "smallest": Number(6.0, 1, 50),
            "largest": Number(400.0, 50, 1000), "shape": Word(scenes.SHAPES), "colour": Word(scenes.COLOURS),
        },
    ),
    "sparse": Generator(scenes.sparse, "generated: eight shapes before an even ground, 1280×960"),
    "noise": Generator(textures.noise, "generated: uniform noise, 1280×960"),
    "pink": Generator(
        textures.pink, "generated: noise with the spectrum of natural images, 1280×960", {"slope": Number(2.0, 0, 4)}
    ),
    "gradients": Generator(textures.gradients, "generated: soft gradients between 60 colours, 1280×960"),
    "fractals": Generator(textures.fractals, "generated: sixty fractals of iterated functions, 1280×960"),
    "shader": Generator(textures.shader, "generated: twenty panels of random shaders, 1600×1280"),
    "text": Generator(scenes.text_page, "generated: a page of made-up words, 1200×1600"),
    "stars": Generator(scenes.starfield, "generated: a night sky of 9,000 stars, 1600×1200"),
}  # fmt: skip
