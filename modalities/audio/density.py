"""How dense a recording is: flatness of its spectrum, and onsets per second."""

from __future__ import annotations

from modalities.audio.policies import AudioView
from modalities.audio.sound import Wave
from modalities.audio.source import read

FRAME, HOP = 2048, 512  # samples
FLOOR = 1e-10  # of power, so that a silent frame is flat


def density(name: str) -> dict[str, float]:
    """Return spectral flatness and onset rate of a named recording or of a file, at the default rate of a view.

    Raises BadInput if it cannot be used.
    """
    rate = AudioView().rate
    wave = read(name, rate)
    return {"flatness": spectral_flatness(wave), "onsets": onset_rate(wave, rate)}


def spectral_flatness(wave: Wave) -> float:
    """Return the mean over frames of the geometric by the arithmetic mean of the power spectrum: 0 tone, 1 flat.

    Frames of 2,048 samples under a Hann window, every 512 (Johnston, "Transform coding of audio signals using
    perceptual noise criteria", IEEE J. Sel. Areas Commun. 1988). White Gaussian noise has exp(−γ) ≈ 0.56, because its
    power in one frame scatters.
    """
    import librosa

    return float(librosa.feature.spectral_flatness(y=wave, n_fft=FRAME, hop_length=HOP, amin=FLOOR).mean())


def onset_rate(wave: Wave, rate: int) -> float:
    """Return the number of onsets per second: peaks of the spectral flux that stand out of their surroundings.

    The flux is the mean rise of the log-mel spectrogram from frame to frame (Böck & Widmer, "Maximum filter vibrato
    suppression for onset detection", DAFx 2013), and peaks are picked as in librosa.
    """
    import librosa

    onsets = librosa.onset.onset_detect(y=wave, sr=rate, hop_length=HOP, units="frames")
    return float(len(onsets) * rate / max(len(wave), 1))
