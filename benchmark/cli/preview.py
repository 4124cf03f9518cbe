"""``benchmark preview``: draw the source datum and segments of it."""

from __future__ import annotations

from pathlib import Path

from benchmark.config.compose import compose_target
from benchmark.config.overrides import split_overrides
from benchmark.config.schema import Config
from benchmark.records.record import is_real_training_items
from modalities import registry
from modalities.base import Source
from modalities.errors import BadInput
from modalities.storage.paths import data_root


def write_preview(modality: str, target: str, overrides: list[str], path: Path) -> Path:
    """Write the PNG; return its absolute path."""
    if path.suffix.lower() != ".png":
        raise BadInput(f"--out {path} does not end in .png; a preview is a PNG file.")
    adapter = registry.modality(modality)
    modalities = {name: working.info.modality for name, working in registry.usable()[0].items()}
    target = target or next(name for name in modalities if modalities[name] == modality)
    if modalities.get(target, modality) != modality:
        raise BadInput(f"{target} is not a target of the modality {modality}; give another --target, or leave it out.")
    rest, profile, suite = split_overrides(overrides)
    config = compose_target(target, rest, profile=profile, suite=suite)
    source = _load(modality, target, config)
    try:
        adapter.preview(source, config.view, config.policy, seed=config.seeds[0], path=path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}); choose another file with --out.") from error
    return path.resolve()


def _load(modality: str, target: str, config: Config) -> Source:
    import torch

    name, device = str(getattr(config.source, modality)), torch.device("cpu")
    if not is_real_training_items(name):
        return registry.modality(modality).load_source(name, config.view, device)
    from benchmark.planning.plan import cells_of
    from benchmark.running.source import load_source

    cell = cells_of(target, config, data_root(), "cpu")[0]
    if cell.missing:
        raise BadInput(cell.missing)
    return load_source(cell, device)[0]
