"""The contract of a target adapter, item by item: ``benchmark check`` prints it, and tests check every target."""

from __future__ import annotations

import math
import pickle
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from modalities.base import Item, LabelledData, ModalityName, TargetAdapter
from modalities.contract.damage import check_absent, check_damaged, check_half
from modalities.contract.info import check_classes, check_import, check_info, check_published
from modalities.contract.subject import Broken, Skipped, Subject, must
from modalities.datasets.standin import has_stand_in, stand_ins
from modalities.errors import BadInput
from modalities.registry import modality

Verdict = Literal["pass", "fail", "skip"]

# Small items: the contract is about correctness, not about pixels.
SMALL: dict[ModalityName, dict[str, Any]] = {
    "image": {"size": 32},
    "audio": {"rate": 8_000, "mels": 32},
    "video": {"size": 32, "resize": 36},
}
NO_DATA = "there is no stand-in; only real data can tell."
MAX_STAND_IN_BYTES = 200_000_000  # every machine that runs the suite writes one


class Check(NamedTuple):
    """One item of the contract, and whether an adapter keeps it."""

    name: str
    verdict: Verdict
    detail: str  # a sentence


def small_view(name: ModalityName) -> Any:
    """Return a view of that modality with small items."""
    return modality(name).view_type(**SMALL[name])


def check_adapter(
    adapter: TargetAdapter, root: Path | None = None, view: Any = None, *, sample: int = 200
) -> Iterator[Check]:
    """Check an adapter against every item of the contract, in order, by ``sample`` decoded items of each split.

    Without a ``root`` its stand-in is written into a temporary folder; without one,
    items that need data are skipped. Without a ``view`` items are small.
    """
    without_data = root is None and not adapter.info.ships_with and not has_stand_in(adapter)
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        try:
            if root is None and not adapter.info.ships_with and not without_data:
                adapter.write_sample(Path(folder), 0)
                marked = adapter.info.name in stand_ins(Path(folder))
                must(marked, "write_sample() must end with modalities.datasets.standin.mark(folder, name, seed).")
            view = small_view(adapter.info.modality) if view is None else view
        except Exception as error:
            yield Check("stand-in", "fail", _message(error))
            return
        subject = Subject(adapter, Path(folder) if root is None else root, view, sample)
        for name in CHECKS:
            if without_data and name not in NEEDS_NO_DATA:
                yield Check(name, "skip", NO_DATA)
            else:
                yield check(subject, name)


def check(subject: Subject, name: str) -> Check:
    """Check one item of the contract; whatever the adapter raises is a failure."""
    try:
        return Check(name, "pass", CHECKS[name](subject))
    except Skipped as skipped:
        return Check(name, "skip", str(skipped))
    except Exception as error:
        return Check(name, "fail", _message(error))


def _message(error: Exception) -> str:
    return str(error) if isinstance(error, Broken | BadInput) else f"{type(error).__name__}: {error}"


def _stand_in(subject: Subject) -> str:
    subject.needs_files()
    if not subject.stand_in:
        raise Skipped("these are real data.")
    size = sum(path.stat().st_size for path in subject.root.rglob("*") if path.is_file())
    must(size <= MAX_STAND_IN_BYTES, f"it uses {size / 1e6:,.0f} MB; stay below {MAX_STAND_IN_BYTES / 1e6:.0f}.")
    return f"it is marked as one and uses {size / 1e6:.1f} MB."


def _status(subject: Subject) -> str:
    first, second = (subject.adapter.status(subject.root) for _ in range(2))
    must(first.state == "ready", f"status() says {first.state}: {', '.join(first.missing)}.")
    must(bool(first.fingerprint), "the fingerprint of ready data is empty.")
    must(first.fingerprint == second.fingerprint, "the fingerprint differs between two calls.")
    return "ready, with the same fingerprint in two calls."


