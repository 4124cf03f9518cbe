"""Random weights: fixed by role, name and seed, and never the same for a student and its teacher."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from benchmark.config.compose import compose_target
from benchmark.running.networks import make_network
from doubles import CPU
from modalities import registry

PROFILES = ("demo", "paper", "small", "smoke")


def drawn(network: nn.Module) -> list[torch.Tensor]:
    """The weights that were drawn at random: others are all ones or all zeros."""
    return [w.detach().flatten() for w in network.parameters() if len(w.unique()) > 1]


def names_by_modality() -> list[tuple[str, str]]:
    """Every network that some profile gives some target, as teacher or as student."""
    found = set()
    for profile, target in product(PROFILES, registry.target_names()):
        config = compose_target(target, [], profile=profile, suite="all")
        modality = registry.target(target).info.modality
        found |= {(modality, config.teacher.network), (modality, config.student.network)}
    return sorted(found)


SMALL = {"image": {"size": 32}, "audio": {}, "video": {"size": 64, "resize": 72}}
"""Views of small items: weights do not depend on them."""


@pytest.mark.parametrize(("modality", "name"), names_by_modality())
def test_no_student_starts_from_the_weights_that_its_teacher_started_from(modality, name):
    if name.startswith("torchvision:") or name.endswith(":pretrained"):
        pytest.skip("its weights are downloaded, not drawn")
    found = registry.modality(modality)
    view = found.view_type(**SMALL[modality])
    teacher = drawn(make_network(found, name, view, 5, "teacher", 0, CPU))
    for seed in (0, 1):
        student = drawn(make_network(found, name, view, 5, "student", seed, CPU))
        assert len(student) == len(teacher) > 2
        for one, other in zip(teacher, student, strict=True):
            # Independent numbers from one distribution: nearly none are equal.
            assert (one == other).float().mean() < 0.01


def test_role_name_and_seed_decide_and_torchs_own_generator_does_not():
    modality = registry.modality("image")
    view = modality.view_type(size=32)

    def weights(name="wrn-10-1", role="student", seed=0):
        return torch.cat(drawn(make_network(modality, name, view, 5, role, seed, CPU)))

    first = weights()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert torch.equal(first, weights())
    assert torch.equal(before, torch.get_rng_state())
    for other in (weights(role="teacher"), weights(seed=1), weights(role="teacher", seed=1)):
        assert not torch.equal(first, other)
