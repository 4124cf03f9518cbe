"""Reading YAML files of settings that others wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from modalities.errors import BadInput

MOST_ALIASES = 20  # each repeats a part of the file, and those of aliases multiply


def read_sections(path: Path, such_as: str = "view: {size: 64}") -> dict[str, Any]:
    """Return the sections of a YAML file by name. Raises BadInput, with an example, if it is anything but a mapping."""
    try:
        text = path.read_text(encoding="utf-8")
        if "*" in text and sum(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)) > MOST_ALIASES:
            raise ValueError(f"it has more than {MOST_ALIASES} aliases")
        sections = OmegaConf.to_container(OmegaConf.create(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, OmegaConfBaseException, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{path} cannot be read as YAML ({reason}); correct it.") from error
    if not isinstance(sections, dict):
        raise BadInput(f"{path} is not a mapping of sections such as '{such_as}'; correct it.")
    return {str(key): value for key, value in sections.items()}
