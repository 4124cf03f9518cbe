"""What a command's exit code says."""

from __future__ import annotations

DONE, FAILED, USAGE, NOTHING, STOPPED = 0, 1, 2, 3, 4
