"""The meaning of each command's exit code."""

from __future__ import annotations

DONE, FAILED, USAGE, NOTHING, STOPPED = 0, 1, 2, 3, 4
BETTER, WORSE = 10, 11  # of ``benchmark compare``: the second is, beyond doubt
