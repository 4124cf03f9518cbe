"""Video: short clips of one still image or of one clip."""

from modalities.video.modality import MODALITY

__all__ = ["MODALITY"]
