"""Where a command that only reads results finds them: in a results folder, or inside a report."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import typer

from benchmark.cli import options
from modalities.errors import BadInput

REPORT_SUFFIXES = (".html", ".htm")


class Found(NamedTuple):
    folder: Path  # of results
    profile: str  # empty if the caller named none and the command has no default
    where: str  # what to call the place of the records


@contextmanager
def results_of(words: Sequence[str] | None, profile: str, default: str, results: Path) -> Iterator[Found]:
    """Hand out a results folder and a profile in it.

    ``words`` are what stands behind a command's name: ``profile=NAME`` or the file of a report, whose records then lie
    in a folder that is removed afterwards. Raises BadInput if the report is damaged or of another profile.
    """
    pages = [word for word in words or () if word.lower().endswith(REPORT_SUFFIXES)]
    others = [word for word in words or () if word not in pages]
    named = options.profile_alone(others, profile, default) if others or profile or default else ""
    if not pages:
        yield Found(results, named, str(results / named))
        return
    if len(pages) > 1:
        raise BadInput(f"{pages[0]} and {pages[1]} are two reports; give one.")
    from benchmark.report.embedded import read, restore

    with tempfile.TemporaryDirectory(prefix="benchmark-report-") as folder:
        content = read(Path(pages[0]))
        store = restore(content, Path(pages[0]), Path(folder))
        held = store.root.name
        if (others or profile) and named != held:
            raise BadInput(f"{pages[0]} is a report of the profile {held}; leave the profile {named} out.")
        done = {id for id, record in content["records"].items() if record["status"] == "done"}
        if lacking := len(done - content["predictions"].keys()):
            typer.echo(
                f"{pages[0]} holds no predictions of {lacking:,} cells; their rows have no rank in this table.",
                err=True,
            )
        try:
            yield Found(Path(folder), held, pages[0])
        except BadInput as error:
            raise BadInput(str(error).replace(str(store.root), pages[0])) from error
