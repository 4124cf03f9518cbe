"""The name of the published split of MUSAN, for the reader and for the stand-in."""

from __future__ import annotations

SPLIT = "musan3-files-1"
