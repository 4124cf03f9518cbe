"""Loss, mixing and schedules against formulas worked by hand, SciPy and torch's own schedulers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.stats import entropy, zscore
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmark.config.schema import LOSSES, Recipe, Training
from benchmark.distillation.loss import distillation_loss, mean_squared_error, recipe_loss, standardised
from benchmark.distillation.mixing import cutmix_box, mix
from benchmark.training.schedule import apply_schedule, learning_rate, make_optimiser, momentum
from modalities.base import Draws, rank_slice

# --- loss


@given(st.integers(0, 10**6), st.floats(0.5, 20), st.integers(1, 5), st.integers(2, 7))
def test_loss_is_scipys_kl_divergence_times_temperature_squared(seed, temperature, batch, classes):
    generator = np.random.default_rng(seed)
    student, teacher = generator.normal(size=(2, batch, classes)) * 5
    t, s = (np.exp(log_softmax(x / temperature, axis=1)) for x in (teacher, student))
    expected = np.mean([entropy(p, q) for p, q in zip(t, s, strict=True)]) * temperature**2
    got = distillation_loss(torch.tensor(student), torch.tensor(teacher), temperature)
    assert got.item() == pytest.approx(expected, rel=2e-3, abs=1e-4)


def test_the_published_loss_has_no_factor():
    student, teacher = torch.randn(2, 4, 5)
    times = distillation_loss(student, teacher, 8.0) / distillation_loss(student, teacher, 8.0, squared=False)
    assert times.item() == pytest.approx(64)


def test_loss_by_hand_for_two_classes():
    # teacher (3/4, 1/4), student (1/2, 1/2): 3/4 ln(3/2) + 1/4 ln(1/2) = 0.130812
    loss = distillation_loss(torch.zeros(1, 2), torch.tensor([[np.log(3.0), 0.0]]), temperature=1.0)
    assert loss.item() == pytest.approx(0.130812, abs=1e-6)


def test_gradient_hardly_depends_on_the_temperature_once_it_is_high():
    teacher = torch.tensor([[2.0, -1.0, 0.5]])
    gradients = []
    for temperature in (50.0, 100.0):
        student = torch.zeros(1, 3, requires_grad=True)
        distillation_loss(student, teacher, temperature).backward()
        gradients.append(student.grad)
    assert torch.allclose(gradients[0], gradients[1], atol=0.01)


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 7))
def test_mse_is_the_limit_of_kl_for_a_high_temperature(seed, batch, classes):
    student, teacher = torch.tensor(np.random.default_rng(seed).normal(size=(2, batch, classes)))
    log_s, log_t = (log_softmax(x.numpy() / 1e3, axis=1) for x in (student, teacher))  # float32 is too coarse for this
    limit = classes * 1e6 * np.mean(np.sum(np.exp(log_t) * (log_t - log_s), axis=1))
    assert mean_squared_error(student, teacher).item() == pytest.approx(limit, rel=0.02, abs=1e-5)


def test_mse_by_hand_and_blind_to_a_constant():
    # means 1 and 2; (0 - 1, 2 - 1) - (1 - 2, 3 - 2) = (0, 0), and with teacher (0, 4): (1, -1), squared and halved: 1
    student = torch.tensor([[0.0, 2.0]])
    assert mean_squared_error(student, torch.tensor([[1.0, 3.0]])).item() == 0
    assert mean_squared_error(student, torch.tensor([[0.0, 4.0]])).item() == pytest.approx(1.0)


@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-5, 5))
def test_standardised_logits_are_z_scores_and_blind_to_scale_and_shift(seed, scale, shift):
    logits = np.random.default_rng(seed).normal(size=(4, 6)) * 3
    expected = zscore(logits, axis=1)
    assert standardised(torch.tensor(logits)).numpy() == pytest.approx(expected, abs=1e-4)
    assert standardised(torch.tensor(logits * scale + shift)).numpy() == pytest.approx(expected, abs=1e-3)


def test_a_recipe_names_its_loss():
    student, teacher = torch.randn(2, 4, 5)
    named = {loss: recipe_loss(student, teacher, Recipe(loss=loss, temperature=3.0)) for loss in LOSSES}
    assert named["kl"] == distillation_loss(student, teacher, 3.0)
    assert named["mse"] == mean_squared_error(student, teacher)
    assert named["standardised"] == distillation_loss(standardised(student), standardised(teacher), 3.0)
    assert len({value.item() for value in named.values()}) == len(LOSSES)


# --- mixing

SHAPES = [(3, 8, 10), (1, 40, 21), (3, 4, 8, 8)]


@pytest.mark.parametrize("kind", ["cutmix", "mixup"])
def test_permuted_partners_are_a_random_order_of_the_batch(kind):
    batch = 16
    segments = torch.arange(batch).float()[:, None, None, None].expand(-1, 3, 8, 8)
    orders = []
    for step in range(12):
        mixed = mix(segments, kind, 1.0, "batch", Draws(3, "mixing/"), step, partner="permuted")
        share = Draws(3, "mixing/").beta(step, "share", 1, 1.0, 1.0).item()
        if kind == "mixup":
            order = (mixed[:, 0, 0, 0].double() - share * torch.arange(batch)) / (1 - share)
        else:
            order = mixed.amax((1, 2, 3)) + mixed.amin((1, 2, 3)) - torch.arange(batch)
            if torch.equal(order, torch.arange(batch).float()):
                continue  # an empty box
        assert sorted(order.round().int().tolist()) == list(range(batch))
        orders.append(tuple(order.round().int().tolist()))
    assert len(set(orders)) == len(orders) > 6, "each step has its own"
    assert tuple(reversed(range(batch))) not in orders


def test_ranks_permute_their_own_share_each_in_its_own_order():
    whole = torch.arange(24).float()[:, None, None, None].expand(-1, 1, 4, 4)
    partners = []
    for rank in range(2):
        mine = whole[rank_slice(24, rank, 2)]
        share = Draws(4).beta(7, "share", 1, 1.0, 1.0).item()
        mixed = mix(mine, "mixup", 1.0, "batch", Draws(4), 7, partner="permuted", rank=rank, world_size=2)
        order = ((mixed - share * mine) / (1 - share))[:, 0, 0, 0].round()
        assert sorted(order.tolist()) == sorted(mine[:, 0, 0, 0].tolist())
        partners.append([mine[:, 0, 0, 0].tolist().index(value) for value in order.tolist()])
    assert partners[0] != partners[1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("per", ["batch", "sample"])
def test_cutmix_takes_every_value_from_the_segment_or_its_mirrored_partner(shape, per):
    segments = torch.randn(6, *shape)
    mixed = mix(segments, "cutmix", 1.0, per, Draws(3), 5)
    partner = segments.flip(0)
    assert torch.all((mixed == segments) | (mixed == partner))
    assert not torch.equal(mixed, segments)


def test_cutmix_box_is_one_rectangle_shared_by_channels_and_frames():
    segments = torch.arange(4.0).reshape(4, 1, 1, 1, 1).expand(4, 3, 5, 12, 9).contiguous()
    mixed = mix(segments, "cutmix", 1.0, "sample", Draws(0), 1)
    pasted = mixed != segments
    assert torch.equal(pasted, pasted[:, :1, :1].expand_as(pasted))
    for box in pasted[:, 0, 0]:
        rows, columns = box.any(1), box.any(0)
        assert torch.equal(box, rows[:, None] & columns[None, :])
        for edge in (rows, columns):
            on = edge.nonzero().flatten()
            assert len(on) == 0 or len(on) == on[-1] - on[0] + 1


def test_one_box_per_batch_is_the_same_for_all_and_one_per_sample_is_not():
    segments = torch.arange(8.0).reshape(8, 1, 1, 1).expand(8, 1, 16, 16).contiguous()
    same = mix(segments, "cutmix", 1.0, "batch", Draws(1), 0) != segments
    own = mix(segments, "cutmix", 1.0, "sample", Draws(1), 0) != segments
    assert all(torch.equal(same[0], other) for other in same)
    assert not all(torch.equal(own[0], other) for other in own)


@given(st.floats(0, 1), st.floats(0, 0.999), st.floats(0, 0.999), st.integers(1, 40), st.integers(1, 40))
def test_cutmix_box_lies_inside_and_is_never_larger_than_its_share(share, row, column, height, width):
    top, bottom, left, right = cutmix_box(np.array([share]), np.array([row]), np.array([column]), height, width)
    assert 0 <= top[0] <= bottom[0] <= height
    assert 0 <= left[0] <= right[0] <= width
    assert (bottom - top)[0] * (right - left)[0] <= (1 - share) * height * width + 1e-6


def test_cutmix_box_by_hand():
    # share 3/4: sides are half of 8 x 8, so 4 x 4 around (4, 2), clipped nowhere
    assert [int(v[0]) for v in cutmix_box(np.array([0.75]), np.array([0.5]), np.array([0.25]), 8, 8)] == [2, 6, 0, 4]


def test_mixup_is_the_weighted_mean_with_the_partner():
    segments = torch.randn(4, 1, 3, 3)
    mixed = mix(segments, "mixup", 0.7, "sample", Draws(9), 2)
    share = torch.tensor(Draws(9).beta(2, "share", 4, 0.7, 0.7), dtype=torch.float32).reshape(4, 1, 1, 1)
    assert torch.allclose(mixed, share * segments + (1 - share) * segments.flip(0), atol=1e-6)


@pytest.mark.parametrize("kind", ["cutmix", "mixup"])
@pytest.mark.parametrize("per", ["batch", "sample"])
def test_ranks_together_mix_exactly_as_one_process_does(kind, per):
    whole = torch.randn(12, 2, 6, 6)
    together = mix(whole, kind, 1.0, per, Draws(4), 7)
    for rank in range(3):
        mine = torch.from_numpy(rank_slice(12, rank, 3))
        assert torch.equal(mix(whole[mine], kind, 1.0, per, Draws(4), 7, rank=rank, world_size=3), together[mine])


def test_no_mixing_returns_the_segments():
    segments = torch.randn(2, 3, 4, 4)
    assert mix(segments, "none", 1.0, "sample", Draws(0), 0) is segments


# --- schedules


def _rates(training: Training) -> list[float]:
    return [learning_rate(training, step) for step in range(training.steps)]


def _torchs(make, training: Training) -> list[float]:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=training.lr, momentum=0.9)
    scheduler = make(optimiser)
    rates = []
    for _ in range(training.steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(("steps", "warmup"), [(10, 0.3), (100, 0.3), (57, 0.25)])
def test_onecycle_is_torchs(steps, warmup):
    training = Training(steps=steps, batch=2, lr=0.4, schedule="onecycle", warmup=warmup)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1, momentum=0.9)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.4, total_steps=steps, pct_start=warmup)
    expected, momenta = [], []
    for step in range(steps):
        expected.append(optimiser.param_groups[0]["lr"])
        momenta.append(optimiser.param_groups[0]["momentum"])
        optimiser.step()
        if step < steps - 1:
            cycle.step()
    assert _rates(training) == pytest.approx(expected, rel=1e-9)
    assert [momentum(training, step) for step in range(steps)] == pytest.approx(momenta, rel=1e-9)


def test_cosine_is_torchs():
    training = Training(steps=40, batch=2, lr=0.1, schedule="cosine", warmup=0.0)
    assert _rates(training) == pytest.approx(
        _torchs(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=40), training), rel=1e-6
    )


def test_step_is_torchs_multistep():
    training = Training(steps=40, batch=2, lr=0.1, schedule="step", warmup=0.0, milestones=[0.5, 0.75], gamma=0.1)
    assert _rates(training) == pytest.approx(
        _torchs(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [20, 30], gamma=0.1), training)
    )


def test_warmup_grows_linearly_to_the_full_rate_and_constant_stays_there():
    training = Training(steps=20, batch=2, lr=1.0, schedule="constant", warmup=0.2)
    assert _rates(training) == pytest.approx([0.25, 0.5, 0.75, 1.0] + [1.0] * 16)


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_weight_decay_of_all_spares_nothing(optimiser):
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1))
    training = Training(steps=1, batch=2, lr=0.1, weight_decay=0.3, decay="all", optimiser=optimiser)
    made = make_optimiser(network, training)
    decay = {id(p): group["weight_decay"] for group in made.param_groups for p in group["params"]}
    assert decay == {id(p): 0.3 for p in network.parameters()}
    network(torch.randn(4, 2)).sum().backward()
    made.step()


def test_weight_decay_spares_biases_and_normalisation():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    optimiser = make_optimiser(network, Training(steps=1, batch=2, lr=0.1, weight_decay=0.3))
    decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert decay[id(network[0].weight)] == 0.3
    assert {decay[id(p)] for p in (network[0].bias, network[1].weight, network[1].bias)} == {0.0}


def test_sgd_is_fused_on_gpus_and_torchs_own_choice_on_cpus():
    with FakeTensorMode():  # a GPU is only pretended
        for device, fused in (("cpu", None), ("cuda", True)):
            made = make_optimiser(
                torch.nn.Linear(2, 2, device=device), Training(steps=1, batch=2, lr=1.0, optimiser="sgd")
            )
            assert [group["fused"] for group in made.param_groups] == [fused, fused]


@pytest.mark.parametrize(
    ("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_schedule_reaches_the_optimiser(name, kind):
    training = Training(steps=10, batch=2, lr=0.1, optimiser=name, schedule="onecycle", warmup=0.3)
    optimiser = make_optimiser(torch.nn.Linear(2, 2), training)
    apply_schedule(optimiser, training, 4)
    assert type(optimiser) is kind
    for group in optimiser.param_groups:
        assert group["lr"] == learning_rate(training, 4)
        assert (group["betas"][0] if "betas" in group else group["momentum"]) == momentum(training, 4)
