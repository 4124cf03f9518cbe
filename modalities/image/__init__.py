"""Images: patches of one picture."""

from modalities.assembly.modality import PackagedModality
from modalities.image.policies import ImagePolicy, ImageView

MODALITY = PackagedModality("image", ImageView, ImagePolicy)
