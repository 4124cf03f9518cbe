"""How dense a recording is: flatness of its spectrum, and onsets per second."""

from __future__ import annotations

from modalities.audio.policies import AudioView
from modalities.audio.sound import Wave
from modalities.audio.source import read

FRAME, HOP = 2048, 512  # samples
RISE = 3.0  # dB
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
    """Return the number of onsets per second: peaks of the spectral flux that stand RISE out of their surroundings.

    The flux is the mean rise, in dB, of the bands of a mel spectrogram from frame to frame (Böck & Widmer, "Maximum
    filter vibrato suppression for onset detection", DAFx 2013); levels 80 dB below the highest count as silence. The
    end of a peak's surroundings is a higher one, and two onsets are 50 ms apart or more.
    """
    import librosa
    from scipy.signal import find_peaks

    flux = librosa.onset.onset_strength(y=wave, sr=rate, n_fft=FRAME, hop_length=HOP)
    apart = max(round(0.05 * rate / HOP), 1)
    return len(find_peaks(flux, prominence=RISE, distance=apart)[0]) * rate / max(len(wave), 1)
