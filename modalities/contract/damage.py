"""The part of the adapter contract about missing and damaged data: none, half of them, or one broken file."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from modalities.contract.subject import Broken, Subject, must
from modalities.datasets.standin import MARKER
from modalities.errors import BadInput

LISTS = (".txt", ".csv", ".json", ".mat", ".tsv", ".trans")  # files that name items and hold none
MANY = 20  # if there are this many files of a kind, each holds one item
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda content: content[: len(content) // 2],
    "overwritten": lambda content: b"<html>404 Not Found</html>".ljust(len(content), b" "),
}


def check_absent(subject: Subject) -> str:
    """Check that an empty root is absent, says how to obtain the data, and gives no split."""
    subject.needs_files()
    with TemporaryDirectory(prefix="contract-") as folder:
        empty = Path(folder)
        status = subject.adapter.status(empty)
        must(status.state == "absent", f"an empty folder is '{status.state}'.")
        says_all = bool(status.missing and status.how)
        must(says_all, "status() of an empty folder does not say what is missing or what to do next.")
        try:
            data = subject.adapter.train(empty, subject.view)
        except BadInput:
            return "an empty folder is absent, and status() says what to do."
        raise Broken(f"train() of an empty folder gives {len(data)} items instead of a BadInput.")


def check_half(subject: Subject) -> str:
    """Check that a copy without its marker and half of its data files is not ready, and says what is missing."""
    subject.needs_stand_in()
    with TemporaryDirectory(prefix="contract-") as folder:
        copy = Path(folder) / "copy"
        _copy(subject.root, copy)
        for marker in copy.rglob(MARKER):
            marker.unlink()
        files = _data_files(copy)
        enough = max(1, subject.adapter.info.test_items // 2)  # a stand-in may be larger than the dataset
        deleted = files[min(len(files) // 2, enough) :]
        for path in deleted:
            path.unlink()
        status = subject.adapter.status(copy)
    must(status.state != "ready", f"{len(deleted)} files are deleted, and status() says ready.")
    must(bool(status.missing and status.how), f"status() says {status.state} and not what is missing.")
    return f"{len(deleted)} deleted files make it {status.state}: {status.missing[0]}."


def check_damaged(subject: Subject) -> str:
    """Check that a truncated or overwritten file is named in one BadInput, and that other items stay readable."""
    subject.needs_stand_in()
    files = _data_files(subject.root)
    kinds = Counter(path.suffix.lower() for path in files)
    with TemporaryDirectory(prefix="contract-") as folder:
        if kinds.most_common(1)[0][1] < MANY:
            return _check_pack(subject, max(files, key=lambda path: path.stat().st_size), Path(folder) / "copy")
        return _check_file(subject, files, Path(folder))


def _check_file(subject: Subject, files: list[Path], folder: Path) -> str:
    test = subject.splits["test"]
    index = len(test) // 2
    path = _file_of(test.item_ids[index], files)
    for harm in DAMAGES:
        copy = folder / harm
        _damage_copy(subject.root, copy, path, harm)
        data = subject.construct(copy)["test"]
        try:
            data[index]
        except BadInput as error:
            must(path.name in str(error), f"the error about the {harm} file does not name it: {error}")
        else:
            raise Broken(f"{path.name} is {harm}, and its item {test.item_ids[index]} is read all the same.")
        for other in (index - 1, (index + 1) % len(test)):
            data[other]
    return f"a truncated and an overwritten {path.suffix} file are named; other items stay readable."


def _check_pack(subject: Subject, path: Path, copy: Path) -> str:
    """Check damage to a file that holds many items, all of which it may cost."""
    _damage_copy(subject.root, copy, path, "truncated")
    try:
        for data in subject.construct(copy).values():
            data[len(data) - 1]
    except BadInput as error:
        must(path.name in str(error), f"the error about the truncated file does not name it: {error}")
        return f"a truncated {path.name}, which holds many items, is named."
    raise Broken(f"{path.name} is cut in half, and all its items are read all the same.")


def _data_files(root: Path) -> list[Path]:
    found = (path for path in root.rglob("*") if path.is_file())
    return sorted(path for path in found if path.suffix.lower() not in LISTS)


def _file_of(item_id: str, files: list[Path]) -> Path:
    """Return the file that an item is read from, judged by its name."""

    def likeness(path: Path) -> tuple[bool, bool, int]:
        plain = path.with_suffix("").as_posix()
        ends = path.as_posix().endswith(f"/{item_id}") or plain.endswith(f"/{item_id}")
        return ends, path.stem == Path(item_id).stem, len(path.stem) if path.stem in item_id else 0

    best = max(files, key=likeness)
    if not any(likeness(best)):
        raise Broken(f"no file name is part of the item id '{item_id}'; use ids from which the file can be found.")
    return best


def _copy(root: Path, copy: Path) -> None:
    try:
        shutil.copytree(root, copy, copy_function=os.link)
    except OSError:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root, copy)


def _damage_copy(root: Path, copy: Path, path: Path, harm: str) -> None:
    _copy(root, copy)
    copied = copy / path.relative_to(root)
    copied.unlink()  # it may be a hard link to the original
    copied.write_bytes(DAMAGES[harm](path.read_bytes()))
