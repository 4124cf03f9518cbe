"""What a call from Python returns: records that know where their files are, and show as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from benchmark.planning.cell import Cell
from benchmark.records.find import find_records
from benchmark.records.identity import canonical_json
from benchmark.records.record import Record
from benchmark.records.store import Store
from modalities.errors import BadInput, readable
from modalities.storage.paths import data_root, user_path

if TYPE_CHECKING:
    import os

    import pandas as pd
    from torch import nn

    from benchmark.api.loaded import Loaded
    from benchmark.leaderboard.compare import Comparison, Side

SHARES = ("score", "teacher_score", "retention", "chance")


@dataclass(frozen=True)
class Origin:
    """Where a record's files are, and what its cell was made of."""

    store: Store
    cell: Callable[[], Cell]  # raises BadInput if its data or its source are not there any more
    student: nn.Module | None = None  # the caller's own, of which the weights on disk are
    teacher: nn.Module | None = None


class RunRecord(Record):
    """A ``Record`` that knows where its files are: ``load()`` returns what the cell left."""

    _origin: Origin | None = None

    @classmethod
    def of(cls, record: Record, origin: Origin) -> RunRecord:
        """Return a record with its origin."""
        made = cls(**{entry.name: getattr(record, entry.name) for entry in fields(Record)})
        object.__setattr__(made, "_origin", origin)
        return made

    @property
    def origin(self) -> Origin:
        """Where its files are. Raises BadInput for a copy that was made by hand."""
        if self._origin is None:
            raise BadInput(f"this copy of the record {self.id} does not know where its files are; use benchmark.find.")
        return self._origin

    @property
    def teacher_score(self) -> float | None:
        """The teacher's accuracy by the same metric, a fraction in [0, 1]; None if it was not scored."""
        if self.metric == "top-1":
            return self.controls.get("teacher_top1")
        return self.metrics.get("teacher_mean_per_class")

    def load(self, device: str = "cpu") -> Loaded:
        """Return what the cell left: student, teacher, predictions, curve and segments, each read when it is used.

        ``device`` is where networks and segments go: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. Raises BadInput if the
        cell is not done.
        """
        from benchmark.api.loaded import Loaded

        if self.status != "done":
            raise BadInput(f"the cell {self.id} is not done ({self.status}: {self.reason}), so it left no student.")
        return Loaded(self, device)

    def __eq__(self, other: object) -> bool:
        """Whether two records say the same, wherever their files are."""
        if not isinstance(other, Record):
            return NotImplemented
        return all(getattr(self, entry.name) == getattr(other, entry.name) for entry in fields(Record))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{readable(_line(self))}>"

    def _repr_html_(self) -> str:
        return Records([self])._repr_html_()


class CellFailed(Exception):
    """A cell has no result: it failed, diverged, ran out of memory, its teacher was refused, or its data are missing.

    ``record`` says which (``record.status``) and why (``record.reason``; ``record.traceback`` if the fault may be in
    code). It is on disk too, and the next call tries again.
    """

    def __init__(self, record: RunRecord) -> None:
        super().__init__(f"{record.id}: {record.status}: {record.reason}")
        self.record = record


class Records(list[RunRecord]):
    """A list of records that shows as a table, in a notebook and as text."""

    def frame(self) -> pd.DataFrame:
        """Return one row per record.

        Columns: ``target``, ``fold``, ``source``, ``policy``, ``recipe``, ``teacher``, ``student``, ``profile``,
        ``data`` and ``seed`` as in a record; ``status`` and ``reason``; ``score`` (the student's accuracy by the
        target's metric), ``teacher_score``, ``retention`` (score over the teacher's) and ``chance``, fractions, missing
        if not known; ``seconds`` of the whole cell; ``row``, which the seeds of one experiment share; ``id``.
        """
        import pandas as pd

        names = ["target", "fold", "source", "policy", "recipe", "teacher", "student", "profile", "data", "seed"]
        rows = [
            {
                **{name: getattr(record, name) for name in names},
                "source": record.source["name"], "status": record.status, "reason": record.reason,
                "score": record.score, "teacher_score": record.teacher_score, "retention": _retention(record),
                "chance": record.controls.get("chance"), "seconds": round(sum(record.seconds.values()), 1),
                "row": record.row, "id": record.id,
            }
            for record in self
        ]  # fmt: skip
        columns = [*names, "status", "reason", *SHARES, "seconds", "row", "id"]
        return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys((*SHARES, "seconds"), "float64"))

    def _shown(self) -> pd.DataFrame:
        """Return the table for people: shares in percent, and only columns that say something."""
        import pandas as pd

        frame = self.frame()
        texts = {
            name: [readable(value) for value in frame[name]] for name in ("target", "source", "teacher", "student")
        }
        shares = {
            name: ["" if pd.isna(share) else f"{100 * share:.1f}" for share in frame[column]]
            for name, column in zip(("student %", "teacher %", "retention %", "chance %"), SHARES, strict=True)
        }
        fold = {"fold": frame["fold"]} if set(frame["fold"]) - {1} else {}
        reason = {"reason": list(map(readable, frame["reason"]))} if any(frame["reason"]) else {}
        shown = {
            "target": texts.pop("target"), **fold, **texts, "data": frame["data"], "seed": frame["seed"],
            "status": frame["status"], **shares, **reason,
        }  # fmt: skip
        return pd.DataFrame(shown)

    def __repr__(self) -> str:
        return str(self._shown().to_string(index=False)) if self else "no records"

    def _repr_html_(self) -> str:
        import pandas as pd

        if not self:
            return "no records"
        with pd.option_context("display.max_colwidth", None):
            return str(self._shown().to_html(index=False, border=0))