def _labels(subject: Subject) -> str:
    known: dict[str, set[int]] = {}
    for split, data in subject.splits.items():
        labels, classes = data.labels, len(subject.adapter.info.classes)
        must(len(data) > 0, f"{split} is empty.")
        must(isinstance(labels, np.ndarray) and labels.dtype == np.int64, f"labels of {split} are not an int64 array.")
        must(labels.shape == (len(data),), f"{split} has {len(data)} items and labels of shape {labels.shape}.")
        low, high = int(labels.min()), int(labels.max())
        must(low >= 0 and high < classes, f"labels of {split} run from {low} to {high} with {classes} classes.")
        known[split] = set(labels.tolist())
    unseen = known["test"] - known["train"]
    must(not unseen, f"classes of test that train lacks: {sorted(unseen)[:5]}.")
    must(len(known["test"]) > 1, "test has only one class.")
    return f"int64 and in range, {len(known['train'])} classes in train, {len(known['test'])} in test."


def _sizes(subject: Subject) -> str:
    if subject.stand_in:
        raise Skipped("a stand-in is smaller than the dataset.")
    info = subject.adapter.info
    stated = {"train": info.train_items, "test": info.test_items}
    if not all(stated.values()):
        raise Skipped("its info states no sizes.")
    counts = {split: getattr(data, "files", len(data)) for split, data in subject.splits.items()}
    whole, total = sum(stated.values()), sum(counts.values())
    must(0.95 * whole <= total <= 1.05 * whole, f"it has {total:,} labelled files, its info says {whole:,}.")
    chance = 5 * math.sqrt(stated["train"] * stated["test"] / whole) if info.own_split else 0  # standard deviations
    for split, size in stated.items():
        off = abs(counts[split] - size)
        must(off <= max(0.05 * size, chance), f"{split} has {counts[split]:,} labelled files, its info says {size:,}.")
    return f"{counts['train']:,} and {counts['test']:,} labelled files, as its info says."


def _ids(subject: Subject) -> str:
    for split, again in subject.construct().items():
        first, ids = subject.splits[split], list(again.item_ids)
        must(len(ids) == len(again) and all(isinstance(i, str) and i for i in ids), f"{split} has items without an id.")
        must(len(set(ids)) == len(ids), f"{split} has {len(ids) - len(set(ids))} duplicate ids.")
        same = list(first.item_ids) == ids and np.array_equal(first.labels, again.labels)
        must(same and list(first.groups) == list(again.groups), f"{split} differs between two constructions.")
    return "unique, and in the same order when constructed again."


def _disjoint(splits: dict[str, LabelledData], what: str) -> None:
    for kind in ("item_ids", "groups"):
        train, test = (list(getattr(splits[split], kind)) for split in ("train", "test"))
        must(len(train) == len(splits["train"]), f"{what} has {len(train)} {kind} for {len(splits['train'])} items.")
        shared = set(train) & set(test)
        must(
            not shared, f"{what} shares {len(shared)} {kind} between train and test, such as {min(shared, default='')}."
        )


def _leaks(subject: Subject) -> str:
    _disjoint(subject.splits, "it")
    count = len(set(subject.splits["train"].groups) | set(subject.splits["test"].groups))
    return f"none of {count:,} leak units ({subject.adapter.info.leak_unit}) is in both train and test."


def _folds(subject: Subject) -> str:
    folds = subject.adapter.info.folds
    if folds == 1:
        raise Skipped("there is only one fold.")
    seen = set()
    for fold in range(1, folds + 1):
        splits = subject.construct(fold=fold)
        _disjoint(splits, f"fold {fold}")
        must(all(map(len, splits.values())), f"fold {fold} has an empty split.")
        seen.add(tuple(tuple(data.item_ids) for data in splits.values()))
    must(len(seen) == folds, "two folds are the same.")
    for fold in (0, folds + 1):
        try:
            subject.construct(fold=fold)
        except BadInput:
            continue
        raise Broken(f"fold {fold} does not exist and is not refused.")
    return f"{folds} folds, each without a leak; other numbers are refused."


