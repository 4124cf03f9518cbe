"""``benchmark data status``, ``fetch`` and ``sample``: what is under the data root, and how it gets there."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.cli.exit_codes import DONE, FAILED, STOPPED, USAGE
from benchmark.cli.remedies import explain
from benchmark.cli.text_table import print_table
from benchmark.data.locate import STAND_IN_SEED
from modalities import registry
from modalities.base import DataStatus, TargetAdapter
from modalities.datasets.standin import stand_ins
from modalities.download.fetch import default_progress
from modalities.errors import BadInput, NotFetched, readable
from modalities.storage.atomic import temporary_path

# --- status ------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """What ``data status`` says about a target."""

    name: str
    modality: str = ""
    state: str = "broken"  # ready, partial, absent, shipped, stand-in or broken
    bytes: int | None = None  # on disk, where the adapter counts them
    download_bytes: int | None = None
    missing: tuple[str, ...] = ()
    next: str = ""


def show_status(names: Sequence[str], root: Path, *, format: str) -> int:
    """Print a line per target; the exit code is 1 where an adapter does not work."""
    rows = [_row(name, root) for name in chosen(names)]
    rows.sort(key=lambda row: (row.modality, row.name))
    if format == "json":
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        table = [[r.name, r.modality, r.state, _size(r.bytes), _size(r.download_bytes), r.next] for r in rows]
        print_table(["target", "modality", "state", "on disk", "download", "next"], table)
        print(f"\nunder {root.resolve()}")
    return FAILED if any(row.state == "broken" for row in rows) else DONE


def _row(name: str, root: Path) -> Row:
    row = Row(name)
    try:
        adapter = registry.target(name)
        row.modality, row.download_bytes = adapter.info.modality, adapter.info.download_bytes or None
        row.state, status = state_of(adapter, root)
        row.bytes, row.missing = status.bytes or None, status.missing
        row.next = next_step(adapter, row.state, status, root)
    except Exception as error:  # a broken plug-in must not hide the others
        row.state = "broken"
        row.next = explain(error)
    return row


def state_of(adapter: TargetAdapter, root: Path) -> tuple[str, DataStatus]:
    """The adapter's status, and its state in the words of ``Row.state``."""
    status = adapter.status(root)
    if adapter.info.ships_with:
        return "shipped", status
    if status.state != "absent" and adapter.info.name in stand_ins(root):
        return "stand-in", status
    return status.state, status


def next_step(adapter: TargetAdapter, state: str, status: DataStatus, root: Path) -> str:
    """What to do next, for people; empty where nothing is."""
    if state == "stand-in":
        return f"{root} holds its generated stand-in; put the real data under another --root"
    if state == "shipped":
        return f"nothing: comes with {adapter.info.ships_with}"
    missing = f"missing {', '.join(status.missing)}" if status.missing and state != "absent" else ""
    return "; ".join(filter(None, (missing, status.how)))


def chosen(names: Sequence[str]) -> list[str]:
    """All targets, or the named ones in their order; an unknown one is refused before anything happens."""
    for name in names:
        registry.origin(name)
    return list(dict.fromkeys(names)) or registry.target_names()


def _size(count: int | None) -> str:
    if count is None:
        return ""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.0f} kB"


# --- fetch -------------------------------------------------------------------------------------------------------


def fetch(names: Sequence[str], root: Path) -> int:
    """Bring the real data of each target; one that cannot be had does not stop the next.

    Returns:
        2 where something must be done by hand or chosen otherwise first, else 1 where a download failed; the sentence
        stands on standard error.
    """
    code = DONE
    for name in chosen(names):
        try:
            print(f"{name}: {_fetched(registry.target(name), root)}", flush=True)
        except KeyboardInterrupt:
            _say(f"stopped at {name}; the same command goes on from there.")
            return STOPPED
        except NotFetched as error:
            _say(f"{name}: {error}")
            code = max(code, FAILED)
        except BadInput as error:
            _say(f"{name}: {explain(error)}")
            code = USAGE
        except OSError as error:
            _say(f"{name}: {error.filename or root} cannot be written ({error.strerror}); make room or choose --root.")
            code = USAGE
    return code


def _fetched(adapter: TargetAdapter, root: Path) -> str:
    state, status = state_of(adapter, root)
    if state == "stand-in":
        raise BadInput(f"{next_step(adapter, state, status, root)}.")
    if state in ("ready", "shipped"):
        return "there already" if state == "ready" else next_step(adapter, state, status, root)
    size = f" {_size(adapter.info.download_bytes)}" if adapter.info.download_bytes else ""
    with default_progress(_Meter(f"{adapter.info.name}: fetching{size} into {root.resolve()}")):
        adapter.fetch(root)
    status = adapter.status(root)
    if status.state != "ready":
        raise NotFetched(f"still {status.state} ({', '.join(status.missing)}): {status.how}")
    return f"ready, {_size(status.bytes)} on disk" if status.bytes else "ready"


class _Meter:
    """Tells how far a download is: one line that changes on a terminal, a line now and then elsewhere.

    The announcement comes first, and not at all from an adapter that downloads nothing.
    """

    def __init__(self, announcement: str) -> None:
        self._announcement = announcement
        self._live = sys.stderr.isatty()
        self._wait = 0.2 if self._live else 30.0
        self._told = 0.0

    def __call__(self, path: Path, done: int, total: int | None) -> None:
        if self._announcement:
            _say(self._announcement)
            self._announcement = ""
        if not done:
            return
        now, whole = time.monotonic(), done == total
        if not whole and now - self._told < self._wait:
            return
        self._told = now
        share = f" of {_size(total)} ({done / total:.0%})" if total else ""
        end = "\n" if whole or not self._live else ""
        start = "\r\x1b[K" if self._live else ""
        print(f"{start}{readable(path.name)}: {_size(done)}{share}", end=end, file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(readable(text), file=sys.stderr, flush=True)


# --- sample ------------------------------------------------------------------------------------------------------


def sample(names: Sequence[str], root: Path) -> int:
    """Write the stand-in of each target under a folder of its own choosing, never beside or over real data."""
    for name in chosen(names):
        adapter = registry.target(name)
        if name in stand_ins(root):
            print(f"{name}: its stand-in is there already")
            continue
        try:
            with temporary_path(root / f"{name}-sample") as temporary:
                temporary.mkdir()
                adapter.write_sample(temporary, STAND_IN_SEED)
                entries = sorted(temporary.iterdir())
                for entry in entries:
                    if (root / entry.name).exists():
                        raise BadInput(
                            f"{root / entry.name} is no stand-in of {name} and stays; choose another --root."
                        )
                for entry in entries:
                    entry.rename(root / entry.name)
        except OSError as error:
            raise BadInput(f"{root} cannot be written ({error.strerror}); choose another --root.") from error
        print(f"{name}: wrote {', '.join(str((root / entry.name).resolve()) for entry in entries)}")
    return DONE
