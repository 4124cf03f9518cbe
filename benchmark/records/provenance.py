"""Where a number comes from: this package's commit, library versions, device and time, without any user's folders."""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
DISTRIBUTION = "single-datum-benchmark"
LIBRARIES = (
    "torch", "torchvision", "torchaudio", "pytorchvideo", "numpy", "scipy", "numba", "pillow", "librosa", "soundfile",
    "soxr", "av", "scikit-learn", "scikit-image", "hydra-core", "pandas", "timm",
)  # fmt: skip

_QUOTED_FILE = re.compile(r'File "[^"\n]*[/\\]([^"/\\\n]+)"')
# All but the last name of an absolute path, which may end in a slash; "}" ends the braces of "{train,test}/CLASS".
_FOLDERS = re.compile(r"(?<![\w.:/\\}])(?:[A-Za-z]:)?[/\\](?:[^\s/\\\"'`:<>|,;()]+[/\\])+(?=\.*[^\s/\\\"'`:<>|,;().])")


def utc_now() -> str:
    """Return the current time in UTC, ISO 8601, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def strip_folders(text: str) -> str:
    """Return the text with every absolute path cut to its base name, so that a record names no user's folders."""
    return _FOLDERS.sub("", _QUOTED_FILE.sub(r'File "\1"', text))


def below_root(text: str, root: Path) -> str:
    """Return the text with the data root's path as ``ROOT``, so that a reason can name places below it."""
    if not root.is_absolute() or root == Path(root.anchor):  # a relative path names no user's folder
        return text
    return re.sub(rf"(?<![\w.:/\\]){re.escape(str(root))}(?!\.*[\w-])", "ROOT", text)


def provenance(device: str, threads: int) -> dict[str, Any]:
    """Return, JSON-ready, what a reader of a number may want to know about the process that made it.

    ``device`` is in words, such as ``cuda: NVIDIA H200``. Outside a checkout of this package, ``commit`` and ``dirty``
    (whether the code differs from it) are None. The caller sets ``ended``, with ``utc_now``.
    """
    commit, dirty = _checkout(PACKAGE)
    return {
        "package": DISTRIBUTION,
        "version": _version(DISTRIBUTION),
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "libraries": {name: version for name in LIBRARIES if (version := _version(name)) is not None},
        "platform": platform.platform(),
        "device": device,
        "threads": threads,
        "started": utc_now(),
        "ended": None,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@functools.cache  # what runs is the code that was there at the first call
def _checkout(package: Path) -> tuple[str | None, bool | None]:
    """Return commit and dirty flag of the checkout that tracks this package; None if no repository does."""
    root = package.parent
    try:
        _git(root, "ls-files", "--error-unmatch", f"{package.name}/__init__.py")
        commit = _git(root, "rev-parse", "HEAD").strip()
        changed = _git(root, "status", "--porcelain", "--", package.name, "modalities", "pyproject.toml")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(changed.strip())


def _git(folder: Path, *arguments: str) -> str:
    # A caller's GIT_DIR would point to another repository; without optional locks no other git process is disturbed.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", errors="replace", timeout=10, check=True
    )
    return done.stdout
