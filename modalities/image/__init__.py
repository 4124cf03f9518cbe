"""Images: patches of one picture."""

from modalities.base import Modality
from modalities.image.modality import ImageModality

MODALITY: Modality = ImageModality()
