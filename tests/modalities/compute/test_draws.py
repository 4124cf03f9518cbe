"""The laws of counter-based randomness, and its raw numbers against the published generator worked out by hand."""

from __future__ import annotations

import hashlib
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from modalities.compute.draws import Draws, rank_slice

seeds = st.integers(-(2**70), 2**70)
steps = st.integers(0, 2**63 - 1)
labels = st.text(max_size=12)
draws = st.builds(Draws, seeds)
KINDS = {
    "uniform": lambda d, step, name, n: d.uniform(step, name, n, -2.0, 3.0),
    "chance": lambda d, step, name, n: d.chance(step, name, n, 0.3),
    "integers": lambda d, step, name, n: d.integers(step, name, n, 1000),
    "normal": lambda d, step, name, n: d.normal(step, name, n),
    "beta": lambda d, step, name, n: d.beta(step, name, n, 0.4, 0.4),
}
kinds = st.sampled_from(sorted(KINDS))


def philox(counter: int, key: int) -> list[int]:
    """Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3)."""
    word = 2**64 - 1
    c = [counter >> (64 * i) & word for i in range(4)]
    k = [key & word, key >> 64]
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [second >> 64 ^ c[1] ^ k[0], second & word, first >> 64 ^ c[3] ^ k[1], first & word]
        k = [(k[0] + 0x9E3779B97F4A7C15) & word, (k[1] + 0xBB67AE8584CAA73B) & word]
    return c


@given(seeds, steps, labels)
def test_a_uniform_draw_is_philox_of_its_key_and_step(seed: int, step: int, name: str) -> None:
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    # NumPy counts before it draws, so the first block of four is number 1.
    raw = [number for block in (1, 2) for number in philox(block + (step << 192), int.from_bytes(digest, "little"))]
    assert Draws(seed).uniform(step, name, 8).tolist() == [(number >> 11) / 2**53 for number in raw]


@given(draws, steps, labels, kinds, st.integers(0, 40), st.integers(0, 40))
def test_an_element_does_not_depend_on_how_many_are_drawn(
    d: Draws, step: int, name: str, kind: str, few: int, more: int
) -> None:
    few, more = sorted((few, more))
    assert np.array_equal(KINDS[kind](d, step, name, few), KINDS[kind](d, step, name, more)[:few])


@given(draws, steps, labels, kinds, st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)))
def test_a_shape_only_folds_the_row_of_numbers(d: Draws, step: int, name: str, kind: str, shape: tuple) -> None:
    folded = KINDS[kind](d, step, name, shape)
    assert folded.shape == shape
    assert np.array_equal(folded.ravel(), KINDS[kind](d, step, name, int(np.prod(shape))))


@given(seeds, st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), kinds), max_size=8), kinds)
def test_what_was_asked_before_changes_nothing(seed: int, before: list[tuple[int, str, str]], kind: str) -> None:
    used = Draws(seed)
    for step, name, other in before:
        KINDS[other](used, step, name, 5)
    assert np.array_equal(KINDS[kind](used, 3, "a", 5), KINDS[kind](Draws(seed), 3, "a", 5))


@given(st.tuples(seeds, steps, labels), st.tuples(seeds, steps, labels))
def test_another_seed_step_or_name_draws_other_numbers(one: tuple[int, int, str], other: tuple[int, int, str]) -> None:
    assume(one != other)
    (a, i, x), (b, j, y) = one, other
    assert not set(Draws(a).uniform(i, x, 4)) & set(Draws(b).uniform(j, y, 4))


@given(seeds, st.integers(0, 2**63 - 2), labels)
def test_neighbouring_steps_share_no_number_even_over_many(seed: int, step: int, name: str) -> None:
    d = Draws(seed)
    assert not set(d.uniform(step, name, 2000)) & set(d.uniform(step + 1, name, 2000))


@given(seeds, steps, labels, labels, labels)
def test_a_scope_is_a_prefix_of_the_name(seed: int, step: int, outer: str, inner: str, name: str) -> None:
    nested = Draws(seed).within(outer).within(inner)
    assert np.array_equal(nested.uniform(step, name, 4), Draws(seed).uniform(step, f"{outer}/{inner}/{name}", 4))


@given(draws, steps, kinds)
def test_draws_travel_between_processes(d: Draws, step: int, kind: str) -> None:
    KINDS[kind](d, step, "warm", 1)
    there = pickle.loads(pickle.dumps(d))
    assert there == d
    assert np.array_equal(KINDS[kind](there, step, "name", 5), KINDS[kind](d, step, "name", 5))


@given(draws, steps, kinds)
def test_no_global_generator_is_read_or_set(d: Draws, step: int, kind: str) -> None:
    random.seed(1), np.random.seed(1)
    first = KINDS[kind](d, step, "name", 5)
    assert (random.random(), np.random.random()) == (random.Random(1).random(), np.random.RandomState(1).random())
    random.seed(2), np.random.seed(2)
    assert np.array_equal(KINDS[kind](d, step, "name", 5), first)


@given(draws, steps, st.floats(-100, 100), st.floats(0.001, 100))
def test_uniform_numbers_lie_between_their_bounds(d: Draws, step: int, low: float, width: float) -> None:
    numbers = d.uniform(step, "name", 200, low, low + width)
    assert numbers.dtype == np.float64
    assert ((low <= numbers) & (numbers < low + width)).all()


