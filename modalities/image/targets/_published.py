"""The published image numbers, quoted in the same form by all targets of the paper; top-1 is a fraction."""

from modalities.base import Published

PAPER = "Asano & Saeed, The Augmented Image Prior, ICLR 2023"
CIFAR_PAIR = "WRN-40-4 → WRN-16-4"
DATA = ("one image", "animals", "city", "bridge", "universe", "noise")


def cifar_pair(*students: float, full_data: float) -> tuple[Published, ...]:
    """Return the results of the CIFAR pair: students of each of ``DATA``, and of the training images themselves."""
    return (
        *(Published(top1, "student", CIFAR_PAIR, datum, PAPER) for datum, top1 in zip(DATA, students, strict=True)),
        Published(full_data, "full data", CIFAR_PAIR, "the training images", PAPER),
    )


def resnets(*, teacher: float, student: float, wide_student: float) -> tuple[Published, ...]:
    """Return the results of a ResNet-18 and of its students, a ResNet-50 and one of twice the width."""
    return (
        Published(teacher, "teacher", "ResNet-18", "the training images", PAPER),
        Published(student, "student", "ResNet-18 → ResNet-50", "one image", PAPER),
        Published(wide_student, "student", "ResNet-18 → ResNet-50x2", "one image", PAPER),
    )
