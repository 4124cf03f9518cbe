"""``benchmark preview``: a picture of what the student sees."""

from __future__ import annotations

from pathlib import Path

from benchmark.config.compose import compose_target
from benchmark.config.overrides import split_overrides
from modalities import registry
from modalities.errors import BadInput


def write_preview(modality: str, target: str, overrides: list[str], path: Path) -> Path:
    """Write the PNG; the path made absolute."""
    import torch

    if path.suffix.lower() != ".png":
        raise BadInput(f"--out {path} does not end in .png, and a preview is a PNG; choose such a name.")
    adapter = registry.modality(modality)
    rooms = {name: working.info.modality for name, working in registry.usable()[0].items()}
    target = target or next(name for name in rooms if rooms[name] == modality)
    if rooms.get(target, modality) != modality:
        raise BadInput(f"{target} is no {modality} target; name another with --target, or leave it out.")
    rest, profile, suite = split_overrides(overrides)
    config = compose_target(target, rest, profile=profile, suite=suite)
    source = adapter.load_source(str(getattr(config.source, modality)), config.view, torch.device("cpu"))
    try:
        adapter.preview(source, config.view, config.policy, seed=config.seeds[0], path=path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}); choose another file with --out.") from error
    return path.resolve()
