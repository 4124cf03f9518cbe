"""The source of the published image numbers, quoted by all targets of the paper."""

from modalities.base import Published

PAPER = "Asano & Saeed, The Augmented Image Prior, ICLR 2023"
CIFAR_PAIR = "WRN-40-4 → WRN-16-4"


def cifar_student(top1: float, datum: str) -> Published:
    """Return the published top-1, a fraction, of the CIFAR pair's student from one datum."""
    return Published(top1, "student", CIFAR_PAIR, datum, PAPER)
