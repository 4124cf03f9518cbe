"""``benchmark doctor``: check this installation and say what does not work, and why."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Literal, NamedTuple

from benchmark.cli.remedies import explain
from benchmark.cli.text_table import print_json, print_table
from benchmark.records.provenance import DISTRIBUTION, LIBRARIES
from modalities import registry
from modalities.errors import BadInput
from modalities.storage.paths import cache_root, data_root

Verdict = Literal["ok", "note", "wrong"]


class Finding(NamedTuple):
    what: str
    verdict: Verdict
    detail: str


def examine(root: Path | None, results: Path, *, format: str) -> bool:
    """Print every finding; return whether nothing is wrong."""
    findings = list(_findings(data_root(root), results))
    if format == "json":
        print_json([finding._asdict() for finding in findings])
    else:
        print_table(["what", "", "detail"], findings)
    return all(finding.verdict != "wrong" for finding in findings)


def _findings(root: Path, results: Path) -> Iterator[Finding]:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    detail = f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"
    yield Finding("python", "ok" if good else "wrong", detail if good else f"{detail}; 3.11 to 3.13 are supported")
    for name in LIBRARIES:
        yield _library(name)
    yield from _collisions()
    yield _try("torch", _devices)
    yield _try("image decoding", _image_codecs)
    yield _try("audio decoding", _audio_codecs)
    yield _try("video decoding", _video_codecs)
    yield _try("cache folder", lambda: _writable(cache_root()))
    yield _try("results folder", lambda: _writable(results))
    yield from _targets(root)


def _library(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        if name == "timm":
            return Finding(name, "note", "not installed; networks named timm:NAME need it (pip install timm)")
        return Finding(name, "wrong", f"not installed; pip install {DISTRIBUTION}")


def _collisions() -> Iterator[Finding]:
    """Find other distributions that install a package of the same name: Python imports only one of the two."""
    installed_by = packages_distributions()
    for package in ("benchmark", "modalities"):
        others = sorted(set(installed_by.get(package, [])) - {DISTRIBUTION})
        detail = f"imported from {Path(str(importlib.import_module(package).__file__)).parent}"
        if others:
            detail = f"also installed by {', '.join(others)}; uninstall one of them ({detail})"
        yield Finding(f"package {package}", "wrong" if others else "ok", detail)


def _try(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", check())
    except Exception as error:  # a broken installation may raise anything
        return Finding(what, "wrong", explain(error))


def _devices() -> str:
    import torch
    import torchaudio
    import torchvision

    torchvision.ops.nms  # noqa: B018 - mismatched builds fail here
    del torchaudio
    if not torch.cuda.is_available():
        return f"CPU with {torch.get_num_threads()} threads; no GPU"
    return ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))


def _image_codecs() -> str:
    from PIL import features

    if not features.check("jpg"):
        raise BadInput("Pillow was built without JPEG; reinstall pillow from a wheel")
    return f"JPEG, PNG{', WebP' if features.check('webp') else ''}"


def _audio_codecs() -> str:
    import soundfile

    known = [name for name in ("WAV", "FLAC", "OGG", "MP3") if name in soundfile.available_formats()]
    return f"libsndfile {soundfile.__libsndfile_version__}: {', '.join(known)}"


def _video_codecs() -> str:
    import av

    known = [name for name in ("h264", "mpeg4", "vp9", "av1") if name in av.codecs_available]
    return f"PyAV {av.__version__}: {', '.join(known)}"


def _writable(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder.resolve())
    except OSError as error:
        raise BadInput(f"{folder} cannot be written ({error.strerror})") from error


def _targets(root: Path) -> Iterator[Finding]:
    states: dict[str, list[str]] = {}
    for name in registry.target_names():
        try:
            states.setdefault(registry.target(name).status(root).state, []).append(name)
        except Exception as error:  # a broken plug-in must not end the checks
            yield Finding(f"target {name}", "wrong", explain(error))
    for state, names in sorted(states.items()):
        verdict: Verdict = "ok" if state == "ready" else "note"
        yield Finding(f"data {state}", verdict, f"{', '.join(names)} (under {root})")
