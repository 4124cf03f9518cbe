"""The files that the suite writes itself: whole ones to damage, and what reads them."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .base import Decoder, Seeds, read_all


def _network() -> Any:
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))


def _weights(root: Path) -> list[bytes]:
    from benchmark.running.networks import save_weights

    save_weights(_network(), root / "whole")
    return [(root / "whole").read_bytes()]


def _read_weights(root: Path) -> None:
    from benchmark.running.networks import load_weights

    load_weights(_network(), root / "item.safetensors")


def _checkpoint(root: Path) -> list[bytes]:
    import torch

    from benchmark.training.checkpoints import Checkpoint, Checkpoints

    network = _network()
    optimiser = torch.optim.AdamW(network.parameters())
    network(torch.ones(2, 4)).sum().backward()
    optimiser.step()
    state = Checkpoint(7, network.state_dict(), optimiser.state_dict(), [(7, 0.1, 0.5)], [0.4])
    Checkpoints(root / "whole", "student").save(state)
    return [next((root / "whole").iterdir()).read_bytes()]


def _fix_checkpoint(data: bytes) -> bytes:
    """Write a correct header and hash, as an attacker would."""
    from benchmark.training.checkpoints import HEADER

    payload = data[len(HEADER) + 65 :]
    return HEADER + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def _read_checkpoint(root: Path) -> None:
    """Look for a checkpoint; a damaged one is ignored, and nothing is raised."""
    from benchmark.training.checkpoints import Checkpoints
    from modalities.errors import BadInput

    if Checkpoints(root, "student").newest() is None:
        raise BadInput("it is ignored, as it should be")


def _store(root: Path) -> Any:
    """Make a store with one finished cell."""
    from benchmark.records.identity import cell_id, row_id
    from benchmark.records.record import ManifestEntry, Record
    from benchmark.records.store import Predictions, Store

    axes: dict[str, Any] = {
        "modality": "image", "target": "digits", "fold": 1, "source": "deadleaves", "policy": "published",
        "recipe": "quick", "teacher": "wrn-16-1", "student": "wrn-10-1", "profile": "demo", "data": "shipped",
    }  # fmt: skip
    entry = ManifestEntry(id=cell_id({**axes, "seed": 0}), row=row_id({**axes, "seed": 0}), seed=0, **axes)
    store = Store(root)
    record = Record(
        id=entry.id, row=entry.row, seed=0, status="done", config={"recipe": {"steps": 10}}, provenance={"commit": "a"},
        metrics={"items": 2.0, "top1": 0.5, "fidelity": 0.5, "top5": 1.0, "kl": None},
        controls={"chance": 0.1, "majority": 0.1, "untrained": 0.1, "teacher_top1": 0.9}, segments=100,
        seconds={"distil": 1.5}, **{**axes, "source": {"name": "deadleaves", "sha256": "ab", "description": "leaves"}},
    )  # fmt: skip
    store.write_manifest("all", {"targets": ["digits"]}, [entry])
    logp = np.log(np.full((2, 10), 0.1, np.float16))
    curve = [{"step": 1.0, "lr": 0.1, "loss": 2.0}, {"step": 2.0, "lr": 0.1, "loss": 1.5}]
    store.write(record, predictions=Predictions(["a", "b"], np.array([1, 2]), logp), curve=curve)
    return store


def _store_file(name: str) -> tuple[str, Seeds]:
    """Return the place and the content of a file of a cell, which are the same whenever it is written."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _store(root)
        place = next(path for path in root.rglob(name)).relative_to(root)

    def seeds(root: Path) -> list[bytes]:
        _store(root)
        return [(root / place).read_bytes()]

    return str(place), seeds


def _read_store(root: Path, *, tables: bool) -> None:
    from benchmark.leaderboard.formats import to_csv, to_json
    from benchmark.leaderboard.table import leaderboard
    from benchmark.records.store import Store

    store = Store(root)
    id = next((root / "cells").iterdir()).name

    def show() -> None:
        frame = leaderboard(store)
        assert to_csv(frame) and to_json(frame)

    reads = [partial(read, id) for read in (store.read, store.predictions, store.curve)]
    read_all(*reads, *([show] if tables else []))


def _stored(name: str, what: str, file: str, *, text: bool, fix: Any = None) -> Decoder:
    place, seeds = _store_file(file)
    return Decoder(name, what, place, seeds, partial(_read_store, tables="leaderboard" in what), text, fix)


DECODERS = (
    Decoder("safetensors", "weights", "item.safetensors", _weights, _read_weights),
    Decoder("checkpoint", "checkpoints, half of them with the right hash", "student-000000007.ckpt", _checkpoint,
            _read_checkpoint, fix_checksums=_fix_checkpoint),
    _stored("record", "record.json, and the leaderboard", "record.json", text=True),
    _stored("manifest", "manifests, and the leaderboard", "all-*.json", text=True),
    _stored("predictions", "predictions.npz", "predictions.npz", text=False),
    _stored("curve", "curve.csv", "curve.csv", text=True),
)  # fmt: skip
