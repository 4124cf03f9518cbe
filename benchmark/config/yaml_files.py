"""Reading YAML files of settings that others wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from modalities.errors import BadInput


def read_sections(path: Path, such_as: str = "view: {size: 64}") -> dict[str, Any]:
    """Return the sections of a YAML file by name. Raises BadInput, with an example, if it is anything but a mapping."""
    try:
        sections = OmegaConf.to_container(OmegaConf.create(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, YAMLError, OmegaConfBaseException, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{path} cannot be read as YAML ({reason}); correct it.") from error
    if not isinstance(sections, dict):
        raise BadInput(f"{path} is not a mapping of sections such as '{such_as}'; correct it.")
    return {str(key): value for key, value in sections.items()}
