"""CIFAR-10: small photographs of ten kinds of things."""

from collections.abc import Mapping

from modalities.base import TargetInfo
from modalities.image.targets._cifar_batches import CITATION, HOMEPAGE, CifarTarget
from modalities.image.targets._published import cifar_pair


class Cifar10(CifarTarget):
    """Ten classes."""

    info = TargetInfo(
        name="cifar10",
        title="CIFAR-10",
        modality="image",
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        train_items=50_000,
        test_items=10_000,
        licence="not stated",
        citation=CITATION,
        homepage=HOMEPAGE,
        download_bytes=163_000_000,
        leak_unit="image",
        published=cifar_pair(0.9414, 0.9328, 0.9313, 0.9224, 0.8818, 0.6930, full_data=0.9526),
    )
    places = ("cifar10", "cifar-10", "cifar-10-python", "cifar-10-binary", "cifar")
    archive_folder = "cifar-10-batches-py"
    binary_folder = "cifar-10-batches-bin"
    label_bytes = 1
    archive = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    archive_md5 = "c58f30108f718f92721af3b95e74349a"
    train_files: Mapping[str, str] = {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    }
    test_files: Mapping[str, str] = {"test_batch": "40351d587109b95175f43aff81a1287e"}
    meta = ("batches.meta", "5ff9c542aee3614f3951f8cda6e48888", "label_names")
    label_key = "labels"


TARGET = Cifar10()
