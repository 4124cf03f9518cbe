"""Audio: log-mel windows of one recording."""

from modalities.audio.adapter import MODALITY

__all__ = ["MODALITY"]
