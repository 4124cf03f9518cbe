"""From Python, one call for one cell or many: your own datum, student, teacher, loss, policy or method."""

from __future__ import annotations

import copy
import operator
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeGuard, Unpack, overload

from benchmark.api.results import CellFailed, Origin, Records, RunRecord
from benchmark.config.compose import compose_target
from benchmark.config.overrides import split_overrides
from benchmark.config.own_files import name_of
from benchmark.config.schema import Suite
from benchmark.launch.display import shown
from benchmark.launch.progress import Progress
from benchmark.planning.cell import Cell, state_of, unused_data, write_manifest
from benchmark.planning.expected import expected_times
from benchmark.planning.plan import Once, cells_of
from benchmark.records.record import OWN_NETWORK, Record
from benchmark.records.store import Store
from benchmark.system.devices import device_kind
from modalities import registry
from modalities.errors import BadInput
from modalities.plugins.find import Kind, add_object
from modalities.storage.paths import data_root, user_path

if TYPE_CHECKING:
    from torch import nn

    from benchmark.launch.progress import Display
    from benchmark.running.loggers import LoggerMaker
    from modalities.plugins.contracts import Loss, Method, NetworkMaker, Policy

    Network = str | nn.Module | NetworkMaker
    Callback = str | os.PathLike[str] | LoggerMaker


class Options(TypedDict, total=False):
    """What ``run`` takes besides targets and seeds."""

    source: Any
    student: Network | None
    teacher: Network | None
    loss: str | Loss | None
    policy: str | Policy | None
    method: str | Method | None
    profile: str
    settings: Mapping[str, Any] | None
    callback: Callback | Sequence[Callback]
    progress: bool
    results: str | os.PathLike[str]
    root: str | os.PathLike[str] | None
    device: str


@overload
def run(target: str, *, seed: int = 0, seeds: None = None, **options: Unpack[Options]) -> RunRecord: ...


@overload
def run(target: str, *, seeds: Iterable[int], **options: Unpack[Options]) -> Records: ...


@overload
def run(
    target: list[str] | tuple[str, ...],
    *,
    seed: int = 0,
    seeds: Iterable[int] | None = None,
    **options: Unpack[Options],
) -> Records: ...


def run(
    target: str | list[str] | tuple[str, ...], *, seed: int = 0, seeds: Iterable[int] | None = None, source: Any = None,
    student: Network | None = None, teacher: Network | None = None, loss: str | Loss | None = None,
    policy: str | Policy | None = None, method: str | Method | None = None, profile: str = "demo",
    settings: Mapping[str, Any] | None = None, callback: Callback | Sequence[Callback] = (), progress: bool = True,
    results: str | os.PathLike[str] = "results/local", root: str | os.PathLike[str] | None = None, device: str = "auto",
) -> RunRecord | Records:  # fmt: skip
    """Distil students from one datum and score them; cells that are already done are not run again.

    One target without ``seeds`` is one cell, and gives its record. A list of targets, or ``seeds``, gives a list,
    target by target, fold by fold, seed by seed: cells run one after another. A call that was interrupted continues
    when it is made again.

    Args:
        target: a registered target (``benchmark list targets``), or a list of them.
        seed, seeds: of segments, of mixing, and of the student's random weights unless it is a module; several share a
            row of the leaderboard.
        source: a named source, the path of a file, or the datum itself: an image as (H, W, 3) uint8 (NumPy, torch) or a
            Pillow image, a recording or clip as a pair of samples or frames and their rate. Default: the profile's.
        student, teacher: a network's name, a module from (B, *view.shape) to (B, classes) logits, or a function of
            (view.shape, classes) that makes one with random weights. A module as student starts from its weights: for
            one record it is trained in place, for a list a copy for each. A module as teacher is used as it is.
        loss, policy, method: a name, the path of a plug-in, or your own object (``modalities.plugins.contracts``).
        profile: ``smoke``, ``demo``, ``small`` or ``paper``, or the path of your own. If it uses stand-ins although
            data were given, by ``root`` or BENCHMARK_DATA, a warning says so.
        settings: further settings, such as ``{"recipe.steps": 200, "view.size": 32}``.
        callback: ``tensorboard``, ``wandb``, the path of a plug-in, a class or function of cell and folder that gives a
            ``benchmark.running.loggers.Logger``, or a list of these. No number depends on it.
        progress: whether to show it: bars on a terminal and in a notebook, else lines on standard error.
        results: folder of the records, as with the command line's ``--results``.
        root: folder of the real datasets; else the variable BENCHMARK_DATA, else a per-user one.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        BadInput: a wrong name, setting, source, callback or folder.
        CellFailed: the one cell has no result. In a list, such a cell says why by its ``status`` and ``reason``.
    """
    chosen = dict(settings or {})
    profile = chosen.pop("profile", profile)
    given = _given(
        chosen, seed, seeds, source=source, student=student, teacher=teacher, loss=loss, policy=policy, method=method
    )
    call = _Call(given, profile, device, several=seeds is not None or not isinstance(target, str))
    cells = call.cells([target] if isinstance(target, str) else target, data_root(root))
    store = Store(user_path(results) / name_of("profile", profile))
    found = call.run(cells, store, callbacks=_makers(callback), progress=progress)
    if call.several:
        return found
    if found[0].status != "done":
        raise CellFailed(found[0])
    return found[0]


