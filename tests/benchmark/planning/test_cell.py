"""What is said of cells before they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.planning.cell import unused_data
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from modalities.storage.paths import usual_data_root

GIVEN = Path("/data")


@pytest.mark.parametrize(
    ("targets", "profile", "root", "named"),
    [
        (("cifar10",), "smoke", GIVEN, "runs cifar10 on generated stand-ins, so the data in /data are not read"),
        (("digits", "cifar10", "fsdd"), "demo", GIVEN, "the profile demo runs cifar10, fsdd on"),
        (("digits",), "demo", GIVEN, ""),  # which ship inside a dependency
        (("cifar10",), "small", GIVEN, ""),
        (("cifar10",), "smoke", usual_data_root(), ""),  # which nobody named
    ],
)
def test_data_that_were_given_and_are_not_read_are_named(targets, profile, root, named):
    cells = make_plan(Request(targets=targets, profile=profile, root=root))
    found = unused_data(cells, root)
    assert (named in found) if named else found == ""
