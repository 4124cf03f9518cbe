"""Audio: log-mel windows of one recording."""

from modalities.assembly.modality import PackagedModality
from modalities.audio.policies import AudioPolicy, AudioView

MODALITY = PackagedModality("audio", AudioView, AudioPolicy)