@dataclass(frozen=True)
class _Given:
    """What the cells of a call have in common, once everything of the caller's has a name."""

    settings: Mapping[str, Any]
    plugins: Mapping[str, Any]  # by setting; the source is that of the target's modality
    networks: Mapping[str, str]  # by role
    modules: Mapping[str, nn.Module]  # of the caller's, by role


def _given(chosen: dict[str, Any], seed: int, seeds: Iterable[int] | None, **own: Any) -> _Given:
    named = {
        "source": "source", "student.network": "student", "teacher.network": "teacher", "recipe.loss": "loss",
        "policy": "policy", "method": "method", "seeds": "seeds",
    }  # fmt: skip
    for key in chosen:
        name = named.get("source" if key.startswith("source.") else key)
        if name == "seeds" or (name and own[name] is not None):
            raise BadInput(f"{key} is among the settings; give it as the argument {name} alone.")
    chosen["seeds"] = _whole_numbers([seed] if seeds is None else seeds)
    modules = {role: own[role] for role in ("student", "teacher") if _is_module(own[role])}
    networks = {role: _network_name(own[role]) for role in ("student", "teacher") if own[role] is not None}
    kinds: dict[str, Kind] = {"source": "source", "recipe.loss": "loss", "policy": "policy", "method": "method"}
    plugins = {key: _name_of(kind, own[kind]) for key, kind in kinds.items() if own[kind] is not None}
    return _Given(chosen, plugins, networks, modules)


def _whole_numbers(seeds: Iterable[int]) -> list[int]:
    try:
        found = list(dict.fromkeys(map(operator.index, seeds)))
    except TypeError as error:
        raise BadInput(f"{seeds!r} are not seeds; give whole numbers, such as [0, 1, 2].") from error
    if not found:
        raise BadInput("seeds is empty; give at least one, such as [0].")
    return found


