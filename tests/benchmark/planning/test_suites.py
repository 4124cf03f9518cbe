"""What suites make of targets: variants that a target cannot have are left out in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.config.suites import load_suite
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request, left_out_variants
from benchmark.records.record import REAL_TRAINING_ITEMS
from modalities.errors import BadInput


def baselines(target, *overrides):
    return make_plan(
        Request(suite="baselines", profile="smoke", targets=(target,), overrides=overrides, root=Path("nowhere"))
    )


def test_baselines_differ_in_inputs_alone_and_have_as_many_steps():
    cells = {cell.variants[0]: cell for cell in baselines("cifar10", "seeds=[0]")}
    assert list(cells) == list(load_suite("baselines").variants)
    assert len({(cell.config.recipe.steps, cell.config.recipe.batch, cell.teacher_key) for cell in cells.values()}) == 1
    said = {label: (cell.source.name, cell.config.policy.name, cell.config.method) for label, cell in cells.items()}
    assert said == {
        "one datum": ("deadleaves", "published", "segments"),
        "noise": ("noise", "published", "segments"),
        "images of another domain": (f"{REAL_TRAINING_ITEMS}:digits", "whole", "segments"),
        "real training images": (REAL_TRAINING_ITEMS, "whole", "segments"),
        "inversion": ("deadleaves", "published", "inversion"),
        "generator": ("deadleaves", "published", "generator"),
    }


def test_real_images_keep_their_colours_where_the_segments_of_a_target_are_jittered():
    cells = {cell.variants[0]: cell.config.policy for cell in baselines("digits", "seeds=[0]")}
    assert cells["one datum"].jitter == 1.0
    assert cells["real training images"].jitter == 0.0 and cells["real training images"].area_low == 0.6


def test_items_of_another_domain_are_left_out_on_their_own_target():
    left_out = left_out_variants(load_suite("baselines"), ["cifar10", "digits"])
    assert left_out == ["the suite baselines has no variant 'images of another domain' for digits."]
    assert "images of another domain" not in {label for cell in baselines("digits") for label in cell.variants}


def test_targets_that_lack_the_same_variants_share_a_sentence():
    assert left_out_variants(load_suite("sources"), ["digits", "fsdd", "esc50"]) == [
        "the suite sources has no variant 'sparse' for fsdd and esc50."
    ]
    assert left_out_variants(load_suite("all"), ["digits", "fsdd"]) == []


@pytest.mark.parametrize("target", ["fsdd", "ucf101"])
def test_a_suite_that_has_nothing_for_a_target_says_what_it_is_for(target):
    with pytest.raises(BadInput, match=f"^the suite baselines has no variant for {target}; choose image targets.$"):
        baselines(target)
