"""Reports of the measured records."""

from __future__ import annotations

import pytest

from benchmark.report.collect import Findings
from example_report import MEASURED, page_of


@pytest.fixture(scope="session", params=["demo", "small", "claims/demo"])
def measured(request) -> tuple[Findings, str]:
    path = MEASURED / request.param
    return page_of(path.parent, path.name)
