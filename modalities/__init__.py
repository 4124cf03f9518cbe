"""Turn one datum into segments, read labelled datasets, build networks: one package per modality, and shared tools."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importlib.abc loads importlib.resources and tempfile, which `benchmark --help` does not need
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# Modules that adapters outside this project may import by an earlier name.
MOVED = {
    "archives": "download.archives", "cpu": "compute.kernels", "devices": "compute.to_device", "draws": "compute.draws",
    "folders": "datasets.folders", "index": "datasets.index", "kept": "storage.array_cache",
    "leftovers": "storage.cleanup", "listed": "datasets.lookup", "listing": "datasets.listing",
    "locks": "storage.locks", "paths": "storage.paths", "standin": "datasets.standin", "texts": "datasets.lists",
    "transfer": "download.http", "contract_damage": "contract.damage", "contract_info": "contract.info",
    "audio.adapter": "audio", "audio.changes": "audio.augmentations", "audio.files": "audio.decode",
    "audio.options": "audio.policies", "audio.pictures": "audio.logmel", "audio.samples": "audio.standins",
    "image.adapter": "image", "image.files": "image.decode", "image.generated": "image.generated_sources",
    "image.mat": "image.matfile", "image.options": "image.policies", "image.samples": "image.standins",
    "video.adapter": "video", "video.clips": "video.decode", "video.options": "video.policies",
    "video.sample": "video.standins",
}  # fmt: skip


class _MovedModules:
    """Answers the import of a module under its earlier name with a sentence that gives the new one."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package == "modalities" and name in MOVED:
            raise ModuleNotFoundError(f"{fullname} has moved: import modalities.{MOVED[name]}.", name=fullname)
        return None


sys.meta_path.append(_MovedModules())
