"""Where the published image numbers stand, as all targets of the paper quote it."""

from modalities.base import Published

PAPER = "Asano & Saeed, The Augmented Image Prior, ICLR 2023"
CIFAR_PAIR = "WRN-40-4 → WRN-16-4"


def cifar_student(top1: float, datum: str) -> Published:
    """Top-1, as a fraction, of the published CIFAR pair's student from one datum."""
    return Published(top1, "student", CIFAR_PAIR, datum, PAPER)
