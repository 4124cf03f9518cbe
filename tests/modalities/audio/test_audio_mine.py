"""The adapter of Mine keeps the contract, and the label of an item is its folder."""

import pytest

from modalities.audio.targets.mine import TARGET
from modalities.contract.checks import check_adapter, small_view


def test_the_adapter_keeps_the_contract():
    assert [item for item in check_adapter(TARGET) if item.verdict == "fail"] == []


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_label_of_an_item_is_its_folder(split, tmp_path):
    TARGET.write_sample(tmp_path, seed=0)
    data = getattr(TARGET, split)(tmp_path, small_view("audio"))
    folders = [item_id.split("/")[-2] for item_id in data.item_ids]
    assert [TARGET.info.classes[label] for label in data.labels] == folders
