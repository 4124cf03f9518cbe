"""STL-10: photographs of ten kinds of things, few of them labelled, in ten official folds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modalities.base import TargetInfo
from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput
from modalities.image.decode import to_raw
from modalities.image.policies import ImageView
from modalities.image.targets._packed import PackedTarget
from modalities.image.targets._published import resnets

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 96
FOLDS = "fold_indices.txt"
BYTES = 3 * SIDE * SIDE  # per picture


class PlanarReader:
    """Reads picture ``index`` of a file of planes stored column by column: (1, 3, side, side) uint8.

    The file is memory-mapped, again in every process.
    """

    def __init__(self, path: Path, side: int, interpolation: str = "bicubic") -> None:
        self.path, self.side, self.interpolation = path, side, interpolation
        self._planes: NDArray[np.uint8] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_planes": None}

    def __call__(self, index: int) -> Tensor:
        from PIL import Image

        if self._planes is None:
            self._planes = np.memmap(self.path, np.uint8, "r").reshape(-1, 3, SIDE, SIDE)
        rows_and_columns = np.ascontiguousarray(self._planes[index].transpose(2, 1, 0))  # colour, column, row → r, c, 3
        return to_raw(Image.fromarray(rows_and_columns), self.side, self.interpolation)


class Stl10(PackedTarget):
    """Official binary files and folds."""

    info = TargetInfo(
        name="stl10",
        title="STL-10",
        modality="image",
        classes=("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
        train_items=1_000,
        test_items=8_000,
        licence="not stated",
        citation="@inproceedings{coates2011analysis, author={Coates, Adam and Ng, Andrew and Lee, Honglak}, "
        "title={An Analysis of Single-Layer Networks in Unsupervised Feature Learning}, booktitle={AISTATS}, "
        "year={2011}}",
        homepage="https://cs.stanford.edu/~acoates/stl10/",
        download_bytes=2_640_397_119,
        leak_unit="image",
        folds=10,
        published=resnets(teacher=0.963, student=0.939, wide_student=0.950),
        notes="The official protocol: a teacher trains on one of ten folds of 1,000 images (fold 1 by "
        "default) out of 5,000, and is tested on all 8,000. Much published work trains on all 5,000. The pictures "
        "come from ImageNet, so networks pretrained there have seen some. The 100,000 unlabelled ones are not used.",
    )
    places = ("stl10", "stl-10", "stl10_binary")
    archive_folder = "stl10_binary"
    archive = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    archive_md5 = "91f7769df0f17e558f3565bffb0c7dfb"
    md5s: Mapping[str, str] = {
        "train_X.bin": "918c2871b30a85fa023e0c44e0bee87f",
        "train_y.bin": "5a34089d4802c674881badbb80307741",
        "test_X.bin": "7f263ba9f9e0b06b93213547f721ac82",
        "test_y.bin": "36f9794fa4beb8a2c72628de14fa638e",
    }
    sizes: Mapping[str, int] = {
        "train_X.bin": 5_000 * BYTES, "train_y.bin": 5_000, "test_X.bin": 8_000 * BYTES, "test_y.bin": 8_000,
        FOLDS: 0,
    }  # fmt: skip
    sample_items = (1_000, 500)

    def counts(self, home: Path) -> Mapping[str, tuple[int, int]]:
        path = home / FOLDS
        lines = path.read_text(encoding="ascii", errors="replace").splitlines() if path.is_file() else []
        folds = {fold: len(set(lines[fold - 1].split())) if fold <= len(lines) else 0 for fold in range(1, 11)}
        return (
            {f"line {fold} of {FOLDS}": (count, self.info.train_items) for fold, count in folds.items()}
            if lines
            else {}
        )

    def train(self, root: Path, view: ImageView, fold: int = 1) -> Listing:
        """Return one official fold of the training images; raise BadInput for missing or damaged files."""
        path = self.packed_home(root) / FOLDS
        if not 1 <= fold <= self.info.folds:
            raise BadInput(f"stl10 has no fold {fold}; choose one from 1 to {self.info.folds}.")
        labels = self._labels(root, "train")
        try:
            chosen = [int(word) for word in path.read_text(encoding="ascii").splitlines()[fold - 1].split()]
        except (OSError, ValueError, IndexError) as error:
            raise BadInput(f"{path} has no readable line {fold} ({error}); fetch stl10 again.") from error
        if not chosen or not 0 <= min(chosen) <= max(chosen) < len(labels):
            raise BadInput(f"line {fold} of {path} names pictures that train_y.bin does not have; fetch stl10 again.")
        if len(set(chosen)) < len(chosen):
            raise BadInput(f"line {fold} of {path} names a picture twice; fetch stl10 again.")
        return self._listing(root, "train", view, labels, chosen)

    def test(self, root: Path, view: ImageView, fold: int = 1) -> Listing:
        """Return all test images, whatever the fold; raise BadInput for missing or damaged files."""
        labels = self._labels(root, "test")
        return self._listing(root, "test", view, labels, range(len(labels)))

    def _labels(self, root: Path, split: str) -> NDArray[np.int64]:
        """Return the labels of a split, from 0; in the file they count from 1."""
        path = self.packed_home(root) / f"{split}_y.bin"
        pictures = path.with_name(f"{split}_X.bin")
        for file in (path, pictures):
            if not file.is_file():
                raise BadInput(f"{file} is missing; {self.instructions(root)}")
        labels = np.fromfile(path, np.uint8).astype(np.int64) - 1
        if len(labels) == 0 or labels.min() < 0 or labels.max() >= len(self.info.classes):
            raise BadInput(f"{path} holds labels outside 1 … {len(self.info.classes)}; fetch stl10 again.")
        if pictures.stat().st_size != len(labels) * BYTES:
            raise BadInput(
                f"{pictures} does not hold the {len(labels):,} pictures that {path.name} labels; fetch stl10 again."
            )
        return labels

    def _listing(
        self, root: Path, split: str, view: ImageView, labels: NDArray[np.int64], chosen: list[int] | range
    ) -> Listing:
        rows = [Row(i, int(labels[i]), f"{split}-{i:05d}", f"{split}-{i:05d}") for i in chosen]
        pixels = self.packed_home(root) / f"{split}_X.bin"
        return Listing(rows, PlanarReader(pixels, view.raw_size, view.interpolation))

    def _write_sample(self, home: Path, seed: int) -> None:
        """Write generated pictures in the official files, in ten folds that overlap as the official ones do."""
        from modalities.compute.draws import Draws
        from modalities.image.targets._paint import paint
        from modalities.image.targets._stl10_standin import KINDS, stack

        for split, items in zip(("train", "test"), self.sample_items, strict=True):
            small, kinds = paint(seed, split, items, KINDS, SIDE // 2, stack)
            pictures = small.repeat(2, axis=1).repeat(2, axis=2)
            (home / f"{split}_X.bin").write_bytes(pictures.transpose(0, 3, 2, 1).tobytes())
            (home / f"{split}_y.bin").write_bytes((kinds + 1).astype(np.uint8).tobytes())
        items, draws = self.sample_items[0], Draws(seed, "stand-in/folds/")
        folds = [np.sort(draws.permutation(0, str(fold), items)[: items * 4 // 5]) for fold in range(self.info.folds)]
        lines = [" ".join(map(str, fold)) + "\n" for fold in folds]
        (home / FOLDS).write_text("".join(lines), encoding="ascii")
        (home / "class_names.txt").write_text("\n".join(self.info.classes) + "\n", encoding="ascii")


TARGET = Stl10()
