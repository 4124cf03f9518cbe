"""From what a user asks for to cells: each target's configuration, its data, its source, and what is done already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from shutil import which
from typing import Any, Literal

from benchmark.config import compose as configuration
from benchmark.config.schema import Config
from benchmark.data.locate import Place, locate
from benchmark.records.identity import cell_id, row_id
from benchmark.records.provenance import below_root
from benchmark.records.store import Asked, Record, Status, Store
from modalities import registry
from modalities.base import BadInput, SourceRef, UnknownName

COMPILE_PAYS = 5000  # steps from which on a minute or two of compilation is little beside the run
State = Literal["done", "to run", "no data"]


@dataclass(frozen=True)
class Cell:
    """One experiment: everything a process needs to run it and nothing about how it went."""

    id: str
    row: str
    target: str
    modality: str
    fold: int
    seed: int
    source: SourceRef
    source_path: str  # the registered name or the file that the source is read from
    data: Place
    config: Config
    resolved: dict[str, Any]  # the part of the configuration that the id covers
    teacher_key: str

    def asked(self) -> Asked:
        """The cell as a manifest lists it."""
        return Asked(
            id=self.id, row=self.row, modality=self.modality, target=self.target, fold=self.fold,
            source=self.source.name, policy=self.config.policy.name, recipe=self.config.recipe.name,
            teacher=self.config.teacher.network, student=self.config.student.network,
            profile=self.config.profile.name, data=self.data.kind, seed=self.seed, teacher_key=self.teacher_key,
        )  # fmt: skip

    def record(self, status: Status, reason: str = "", **found: Any) -> Record:
        """This cell's record: what was asked for, with ``found`` (fields of ``Record``) on top.

        The reason names the folder of the real datasets as ``ROOT``.
        """
        config = self.config
        if self.data.kind == "real":
            reason = below_root(reason, self.data.root)
        fields: dict[str, Any] = {
            "source": {"name": self.source.name, "sha256": self.source.sha256, "description": self.source.description},
            "policy": config.policy.name, "recipe": config.recipe.name,
            "teacher": config.teacher.network, "student": config.student.network, "profile": config.profile.name,
            "data": self.data.kind, "data_fingerprint": self.data.fingerprint, "config": self.resolved,
            "teacher_key": self.teacher_key,
        }  # fmt: skip
        return Record(
            id=self.id, row=self.row, target=self.target, modality=self.modality, fold=self.fold, seed=self.seed,
            status=status, reason=reason, **(fields | found),
        )  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What a user asks for, before anything is looked up."""

    suite: str = "all"
    profile: str = "demo"
    overrides: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()  # names or globs; empty: the suite's
    modalities: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    root: Path = Path()
    device: str = "cpu"  # kind only: cpu or cuda

    def selection(self) -> dict[str, Any]:
        """What narrows or changes the suite, for the manifest; no paths of this machine.

        The kind of device is part of it, as it decides on the precision and so on the ids of the cells.
        """
        return {
            "device": self.device,
            "targets": list(self.targets), "modalities": list(self.modalities), "exclude": list(self.exclude),
            "overrides": [_without_folders(text) for text in self.overrides],
        }  # fmt: skip


def make_plan(request: Request) -> list[Cell]:
    """Every cell of a request, in the order in which they run: target by target, seeds last.

    Raises:
        BadInput: nothing matches, or a name, key, value or source file is wrong.
    """
    cells: list[Cell] = []
    variants = configuration.load_suite(request.suite).variants or [[]]
    for target in select_targets(request):
        for variant in variants:
            modality = registry.target(target).info.modality
            # A variant lists one source per modality; only this target's counts, so cells do not repeat.
            own = [text for text in variant if not text.startswith("source.") or text.startswith(f"source.{modality}")]
            overrides = [*own, *request.overrides]
            config = configuration.compose_target(target, overrides, profile=request.profile, suite=request.suite)
            cells += cells_of(target, config, request.root, request.device)
    unique = {cell.id: cell for cell in cells}
    return list(unique.values())


def select_targets(request: Request) -> list[str]:
    """Targets that the suite, ``--target``, ``--modality`` and ``--exclude`` leave, sorted by modality and name.

    A pattern is a name, a glob, or ``MODALITY/GLOB``; one that matches nothing is refused. Globs choose among the
    suite's targets; a target that is named in full is taken whether the suite has it or not.
    """
    suite = configuration.load_suite(request.suite)
    known = registry.target_names()
    working, _ = registry.usable()
    rooms = {name: adapter.info.modality for name, adapter in working.items()}

    def matching(patterns: Sequence[str], must: bool) -> set[str]:
        found: set[str] = set()
        for pattern in patterns:
            hits = {
                name for name in rooms if fnmatchcase(f"{rooms[name]}/{name}", pattern) or fnmatchcase(name, pattern)
            }
            if not hits and must:
                raise UnknownName("target", pattern, known)
            found |= hits
        return found

    chosen = matching(suite.targets, False) - matching(suite.exclude, False)
    if request.targets:
        named = set(request.targets) & set(known)
        for name in named - set(rooms):
            registry.target(name)  # says why it cannot be used
        globs = [pattern for pattern in request.targets if pattern not in named]
        chosen = (chosen & matching(globs, True)) | named
    chosen -= matching(request.exclude, True)
    for name in request.modalities:
        if name not in registry.MODALITIES:
            raise UnknownName("modality", name, list(registry.MODALITIES))
    chosen = {name for name in chosen if not request.modalities or rooms[name] in request.modalities}
    if not chosen:
        raise BadInput("no target is left: the selection by --target, --modality and --exclude leaves nothing to run.")
    return sorted(chosen, key=lambda name: (registry.MODALITIES.index(rooms[name]), name))


