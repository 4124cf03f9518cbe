"""What a teacher's outputs on segments say about a source and a policy, before any student is trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GROUP = 32  # segments whose probabilities are averaged


def teacher_only(probabilities: NDArray[np.floating]) -> dict[str, float]:
    """Return figures of a teacher's probabilities (segments, classes).

    ``spread`` is the standard deviation of the teacher's mean probability: segments are divided into groups of GROUP
    in their order, the mean probability of each class is taken within each group, its sample standard deviation over
    the groups, and the mean of that over classes. Of two augmentations, the one with the LOWER value was the better one
    for students ("T. stddev" of Wang et al., "What Makes a 'Good' Data Augmentation in Knowledge Distillation", NeurIPS
    2022, whose groups were larger). It is low too if all segments look the same to the teacher, so it is to be read
    beside the other two: ``reached`` is the number of classes that the teacher names for at least one segment, and
    ``uncertainty`` the mean Shannon entropy of its probabilities in bits, from 0 to log2(classes).

    Raises ValueError unless there are at least two whole groups; what is left over counts for the other two alone.
    """
    of = np.asarray(probabilities, np.float64)
    groups = len(of) // GROUP
    if groups < 2:
        raise ValueError(f"{len(of)} segments are fewer than two groups of {GROUP}")
    means = of[: groups * GROUP].reshape(groups, GROUP, -1).mean(axis=1)
    surprise = np.log2(of, where=of > 0, out=np.zeros_like(of))
    return {
        "spread": float(means.std(axis=0, ddof=1).mean()),
        "reached": len(np.unique(of.argmax(axis=1))),
        "uncertainty": float(-(of * surprise).sum(axis=1).mean()) + 0.0,
    }
