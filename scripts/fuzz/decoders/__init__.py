"""Every place that decodes bytes from outside, with whole files to damage, by what the files hold."""

from __future__ import annotations

from . import archives, audio, image, own_files, tables, video
from .base import Decoder

__all__ = ["DECODERS", "Decoder"]

DECODERS = {
    decoder.name: decoder
    for module in (image, audio, video, tables, archives, own_files)
    for decoder in module.DECODERS
}
