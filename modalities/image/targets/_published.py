"""The published image numbers, quoted in the same form by all targets of the paper; top-1 is a fraction."""

from modalities.base import Published

PAPER = "Asano & Saeed, The Augmented Image Prior, ICLR 2023"
CIFAR_PAIR = "WRN-40-4 → WRN-16-4"
# Results by datum; which of these pictures the first ones are from is not said. City is known here as the file of
# 2560 × 1920 pixels, and any picture of uniform noise is as good as another.
CITY = "78c2681de2dbfb416fb861ca3ae0a5e21f3f53c56dfc18b276b0feab4ec526aa"
DATA = {"one image": (), "animals": (), "city": (CITY,), "bridge": (), "universe": (), "noise": ("noise",)}
RESNET18 = ("resnet18", "torchvision:resnet18:*", "timm:resnet18.*")
RESNET50 = ("resnet50", "torchvision:resnet50:*", "timm:resnet50.*")
RESNET50X2 = ("resnet50x2", "torchvision:wide_resnet50_2:*", "timm:wide_resnet50_2.*")


def cifar_pair(*students: float, full_data: float) -> tuple[Published, ...]:
    """Return the results of the CIFAR pair: students of each of ``DATA``, and of the training images themselves."""
    return (
        *(
            Published(top1, "student", CIFAR_PAIR, datum, PAPER, ("wrn-40-4",), ("wrn-16-4",), sources)
            for (datum, sources), top1 in zip(DATA.items(), students, strict=True)
        ),
        Published(full_data, "full data", CIFAR_PAIR, "the training images", PAPER),
    )


def resnets(*, teacher: float, student: float, wide_student: float) -> tuple[Published, ...]:
    """Return the results of a ResNet-18 and of its students, a ResNet-50 and one of twice the width."""
    return (
        Published(teacher, "teacher", "ResNet-18", "the training images", PAPER),
        resnet50(student),
        Published(wide_student, "student", "ResNet-18 → ResNet-50x2", "one image", PAPER, RESNET18, RESNET50X2),
    )


def resnet50(student: float) -> Published:
    """Return the result of a ResNet-50, the student of a ResNet-18."""
    return Published(student, "student", "ResNet-18 → ResNet-50", "one image", PAPER, RESNET18, RESNET50)
