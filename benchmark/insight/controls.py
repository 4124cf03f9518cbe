"""Networks that a student is read against: untrained, trained on noise, and of another seed; from the same store."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from torch import nn

from benchmark.records.identity import safe_name
from benchmark.records.record import Record
from benchmark.running.finished import FinishedCell
from benchmark.running.networks import load_weights
from modalities.errors import BadInput

NOISE = "noise"
UNTRAINED, OF_NOISE, OTHER_SEED = "untrained student", "noise student", "other seed"


@dataclass(frozen=True)
class Controls:
    """The controls of a cell, by name; ``missing`` says in a sentence why one is not there."""

    networks: dict[str, nn.Module]
    cells: dict[str, str]  # ids of those that were trained
    missing: dict[str, str]


def controls_of(finished: FinishedCell) -> Controls:
    """Find the controls of a cell among the cells of its store that agree with it in all settings but one."""
    own = finished.record
    found, alike = Controls({UNTRAINED: finished.new_student(own.seed)}, {}, {}), _alike(finished)
    noise = [other for other in alike if other.source["name"] == NOISE and own.source["name"] != NOISE]
    seeds = [other for other in alike if other.source == own.source and other.seed != own.seed]
    why = {
        OF_NOISE: "This cell's own source is noise."
        if own.source["name"] == NOISE
        else "There is no finished cell of the source noise with the same settings in these results.",
        OTHER_SEED: "There is no finished cell of another seed with the same settings in these results.",
    }
    for name, cells in ((OF_NOISE, noise), (OTHER_SEED, seeds)):
        for other in sorted(cells, key=lambda cell: (cell.seed != own.seed, cell.seed, cell.id)):
            network = finished.new_student(own.seed)
            with contextlib.suppress(BadInput):  # its weights are gone or damaged
                load_weights(network, finished.store.student_weights(other.id))
                found.networks[name], found.cells[name] = network.eval(), other.id
                break
        else:
            found.missing[name] = why[name]
    return found


def _alike(finished: FinishedCell) -> list[Record]:
    """Return the other finished cells of a store that differ in source and seed alone."""
    own, store, found = finished.record, finished.store, []
    for folder in sorted(store.cells.glob(f"{safe_name(own.target)}-*")):
        with contextlib.suppress(BadInput):  # damaged, or not a cell
            other = store.read(folder.name)
            if other and other.status == "done" and other.id != own.id and _settings(other) == _settings(own):
                found.append(other)
    return found


def _settings(record: Record) -> dict[str, object]:
    return {key: value for key, value in record.settings.items() if key != "source"} | {"profile": record.profile}
