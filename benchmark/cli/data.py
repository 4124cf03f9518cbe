"""``benchmark data status``, ``fetch`` and ``sample``: show, download and generate the data in a folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.cli.exit_codes import DONE, FAILED, STOPPED, USAGE
from benchmark.cli.remedies import explain
from benchmark.cli.text_table import print_json, print_table, say, size
from benchmark.data.locate import STAND_IN_SEED
from modalities import registry
from modalities.base import DataStatus, TargetAdapter
from modalities.datasets.standin import has_stand_in, stand_ins
from modalities.download.fetch import default_progress
from modalities.errors import BadInput, NotFetched, readable
from modalities.storage.atomic import temporary_path


def show_status(names: Sequence[str], root: Path, *, format: str) -> int:
    """Print a row per target; return exit code 1 if an adapter is broken."""
    rows = [_row(name, root) for name in resolve_targets(names)]
    rows.sort(key=lambda row: (row["modality"], row["name"]))
    if format == "json":
        print_json(rows)
    else:
        table = [
            [r["name"], r["modality"], r["state"], size(r["bytes"]), size(r["download_bytes"]), r["next"]] for r in rows
        ]
        print_table(["target", "modality", "state", "on disk", "download", "next"], table)
        print()
        say(f"under {root.resolve()}")
    return FAILED if any(row["state"] == "broken" for row in rows) else DONE


def _row(name: str, root: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "modality": "", "state": "broken", "bytes": None, "download_bytes": None}
    row |= {"missing": (), "next": ""}
    try:
        adapter = registry.target(name)
        row |= {"modality": adapter.info.modality, "download_bytes": adapter.info.download_bytes or None}
        state, status = data_state(adapter, root)
        row |= {"bytes": status.bytes or None, "missing": status.missing}
        row |= {"next": next_step(adapter, state, status, root), "state": state}
    except Exception as error:  # a broken plug-in must not hide the others
        row["next"] = explain(error)
    return row


def data_state(adapter: TargetAdapter, root: Path) -> tuple[str, DataStatus]:
    """Return the state of a target's data (ready, partial, absent, shipped or stand-in) and the adapter's status."""
    status = adapter.status(root)
    if adapter.info.ships_with:
        return "shipped", status
    if status.state != "absent" and adapter.info.name in stand_ins(root):
        return "stand-in", status
    return status.state, status


def next_step(adapter: TargetAdapter, state: str, status: DataStatus, root: Path) -> str:
    """Return what the user can do next; empty if nothing is needed."""
    if state == "stand-in":
        return f"{root} holds its generated stand-in; put the real data under another --root"
    if state == "shipped":
        return f"nothing: comes with {adapter.info.ships_with}"
    missing = f"missing {', '.join(status.missing)}" if status.missing and state != "absent" else ""
    return "; ".join(filter(None, (missing, status.how)))


def resolve_targets(names: Sequence[str]) -> list[str]:
    """Return the given names in order and once each, or all targets. Raises UnknownName."""
    for name in names:
        registry.origin(name)
    return list(dict.fromkeys(names)) or registry.target_names()


def fetch(names: Sequence[str], root: Path) -> int:
    """Fetch the real data of each target, printing failures; return exit code 2 for a manual step, 1 for a failure."""
    code = DONE
    for name in resolve_targets(names):
        try:
            say(f"{name}: {_fetch(registry.target(name), root)}", file=sys.stdout)
        except KeyboardInterrupt:
            _print_error(f"stopped at {name}; the same command continues from there.")
            return STOPPED
        except NotFetched as error:
            _print_error(f"{name}: {error}")
            code = max(code, FAILED)
        except BadInput as error:
            _print_error(f"{name}: {explain(error)}")
            code = USAGE
        except OSError as error:
            place = error.filename or root
            _print_error(f"{name}: {place} cannot be written ({error.strerror}); free space or choose --root.")
            code = USAGE
    return code


def _fetch(adapter: TargetAdapter, root: Path) -> str:
    state, status = data_state(adapter, root)
    if state == "stand-in":
        raise BadInput(f"{next_step(adapter, state, status, root)}.")
    if state in ("ready", "shipped"):
        return "already there" if state == "ready" else next_step(adapter, state, status, root)
    download = f" {size(adapter.info.download_bytes)}" if adapter.info.download_bytes else ""
    with default_progress(_DownloadProgress(f"{adapter.info.name}: fetching{download} into {root.resolve()}")):
        adapter.fetch(root)
    status = adapter.status(root)
    if status.state != "ready":
        raise NotFetched(f"still {status.state} ({', '.join(status.missing)}): {status.how}")
    return f"ready, {size(status.bytes)} on disk" if status.bytes else "ready"


class _DownloadProgress:
    """Prints an announcement before the first download, then a live line on a terminal, else one every half minute."""

    def __init__(self, announcement: str) -> None:
        self._announcement = announcement
        self._live = sys.stderr.isatty()
        self._interval = 0.2 if self._live else 30.0
        self._printed_at = 0.0

    def __call__(self, path: Path, done: int, total: int | None) -> None:
        if self._announcement:
            _print_error(self._announcement)
            self._announcement = ""
        if not done:
            return
        now, complete = time.monotonic(), done == total
        if not complete and now - self._printed_at < self._interval:
            return
        self._printed_at = now
        share = f" of {size(total)} ({done / total:.0%})" if total else ""
        end = "\n" if complete or not self._live else ""
        start = "\r\x1b[K" if self._live else ""
        print(f"{start}{readable(path.name)}: {size(done)}{share}", end=end, file=sys.stderr, flush=True)


def _print_error(text: str) -> None:
    say(text, file=sys.stderr)


def sample(names: Sequence[str], root: Path) -> None:
    """Write the stand-in of each target into ``root``, which must hold no real data of it."""
    for name in resolve_targets(names):
        adapter = registry.target(name)
        if not names and not has_stand_in(adapter):
            say(f"{name}: has no stand-in")
            continue
        if name in stand_ins(root):
            say(f"{name}: its stand-in is already there")
            continue
        try:
            with temporary_path(root / f"{name}-sample") as temporary:
                temporary.mkdir()
                adapter.write_sample(temporary, STAND_IN_SEED)
                entries = sorted(temporary.iterdir())
                for entry in entries:
                    if (root / entry.name).exists():
                        raise BadInput(
                            f"{root / entry.name} is not a stand-in of {name} and is kept; choose another --root."
                        )
                for entry in entries:
                    entry.rename(root / entry.name)
        except OSError as error:
            raise BadInput(f"{root} cannot be written ({error.strerror}); choose another --root.") from error
        say(f"{name}: wrote {', '.join(str((root / entry.name).resolve()) for entry in entries)}")