def _shapes(subject: Subject) -> str:
    info, view = subject.adapter.info, subject.view
    form: tuple[int | None, ...] = (3, None, None)
    if info.modality != "image":
        form = (view.samples,) if info.modality == "audio" else (3, view.frames, None, None)
    kind = "torch.int16" if info.modality == "audio" else "torch.uint8"
    shapes = {}
    for split in subject.splits:
        found = {(str(item.data.dtype), tuple(item.data.shape)) for _, item in subject.items(split)}
        must(len(found) == 1, f"items of {split} have several shapes: {sorted(found)[:3]}.")
        ((dtype, shape),) = found
        must(dtype == kind, f"items of {split} are {dtype} instead of {kind}.")
        fits = len(shape) == 1 + len(form) and all(w in (None, h) for w, h in zip(form, shape[1:], strict=True))
        must(fits, f"items of {split} have the shape {shape}, not (clips, {', '.join(str(n or 'any') for n in form)}).")
        shapes[split] = shape
    must(shapes["train"][1:] == shapes["test"][1:], f"train and test differ in shape: {shapes}.")
    clips = shapes["test"][0]
    must(clips == view.test_clips, f"a test item has {clips} clips, and the view requests {view.test_clips}.")
    if info.modality != "image":  # which has only one
        data = subject.adapter.test(subject.root, replace(view, test_clips=3))
        must(len(data[0].data) == 3, f"a test item has {len(data[0].data)} clips if the view requests 3.")
    ready = modality(info.modality).prepare(subject.items("test")[0][1].data, view)
    must(tuple(ready.shape[1:]) == tuple(view.shape), f"prepared items have the shape {tuple(ready.shape)}.")
    must(bool(ready.isfinite().all()), "a prepared item is not finite.")
    return f"{kind.removeprefix('torch.')}, {shapes['train']} in train and {shapes['test']} in test."


def _truth(subject: Subject) -> str:
    for split, data in subject.splits.items():
        for place, item in subject.items(split):
            must(int(item.label) == data.labels[place], f"item {item.item_id} has the label {item.label} when decoded.")
            must(item.item_id == data.item_ids[place], f"item {place} of {split} has the id {item.item_id}.")
    return f"of {sum(len(subject.items(split)) for split in subject.splits)} decoded items."


def _digest(item: Item) -> str:
    return sha256(item.data.contiguous().numpy().tobytes()).hexdigest()


def _content(subject: Subject) -> str:
    digests = {}
    for split in subject.splits:
        # All stretches of silence are equal.
        varied = [item for _, item in subject.items(split) if int(item.data.max()) != int(item.data.min())]
        must(len(varied) > 0.5 * len(subject.items(split)), f"most items of {split} are a single colour or silence.")
        digests[split] = {_digest(item): item.item_id for item in varied}
        must(len(digests[split]) > 0.5 * len(varied), f"most items of {split} are bit-identical.")
    shared = set(digests["train"]) & set(digests["test"])
    named = ", ".join(f"{digests['train'][one]} and {digests['test'][one]}" for one in sorted(shared)[:2])
    must(not shared, f"{len(shared)} decoded items are in both train and test: {named}.")
    return f"{len(digests['train'])} and {len(digests['test'])} decoded items differ."


def _same(subject: Subject) -> str:
    for split, again in subject.construct().items():
        for place, item in subject.items(split)[:5]:
            for data in (subject.splits[split], again):
                must(_digest(data[place]) == _digest(item), f"item {item.item_id} differs when it is read again.")
    return "items are equal when read again, also after a new construction."


def _pickles(subject: Subject) -> str:
    for split, data in subject.splits.items():
        copy = pickle.loads(pickle.dumps(data))
        place, item = subject.items(split)[-1]
        must(_digest(copy[place]) == _digest(item), f"item {item.item_id} differs after pickling.")
    return "train and test survive pickling, as for a worker process."


NEEDS_NO_DATA = ("info", "classes", "published numbers", "quick import", "no data")
CHECKS: dict[str, Callable[[Subject], str]] = {
    "info": check_info,
    "classes": check_classes,
    "published numbers": check_published,
    "quick import": check_import,
    "stand-in": _stand_in,
    "status": _status,
    "no data": check_absent,
    "half the data": check_half,
    "labels": _labels,
    "sizes": _sizes,
    "item ids": _ids,
    "no leak": _leaks,
    "folds": _folds,
    "shapes": _shapes,
    "labels of items": _truth,
    "content": _content,
    "repeatable": _same,
    "pickles": _pickles,
    "damaged file": check_damaged,
}
