"""Video: short clips of one still image or of one clip."""

from modalities.assembly.modality import PackagedModality
from modalities.video.policies import VideoPolicy, VideoView

MODALITY = PackagedModality("video", VideoView, VideoPolicy)
