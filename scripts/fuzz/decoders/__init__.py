"""Every place that decodes bytes from outside, with whole files to damage, by what the files hold."""

from __future__ import annotations

from . import archives, media, own_files, tables
from .base import Decoder

__all__ = ["DECODERS", "Decoder"]

DECODERS = {decoder.name: decoder for module in (media, tables, archives, own_files) for decoder in module.DECODERS}
