"""Images: patches of one picture."""

from modalities.base import Modality
from modalities.image.adapter import ImageModality

MODALITY: Modality = ImageModality()