def left_out(request: Request) -> dict[str, str]:
    """Broken plug-in targets that the request would have run, by name, and why they cannot be used.

    Which modality one belongs to is not known, so a request that names modalities wants none of them.
    """
    suite = configuration.load_suite(request.suite)
    wanted, unwanted = request.targets or suite.targets, (*suite.exclude, *request.exclude)
    return {
        name: reason
        for name, reason in registry.usable()[1].items()
        if not request.modalities
        and any(fnmatchcase(name, pattern) for pattern in wanted)
        and not any(fnmatchcase(name, pattern) for pattern in unwanted)
    }


def state_of(cell: Cell, store: Store) -> tuple[State, str]:
    """What would happen to a cell now, and why."""
    try:
        record = store.read(cell.id)
    except BadInput as error:
        return "to run", str(error)
    if record is not None and record.status == "done":
        return "done", ""
    if not cell.data.ready:
        return "no data", cell.data.how
    if record is not None:
        return "to run", f"{record.status} before: {record.reason}"
    return "to run", ""


def cells_of(target: str, config: Config, root: Path, device: str, *, own: Collection[str] = ()) -> list[Cell]:
    """The cells of one composed configuration: its folds times its seeds.

    Args:
        root: folder of the real datasets.
        device: kind only, ``cpu`` or ``cuda``; settles what ``auto`` means.
        own: roles for which the caller has a module, whose name therefore need not be one that can be built.

    Raises:
        BadInput: a network's name, a source or a file cannot be used.
    """
    adapter = registry.target(target)
    info = adapter.info
    modality = registry.modality(info.modality)
    source_path = str(getattr(config.source, info.modality))
    source = modality.source_ref(source_path)
    data = locate(adapter, config.profile.data, root)
    for role, network in (("teacher", config.teacher.network), ("student", config.student.network)):
        if role not in own:
            modality.check_network(network)  # else every cell would find out for itself, one by one
    settle(config, device)
    shared = {
        "target": target,
        "modality": info.modality,
        "data": data.kind,
        "data_fingerprint": data.fingerprint,
        "view": configuration.plain(config.view),
        "train_per_class": config.data.train_per_class,
        "teacher": _teacher_identity(config),
        "threads": config.threads,
    }
    cells = []
    for fold in config.folds:
        teacher_key = cell_id({**shared, "source": config.teacher.network, "seed": 0, "fold": fold})
        for seed in config.seeds:
            resolved = {
                **shared,
                "fold": fold,
                "seed": seed,
                "source": {"name": source.name, "sha256": source.sha256},
                "policy": configuration.plain(config.policy),
                "student": configuration.plain(config.student),
                "recipe": _numbers_of(configuration.plain(config.recipe)),
            }
            cells.append(
                Cell(
                    id=cell_id(resolved),
                    row=row_id(resolved),
                    target=target,
                    modality=info.modality,
                    fold=fold,
                    seed=seed,
                    source=source,
                    source_path=source_path,
                    data=data,
                    config=config,
                    resolved=resolved,
                    teacher_key=teacher_key,
                )
            )
    return cells


def _teacher_identity(config: Config) -> dict[str, Any]:
    """The teacher's settings; a weights file counts by its content, not by its path."""
    settings: dict[str, Any] = configuration.plain(config.teacher)
    del settings["times_chance"]  # decides whether a teacher is used, not what it is
    settings["training"] = _numbers_of(settings["training"])
    if config.teacher.weights:
        settings["weights"] = _file_hash(Path(config.teacher.weights))
    return settings


def _file_hash(path: Path) -> str:
    import hashlib

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"teacher.weights={path} cannot be read ({error.strerror}); give a safetensors file.") from error


def _numbers_of(training: dict[str, Any]) -> dict[str, Any]:
    """The settings of a training that change its numbers: compilation rounds otherwise, what is early is the same."""
    silent = {"ahead", "compile"} if training["compile"] == "none" else {"ahead"}
    return {key: value for key, value in training.items() if key not in silent}


def settle(config: Config, device: str) -> None:
    """Resolve ``auto`` for the kind of device, so that the id covers what is really done."""
    for training in (config.recipe, config.teacher.training):
        if training.precision == "auto":
            training.precision = "bfloat16" if device == "cuda" else "float32"
        if training.compile == "auto":
            pays = device == "cuda" and training.steps >= COMPILE_PAYS and any(map(which, ("cc", "gcc", "clang")))
            training.compile = "default" if pays else "none"


def _without_folders(text: str) -> str:
    key, equals, value = text.partition("=")
    return f"{key}{equals}{Path(value).name if '/' in value else value}"


def describe(cell: Cell) -> str:
    """A cell in a few words, for progress lines."""
    fold = f" fold {cell.fold}" if cell.fold != 1 else ""
    return f"{cell.target}{fold} · {cell.source.name} · seed {cell.seed}"
