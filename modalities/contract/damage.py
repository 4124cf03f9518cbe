"""The part of the adapter contract about data that are damaged: none, half of them, or one broken file."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modalities.base import LabelledData, TargetAdapter
from modalities.contract.info import Broken, must
from modalities.datasets.standin import MARKER
from modalities.errors import BadInput

LISTS = (".txt", ".csv", ".json", ".mat", ".tsv", ".trans")  # files that name items and hold none
SEVERAL = 20  # so many files of a kind hold an item each
Constructed = Callable[[Path], dict[str, LabelledData]]


def of_nothing(adapter: TargetAdapter, empty: Path, view: Any) -> str:
    """An empty root is absent, says how to get the data, and gives no split."""
    status = adapter.status(empty)
    must(status.state == "absent", f"an empty folder is '{status.state}'.")
    must(
        bool(status.missing) and bool(status.how), "status() of an empty folder names nothing missing or no next step."
    )
    try:
        data = adapter.train(empty, view)
    except BadInput:
        return "an empty folder is absent, and says what to do."
    raise Broken(f"train() of an empty folder gives {len(data)} items instead of a BadInput.")


def of_half(adapter: TargetAdapter, root: Path, copy: Path) -> str:
    """A copy that lost its marker and half of its data files or more is not ready, and says what is missing."""
    _copy(root, copy)
    for marker in copy.rglob(MARKER):
        marker.unlink()
    files = _data_files(copy)
    enough = max(1, adapter.info.test_items // 2)  # no stand-in larger than the dataset passes for all of it
    lost = files[min(len(files) // 2, enough) :]
    for path in lost:
        path.unlink()
    status = adapter.status(copy)
    must(status.state != "ready", f"{len(lost)} files are deleted, and status() says ready.")
    must(bool(status.missing) and bool(status.how), f"status() says {status.state} and nothing of what is missing.")
    return f"{len(lost)} deleted files make it {status.state}: {status.missing[0]}."


def of_a_file(constructed: Constructed, root: Path, scratch: Path) -> str:
    """A file that is cut or overwritten is named in one BadInput, and the other items stay readable."""
    files = _data_files(root)
    kinds = Counter(path.suffix.lower() for path in files)
    if kinds.most_common(1)[0][1] < SEVERAL:
        return _of_a_pack(constructed, root, scratch / "cut", max(files, key=lambda path: path.stat().st_size))
    test = constructed(root)["test"]
    place = len(test) // 2
    path = _file_of(test.item_ids[place], files)
    for harm, damaged in (("cut", _cut), ("overwritten", _overwritten)):
        copy = scratch / harm
        _copy(root, copy)
        _replace(copy / path.relative_to(root), damaged)
        data = constructed(copy)["test"]
        try:
            data[place]
        except BadInput as error:
            must(path.name in str(error), f"a {harm} file is refused without its name: {error}")
        else:
            raise Broken(f"{path.name} is {harm}, and its item {test.item_ids[place]} is read all the same.")
        for other in (place - 1, (place + 1) % len(test)):
            data[other]
    return f"a cut and an overwritten {path.suffix} file are named; other items stay readable."


def _of_a_pack(constructed: Constructed, root: Path, copy: Path, path: Path) -> str:
    """Where a file holds many items, it may cost all of them."""
    _copy(root, copy)
    _replace(copy / path.relative_to(root), _cut)
    try:
        for data in constructed(copy).values():
            data[len(data) - 1]
    except BadInput as error:
        must(path.name in str(error), f"a cut file is refused without its name: {error}")
        return f"a cut {path.name}, which holds many items, is named."
    raise Broken(f"{path.name} is cut in half, and all its items are read all the same.")


def _data_files(root: Path) -> list[Path]:
    """Files that hold items, sorted."""
    found = (path for path in root.rglob("*") if path.is_file())
    return sorted(path for path in found if path.suffix.lower() not in LISTS)


def _file_of(item_id: str, files: list[Path]) -> Path:
    """The file that an item is read from, by its name."""

    def likeness(path: Path) -> tuple[bool, bool, int]:
        plain = path.with_suffix("").as_posix()
        ends = path.as_posix().endswith(f"/{item_id}") or plain.endswith(f"/{item_id}")
        return ends, path.stem == Path(item_id).stem, len(path.stem) if path.stem in item_id else 0

    best = max(files, key=likeness)
    if not any(likeness(best)):
        raise Broken(f"no file name stands in the item id '{item_id}'; use ids from which the file can be found.")
    return best


def _copy(root: Path, copy: Path) -> None:
    """The same files under a second name where the file system can."""
    try:
        shutil.copytree(root, copy, copy_function=os.link)
    except OSError:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root, copy)


def _replace(path: Path, damaged: Callable[[bytes], bytes]) -> None:
    """Write a damaged file in its place; never into it, for it may be the original under a second name."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(damaged(content))


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _overwritten(content: bytes) -> bytes:
    return b"<html>404 Not Found</html>".ljust(len(content), b" ")
