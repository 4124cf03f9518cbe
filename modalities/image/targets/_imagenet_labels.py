"""Which class each of ImageNet's validation images shows, as the development kit or the competition's table says."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from modalities.datasets.layouts import Contents, contents, find_folder
from modalities.datasets.lists import numbered_rows
from modalities.errors import BadInput
from modalities.image.matfile import load_mat

KIT = "ILSVRC2012_devkit_t12"
META, TRUTH = "meta.mat", "ILSVRC2012_validation_ground_truth.txt"
TABLE = "LOC_val_solution.csv"
MAX_KIT_BYTES = 1 << 26  # unpacked; the kit has three million
AGAIN = "unpack the development kit again"


def find_labels(starts: Iterable[Path], enter: Callable[[str], bool]) -> Path | None:
    """Return the file that labels validation images, at or below ``starts``; None if there is none.

    The unpacked kit comes before the packed one, and that before the table.
    """
    starts = list(starts)
    for pattern in READERS:
        if folder := find_folder(starts, partial(_has, pattern), enter):
            return folder / next(filter(pattern.fullmatch, contents(folder).files))
    return None


def _has(pattern: re.Pattern[str], found: Contents) -> bool:
    return any(map(pattern.fullmatch, found.files))


def read_labels(path: Path) -> dict[int, str]:
    """Return number of a validation image → WordNet id. Raises BadInput for a damaged file."""
    return next(read for pattern, read in READERS.items() if pattern.fullmatch(path.name))(path)


def _from_kit(meta: Path) -> dict[int, str]:
    truth = meta.with_name(TRUTH)
    try:
        return _combined(meta, meta.read_bytes(), truth, truth.read_bytes())
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be read ({error.strerror}); {AGAIN}.") from error


def _from_packed_kit(archive: Path) -> dict[int, str]:
    try:
        opener = gzip.open if archive.read_bytes()[:2] == b"\x1f\x8b" else Path.open
        with opener(archive, "rb") as file:
            content = file.read(MAX_KIT_BYTES)  # so that a damaged archive cannot fill the memory
        with tarfile.open(mode="r:", fileobj=io.BytesIO(content)) as tar:
            members = {Path(member.name).name: member for member in tar if member.isreg()}
            meta, truth = (tar.extractfile(members[name]).read() for name in (META, TRUTH))  # type: ignore[union-attr]
    except Exception as error:  # damaged archives raise nearly anything
        raise BadInput(f"{archive} cannot be read ({type(error).__name__}: {error}); download it again.") from error
    return _combined(archive, meta, archive, truth)


def _combined(meta_path: Path, meta: bytes, truth_path: Path, truth: bytes) -> dict[int, str]:
    """Translate the kit's numbers of classes, which are in an order of its own."""
    try:
        wnids = {
            int(synset["ILSVRC2012_ID"]): str(synset["WNID"])
            for synset in load_mat(meta_path, "synsets", meta)
            if int(synset["num_children"]) == 0  # the others are groups of classes
        }
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise BadInput(f"{meta_path} cannot be used ({error}); {AGAIN}.") from error
    try:
        return {number: wnids[int(line)] for number, line in enumerate(truth.decode("utf-8-sig").split(), 1)}
    except (ValueError, KeyError) as error:
        raise BadInput(f"{truth_path} cannot be used ({type(error).__name__}: {error}); {AGAIN}.") from error


def _from_table(path: Path) -> dict[int, str]:
    """Read the competition's table: an image's name, then a WordNet id and a box for each object, all of one class."""
    found: dict[int, str] = {}
    for line, row in numbered_rows(path, ("imageid", "predictionstring")):
        name = re.fullmatch(r"ILSVRC2012_val_(\d{8})(?:\.jpeg)?", row.get("imageid", ""), re.IGNORECASE)
        wnids = set(re.findall(r"\bn\d{8}\b", row.get("predictionstring", "")))
        if name is None or len(wnids) != 1 or int(name[1]) in found:
            raise BadInput(f"{path} line {line} is not an image with one class, named once; download it again.")
        found[int(name[1])] = wnids.pop()
    return found


READERS: dict[re.Pattern[str], Callable[[Path], dict[int, str]]] = {
    re.compile(re.escape(META)): _from_kit,
    re.compile(rf"{KIT}\.(?:tar\.gz|tgz|tar)", re.IGNORECASE): _from_packed_kit,
    re.compile(re.escape(TABLE), re.IGNORECASE): _from_table,
}
