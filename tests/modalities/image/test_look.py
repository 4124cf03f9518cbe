"""Which view fits a dataset of images."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from modalities.errors import BadInput
from modalities.image.look import suggest_view
from modalities.image.policies import ImageView


def drawn(folder: Path, *sizes: tuple[int, int]) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        Image.new("RGB", size).save(path)
    return paths


@pytest.mark.parametrize(("side", "size"), [(8, 16), (28, 24), (32, 32), (63, 56), (64, 64), (500, 64)])
def test_the_view_is_no_larger_than_the_pictures_nor_than_a_cpu_can_bear(side: int, size: int, tmp_path: Path) -> None:
    found = suggest_view(drawn(tmp_path, (side, side + 30), (side + 9, side), (2000, 3)))
    assert found.view == {"size": size}
    assert f"{side} pixels in the median" in found.seen and "of 3 pictures" in found.seen
    assert ImageView(**found.view).shape == (3, size, size)


def test_damaged_files_do_not_count_unless_all_are(tmp_path: Path) -> None:
    paths = drawn(tmp_path, (40, 40))
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    assert suggest_view([tmp_path / "damaged.png", *paths]).view == {"size": 40}
    with pytest.raises(BadInput, match=r"damaged\.png"):
        suggest_view([tmp_path / "damaged.png"])
    with pytest.raises(BadInput, match="no file to look at"):
        suggest_view([])