@given(draws, steps, st.integers(1, 2**40))
def test_whole_numbers_lie_below_their_bound(d: Draws, step: int, high: int) -> None:
    numbers = d.integers(step, "name", 200, high)
    assert numbers.dtype == np.int64
    assert ((numbers >= 0) & (numbers < high)).all()


@given(draws, steps, st.integers(0, 300))
def test_a_permutation_holds_every_index_once(d: Draws, step: int, size: int) -> None:
    assert sorted(d.permutation(step, "name", size)) == list(range(size))


@given(draws, steps)
def test_chance_never_and_always(d: Draws, step: int) -> None:
    assert not d.chance(step, "name", 100, 0.0).any()
    assert d.chance(step, "name", 100, 1.0).all()


@given(draws, st.integers(max_value=-1))
def test_a_negative_step_is_refused(d: Draws, step: int) -> None:
    with pytest.raises(ValueError, match=str(step)):
        d.uniform(step, "name", 1)


@pytest.mark.parametrize(
    ("kind", "distribution"),
    [("uniform", stats.uniform(-2, 5)), ("normal", stats.norm()), ("beta", stats.beta(0.4, 0.4))],
)
def test_numbers_follow_their_distribution(kind: str, distribution: stats.rv_continuous) -> None:
    within = KINDS[kind](Draws(0), 0, "name", 20_000)
    across = np.concatenate([KINDS[kind](Draws(0), step, "name", 10) for step in range(2000)])
    for numbers in (within, across):
        assert stats.kstest(numbers, distribution.cdf).pvalue > 0.01


def test_whole_numbers_and_chances_follow_their_frequencies() -> None:
    counts = np.bincount(Draws(0).integers(0, "name", 21_000, 7), minlength=7)
    assert stats.chisquare(counts).pvalue > 0.01
    hits = int(Draws(0).chance(0, "name", 20_000, 0.3).sum())
    assert stats.binomtest(hits, 20_000, 0.3).pvalue > 0.01


def test_permutations_are_equally_likely() -> None:
    seen = np.array([Draws(0).permutation(step, "name", 4) @ [64, 16, 4, 1] for step in range(4800)])
    counts = np.unique(seen, return_counts=True)[1]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 0.01


# --- ranks -----------------------------------------------------------------------------------------------------

shares = st.tuples(st.integers(1, 8), st.integers(1, 8))  # ranks, pairs per rank


@given(shares)
def test_the_ranks_render_every_sample_once(share: tuple[int, int]) -> None:
    ranks, pairs = share
    batch = 2 * ranks * pairs
    slices = [rank_slice(batch, rank, ranks) for rank in range(ranks)]
    assert sorted(np.concatenate(slices)) == list(range(batch))
    assert {len(part) for part in slices} == {2 * pairs}


@given(shares)
def test_reversing_a_slice_pairs_what_reversing_the_batch_pairs(share: tuple[int, int]) -> None:
    ranks, pairs = share
    batch = 2 * ranks * pairs
    for rank in range(ranks):
        mine = rank_slice(batch, rank, ranks)
        assert np.array_equal(mine[::-1], batch - 1 - mine)


@given(st.integers(0, 100))
def test_one_rank_renders_the_batch_in_order(batch: int) -> None:
    assert np.array_equal(rank_slice(batch, 0, 1), np.arange(batch))


@given(st.integers(1, 64), st.integers(2, 8))
def test_a_batch_without_even_shares_is_refused(batch: int, ranks: int) -> None:
    assume(batch % (2 * ranks))
    with pytest.raises(ValueError, match=f"a batch of {batch} cannot be split among {ranks} ranks"):
        rank_slice(batch, 0, ranks)


@pytest.mark.parametrize(("rank", "ranks"), [(-1, 2), (2, 2), (0, 0)])
def test_a_rank_that_does_not_exist_is_refused(rank: int, ranks: int) -> None:
    with pytest.raises(ValueError, match=f"rank {rank} is out of range for {ranks} ranks"):
        rank_slice(8, rank, ranks)


def test_a_normal_number_is_that_of_the_middle_of_its_uniform_cell() -> None:
    d = Draws(5)
    assert np.array_equal(d.normal(1, "name", 4000), ndtri(d.uniform(1, "name", 4000) + 2.0**-54))


class Given(Draws):
    """Draws whose uniform numbers are given."""

    def uniform(self, step: int, name: str, size: int | tuple[int, ...], low: float = 0.0, high: float = 1.0):
        return np.array([0.0, 0.25, 0.5, 1 - 2.0**-53])


def test_what_lies_on_a_bound_is_beyond_it() -> None:
    d = Given(0)
    assert d.chance(0, "name", 4, 0.25).tolist() == [True, False, False, False]
    assert d.chance(0, "name", 4, 0.0).tolist() == [False] * 4 and d.chance(0, "name", 4, 1.0).all()
    assert d.integers(0, "name", 4, 4).tolist() == [0, 1, 2, 3]
    assert np.isfinite(d.normal(0, "name", 4)).all()


def test_threads_draw_the_same_numbers() -> None:
    d = Draws(1)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda step: d.uniform(step % 8, "name", 500), range(200)))
    assert all(np.array_equal(found[step], d.uniform(step % 8, "name", 500)) for step in range(200))
