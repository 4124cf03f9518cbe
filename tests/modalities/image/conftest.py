"""A cache of its own and the sources that several tests read."""

import pytest
import torch

from modalities.image import MODALITY
from modalities.image.source import ImageSource

CPU = torch.device("cpu")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("BENCHMARK_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def china() -> ImageSource:
    return MODALITY.load_source("china", MODALITY.view_type(), CPU)


@pytest.fixture(scope="session")
def deadleaves(_own_cache) -> ImageSource:
    return MODALITY.load_source("deadleaves", MODALITY.view_type(), CPU)
