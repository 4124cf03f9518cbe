"""Files that the suite writes itself, and those that others hand in: whole ones to damage, and what reads them."""

from __future__ import annotations

import hashlib
import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.data.locate import DataLocation
from benchmark.leaderboard.formats import to_csv, to_json
from benchmark.leaderboard.prediction_files import read_predictions
from benchmark.leaderboard.statement import read_statement
from benchmark.leaderboard.table import leaderboard
from benchmark.planning.scored_items import ScoredItems
from benchmark.records.identity import cell_id, row_id
from benchmark.records.record import ManifestEntry, Record
from benchmark.records.store import Predictions, Store
from benchmark.running.networks import load_weights, save_weights
from benchmark.training.checkpoints import HEADER, Checkpoint, Checkpoints
from modalities import registry
from modalities.errors import BadInput

from .base import Decoder, item, read_all

AXES: dict[str, Any] = {
    "modality": "image", "target": "digits", "fold": 1, "source": "deadleaves", "policy": "published",
    "recipe": "quick", "teacher": "wrn-16-1", "student": "wrn-10-1", "profile": "demo", "data": "shipped", "seed": 0,
}  # fmt: skip
CELL = cell_id(AXES)


def _network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))


def _checkpoint(root: Path) -> None:
    network = _network()
    optimiser = torch.optim.AdamW(network.parameters())
    network(torch.ones(2, 4)).sum().backward()
    optimiser.step()
    state = Checkpoint(7, network.state_dict(), optimiser.state_dict(), [(7, 0.1, 0.5)], [0.4])
    Checkpoints(root, "student").save(state)


def _fix_checkpoint(data: bytes) -> bytes:
    """Write a correct header and hash, as an attacker would."""
    payload = data[len(HEADER) + 65 :]
    return HEADER + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def _read_checkpoint(root: Path) -> None:
    """Look for a checkpoint; a damaged one is ignored, and nothing is raised."""
    if Checkpoints(root, "student").newest() is None:
        raise BadInput("it is ignored, as it should be")


def _store(root: Path) -> None:
    """Write a store with one finished cell."""
    row, store = row_id(AXES), Store(root)
    record = Record(
        id=CELL, row=row, status="done", config={"recipe": {"steps": 10}}, provenance={"commit": "a"},
        metrics={"items": 2.0, "top1": 0.5, "fidelity": 0.5, "top5": 1.0, "kl": None},
        controls={"chance": 0.1, "majority": 0.1, "untrained": 0.1, "teacher_top1": 0.9}, segments=100,
        seconds={"distil": 1.5}, **{**AXES, "source": {"name": "deadleaves", "sha256": "ab", "description": "leaves"}},
    )  # fmt: skip
    store.write_manifest("all", {"targets": ["digits"]}, [ManifestEntry(id=CELL, row=row, **AXES)])
    logp = np.log(np.full((2, 10), 0.1, np.float16))
    curve = [{"step": 1.0, "lr": 0.1, "loss": 2.0}, {"step": 2.0, "lr": 0.1, "loss": 1.5}]
    store.write(record, predictions=Predictions(["a", "b"], np.array([1, 2]), logp, ["a", "b"]), curve=curve)


def _read_store(root: Path, *, tables: bool) -> None:
    store = Store(root)

    def show() -> None:
        frame = leaderboard(store)
        assert to_csv(frame) and to_json(frame)

    reads = [partial(read, CELL) for read in (store.read, store.predictions, store.curve)]
    read_all(*reads, *([show] if tables else []))


def _stored(name: str, what: str, place: str, *, text: bool) -> Decoder:
    return Decoder(name, what, place, _store, partial(_read_store, tables="leaderboard" in what), text)


def _handed_in() -> ScoredItems:
    info = registry.target("digits").info
    ids = [f"test/{number:03}.png" for number in range(8)]
    location = DataLocation("stand-in", Path(), "stand-in:digits", ready=True)
    return ScoredItems(info, "demo", 1, location, ids, np.arange(8), ids)


def _write_handed_in(root: Path) -> list[bytes]:
    """Return a file of classes and one of probabilities."""
    ids, classes = _handed_in().ids, range(10)
    of_classes = "item,class\n" + "".join(f"{id},{number}\n" for number, id in enumerate(ids))
    head = ",".join(f"probability_{number}" for number in classes)
    shares = "".join(f"{number},{','.join(['0.1'] * 10)}\n" for number in range(len(ids)))
    return [of_classes.encode(), f"index,{head}\n{shares}".encode()]


def _arrays_handed_in(root: Path) -> list[bytes]:
    logits = np.zeros((8, 10), np.float32)
    streams = [io.BytesIO(), io.BytesIO()]
    np.savez(streams[0], logits=logits, item=np.array(_handed_in().ids))
    np.savez_compressed(streams[1], class_index=np.arange(8))
    return [stream.getvalue() for stream in streams]


def _statement(root: Path) -> list[bytes]:
    return [b"target: digits\nlabel: Theirs\nsegments: 1000\nteacher_accuracy: 0.9\nreference: 'A: B'\n"]


def _read_handed_in(root: Path) -> None:
    outputs = read_predictions(item(root), _handed_in())
    assert outputs.logp.shape == (8, 10) and np.isfinite(outputs.logp).all()


DECODERS = (
    Decoder("safetensors", "weights", "item.safetensors",
            lambda root: save_weights(_network(), root / "item.safetensors"),
            lambda root: load_weights(_network(), item(root))),
    Decoder("checkpoint", "checkpoints, half of them with the right hash", "student-000000007.ckpt", _checkpoint,
            _read_checkpoint, fix_checksums=_fix_checkpoint),
    _stored("record", "record.json, and the leaderboard", f"cells/{CELL}/record.json", text=True),
    _stored("manifest", "manifests, and the leaderboard", "manifests/all-29befd3c.json", text=True),
    _stored("predictions", "predictions.npz", f"cells/{CELL}/predictions.npz", text=False),
    _stored("curve", "curve.csv", f"cells/{CELL}/curve.csv", text=True),
    Decoder("handed-in", "predictions of others, CSV", "item.csv", _write_handed_in, _read_handed_in, text=True),
    Decoder("handed-in-arrays", "predictions of others, .npz", "item.npz", _arrays_handed_in, _read_handed_in),
    Decoder("statement", "what others say of their predictions", "item.yaml", _statement,
            lambda root: read_statement(root / "item.csv"), text=True),
)  # fmt: skip