def find(
    name: str,
    results: str | os.PathLike[str] = "results/local",
    *,
    root: str | os.PathLike[str] | None = None,
    source: str | os.PathLike[str] = "",
) -> Records:
    """Return records that are on disk, whoever ran them: of a row, seed by seed, or of one cell.

    Args:
        name: the id of a row (the column ``row`` of ``benchmark.leaderboard``), or that of a cell or a part of it.
        results: folder of results, or that of one profile within it; all profiles in it are looked at.
        root: folder of the real datasets, for ``load()``; else as ``benchmark.run`` has it.
        source: path of the source's file, for ``load().segments``; a named source needs none.

    Raises BadInput if the name matches nothing or several cells, or if what it matches has no record.
    """
    from benchmark.planning.recorded import cell_of_record

    results = user_path(results)
    store, found = find_records(results.parent if (results / "manifests").is_dir() else results, name)
    folder, file = data_root(root), str(user_path(source)) if source else ""

    def origin(record: Record) -> Origin:
        return Origin(store, lambda: cell_of_record(record, folder, source=file))

    return Records(RunRecord.of(record, origin(record)) for record in found)


def compare(first: RunRecord | Sequence[RunRecord], second: RunRecord | Sequence[RunRecord]) -> Comparison:
    """Compare two rows of one target, each with one or several seeds, and folds, on the same test items.

    The test is paired, item by item, and takes seeds and leak units into account
    (``benchmark.statistics.paired.compare``).

    Returns:
        ``difference``: ``value``, the accuracy of ``second`` minus that of ``first`` in [-1, 1], with its 95 % interval
        ``low`` to ``high``, and ``p``; ``verdict``: whether the second is ``better`` or ``worse`` at 5 %, or
        ``undecided``; ``settings`` and ``figures``: what differs, as pairs.

    Raises BadInput if a side is empty, or is not done, or has records of rows that differ in more than the fold; or if
    the two are not of one target and the same folds.
    """
    from benchmark.leaderboard.compare import compare_rows

    return compare_rows(_side(first), _side(second))


def _side(given: RunRecord | Sequence[RunRecord]) -> Side:
    from benchmark.leaderboard.compare import Side, but_fold

    records = [given] if isinstance(given, RunRecord) else list(given)
    if not records:
        raise BadInput("there is nothing to compare with; give at least one record on each side.")
    if len(rows := {canonical_json(but_fold(record.settings)) for record in records}) > 1:
        raise BadInput(f"these records are of {len(rows)} rows; compare the seeds of one row with those of another.")
    for record in records:
        if record.status != "done":
            raise BadInput(f"the cell {record.id} is not done ({record.status}: {record.reason}); leave it out.")
    name = records[0].id if len(records) == 1 else f"row {records[0].row}"
    return Side(name, records[0].origin.store, tuple(records))


def _retention(record: RunRecord) -> float | None:
    from benchmark.evaluation.metrics import retention

    score, teacher = record.score, record.teacher_score
    return None if score is None or teacher is None else retention(score, teacher)


def _line(record: RunRecord) -> str:
    """Return a record in a line."""
    known: dict[str, Any] = {
        "student": record.score, "teacher": record.teacher_score, "chance": record.controls.get("chance")
    }  # fmt: skip
    figures = [f"{name} {share:.1%}" for name, share in known.items() if share is not None]
    outcome = ", ".join(figures) if record.status == "done" else f"{record.status}: {record.reason}"
    return f"{record.id}: {outcome}"