@dataclass(frozen=True)
class _Call:
    """One call, planned and run."""

    given: _Given
    profile: str
    device: str
    several: bool  # whether the caller gets a list, and modules stay as they are

    @property
    def place(self) -> str:
        """The device, by its name."""
        return device_kind("auto") if self.device == "auto" else self.device

    def cells(self, targets: Sequence[str], root: Path) -> list[Cell]:
        """Return the cells of all targets, each once. Raises BadInput if something in them is wrong."""
        if not targets:
            raise BadInput("no targets were given; name at least one.", about="targets")
        kind = device_kind(self.device)
        once = Once()
        found: dict[str, Cell] = {}
        for target in targets:
            modality = registry.target(target).info.modality
            own = {f"source.{modality}" if key == "source" else key: name for key, name in self.given.plugins.items()}
            typed = [f"{key}={_text(value)}" for key, value in {**self.given.settings, **own}.items()]
            typed, _, suite = split_overrides(typed)
            config = compose_target(target, typed, profile=self.profile, suite=suite)
            for role, name in self.given.networks.items():
                getattr(config, role).network = name
            planned = cells_of(target, config, root, kind, own=self.given.modules, once=once)
            found |= {cell.id: cell for cell in planned}
        cells = list(found.values())
        if not self.several and len(cells) > 1:
            folds = cells[0].config.folds
            raise BadInput(
                f"one target gives one record, and settings ask for {len(cells)} (folds={folds}); give a list."
            )
        if note := unused_data(cells, root):
            warnings.warn(note, stacklevel=3)
        return cells

    def run(self, cells: Sequence[Cell], store: Store, *, callbacks: Sequence[LoggerMaker], progress: bool) -> Records:
        """Return the records of cells, running those that are not done."""
        kept = {cell.id: store.read(cell.id) for cell in cells if state_of(cell, store)[0] == "done"}
        todo = [cell for cell in cells if cell.id not in kept]
        self._request(store, cells)
        student = self.given.modules.get("student")
        if student is not None and not self.several and not todo:
            _fill(student, store, cells[0])
        times = expected_times(todo, self.place, store.has_teacher)
        found = {id: record for id, record in kept.items() if record is not None}
        with shown(todo, 1, times) if progress and todo else nullcontext(None) as display:
            for cell in todo:
                trained = copy.deepcopy(student) if self.several else student
                found[cell.id] = self._run_cell(cell, store, trained, display, callbacks)
        return Records(self._with_origin(found[cell.id], cell, store) for cell in cells)

    def _request(self, store: Store, cells: Sequence[Cell]) -> None:
        """Write manifests for cells that no run has requested, or that were forgotten."""
        requested = {cell.id for cell in store.requested_cells()}
        for cell in cells:
            if cell.id not in requested:
                write_manifest(store, Suite(name="python"), {"cell": cell.id}, [cell])

    def _run_cell(
        self, cell: Cell, store: Store, student: nn.Module | None, display: Display | None,
        callbacks: Sequence[LoggerMaker],
    ) -> Record:  # fmt: skip
        from benchmark.running.run_cell import run_cell

        record = None
        send = (lambda step: display.moved(0, step)) if display else (lambda step: None)
        if display:
            display.started(0, cell)
        try:
            record = run_cell(
                cell, store, device=self.place, callback=Progress(send, lambda: False), student=student,
                teacher=self.given.modules.get("teacher"), loggers=callbacks,
            )  # fmt: skip
        finally:
            if display:
                display.ended(0, cell, record)
        return record

    def _with_origin(self, record: Record, cell: Cell, store: Store) -> RunRecord:
        return RunRecord.of(record, Origin(store, lambda: cell, **self.given.modules))


def _fill(student: nn.Module, store: Store, cell: Cell) -> None:
    from benchmark.running.networks import load_weights

    load_weights(student.eval(), store.student_weights(cell.id))


def _is_module(network: Any) -> TypeGuard[nn.Module]:
    from torch import nn

    return isinstance(network, nn.Module)


def _network_name(network: Network) -> str:
    """Return the name by which a network is found, or known."""
    from benchmark.running.networks import module_hash

    if isinstance(network, str):
        return network
    if not _is_module(network):
        return _name_of("network", network)
    # Weights and code are part of the name, and so of the cell's id: another network is another cell.
    return f"{OWN_NETWORK}{type(network).__name__} {module_hash(network)[:12]}"


def _name_of(kind: Kind, plugin: Any) -> str:
    """Return the name by which a plug-in is found: its own, its path, or that of an object of the caller's."""
    if isinstance(plugin, str | os.PathLike):
        return os.fspath(plugin)
    if kind != "source" and not callable(plugin):
        raise BadInput(f"{plugin!r} is not a {kind}; give a name, the path of a plug-in, or a function or object.")
    return add_object(kind, getattr(plugin, "__name__", type(plugin).__name__), plugin)


def _makers(callback: Callback | Sequence[Callback]) -> list[LoggerMaker]:
    from benchmark.running.loggers import logger_maker

    given: Sequence[Any] = callback if isinstance(callback, list | tuple) else [callback]
    return [logger_maker(one) for one in given]


def _text(value: Any) -> str:
    return str(list(value)).replace("'", "") if isinstance(value, list | tuple) else str(value)
