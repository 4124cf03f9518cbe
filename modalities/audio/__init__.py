"""Audio: log-mel windows of one recording."""

from modalities.audio.modality import MODALITY

__all__ = ["MODALITY"]
