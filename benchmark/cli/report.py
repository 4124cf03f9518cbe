"""``benchmark report``: one self-contained page about all records of a profile."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.cli.why import facts, provenance_of
from benchmark.config.published import published_results
from benchmark.planning.flops import network_flops
from benchmark.planning.recorded import view_and_policy
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.report.collect import ReportRow, findings
from benchmark.report.datum import data_of
from benchmark.report.embedded import pack
from benchmark.report.page import About, to_html
from benchmark.system.collector import paused_collector
from modalities import registry
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write


@paused_collector()
def write_report(results: Path, profile: str, root: Path, out: Path) -> Path:
    """Write the page of ``results/profile``; return its absolute path. Raises BadInput if it cannot be made."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise BadInput(f"--out {out} does not end in .html; the report is an HTML file.")
    store = Store(results / profile)
    found = findings(results, profile, published_results())
    examples = [row.example for row in found.rows if row.example]
    data = data_of(examples, registry.modality, (root, Path()))
    atomic_write(out, to_html(found, data, _about(store), pack(store, found.records, profile)))
    return out.resolve()


def _about(store: Store) -> About:
    """Return what tells of a row, by one of its records, where its numbers come from."""
    manifests = list(store.manifest_files().values())

    def about(row: ReportRow, record: Record) -> Mapping[str, Any]:
        try:
            known = provenance_of(store, record, manifests)
        except BadInput as error:  # the teacher's notes are damaged
            said = str(error).replace(str(store.root), store.root.name)
            return {"facts": [], "command": "", "is_exact": False, "remarks": [said], "operations": ""}
        own, seeds = f"seeds=[{record.seed}]", f"seeds=[{','.join(str(cell.entry.seed) for cell in row.cells)}]"
        return {
            "facts": [(name, text) for name, text in facts(known) if text],
            "command": known["command"].replace(shlex.quote(own), shlex.quote(seeds)),
            "is_exact": known["command_is_exact"], "remarks": known["remarks"], "operations": _operations(record),
        }  # fmt: skip

    return about


def _operations(record: Record) -> str:
    """Return the floating-point operations of both networks for one input, if they are known."""
    try:
        view, _ = view_and_policy(record, registry.modality(record.modality))
    except BadInput:
        return ""
    texts = []
    for role, network in (("student", record.student), ("teacher", record.teacher)):
        counted = network_flops(record.modality, network, view.shape)
        texts += [f"{role} {counted.forward / 1e6:,.1f} million"] if counted else []
    return f"{', '.join(texts)} for one input, forward (a multiply-add is two)" if texts else ""
