"""Segments are reproducible, and every change of the policy does what its name says."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from draw_laws import Choice, check_draws, log_uniform, uniform
from modalities.audio import logmel
from modalities.audio.augmentations import KNOTS
from modalities.audio.policies import CROP, PLAIN, STANDARD, AudioPolicy, AudioView
from modalities.audio.segments import AudioStream, pyramid, repeat_if_short
from modalities.audio.source import AudioSource
from modalities.base import SegmentStream, SourceRef
from modalities.errors import BadInput

VIEW = AudioView()
CPU = torch.device("cpu")


def source(wave: np.ndarray, rate: int = VIEW.rate) -> AudioSource:
    return AudioSource(SourceRef("test", "0", "test"), torch.from_numpy(wave.astype(np.float32)), rate)


def noise(seconds: float = 8) -> AudioSource:
    return source(0.1 * np.random.default_rng(3).standard_normal(int(seconds * VIEW.rate)))


def sine(frequency: float, seconds: float = 8) -> AudioSource:
    return source(np.sin(2 * np.pi * frequency * np.arange(int(seconds * VIEW.rate)) / VIEW.rate))


def stream(datum: AudioSource, policy: AudioPolicy, batch_size: int = 8, seed: int = 0, **more: Any) -> AudioStream:
    return AudioStream(datum, VIEW, policy, batch_size=batch_size, seed=seed, device=CPU, **more)


def waves(segments: AudioStream, step: int = 0) -> torch.Tensor:
    """The sound behind ``segments.batch(step)``, before the augmentations of its mel power: (batch, samples)."""
    return segments._wave(segments._draw(step))


def peak(wave: torch.Tensor) -> float:
    """Frequency of the highest peak in Hz, by a windowed and zero-padded Fourier transform."""
    spectrum = np.abs(np.fft.rfft(wave.numpy() * np.hanning(len(wave)), 2**18))
    return float(spectrum.argmax()) * VIEW.rate / 2**18


def test_a_stream_keeps_the_contract() -> None:
    segments = stream(noise(), STANDARD)
    assert isinstance(segments, SegmentStream)
    batch = segments.batch(0)
    assert batch.shape == (8, *segments.shape) and batch.dtype == torch.float32 and batch.isfinite().all()


def test_a_step_is_the_same_whenever_it_is_asked_for() -> None:
    first, second = stream(noise(), STANDARD), stream(noise(), STANDARD)
    expected = first.batch(5)
    second.batch(0)
    second.batch(9)
    assert torch.equal(second.batch(5), expected)


@pytest.mark.parametrize("policy", [CROP, PLAIN, STANDARD, dataclasses.replace(STANDARD, noise=1, mix=1, reverb=1)])
def test_the_kernels_of_the_cpu_and_torch_agree(policy: AudioPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = stream(noise(), policy, batch_size=32)
    expected, batch = waves(segments, 1), segments.batch(1)
    monkeypatch.setattr(segments, "_by_kernel", segments._by_torch)
    monkeypatch.setattr(logmel, "log_mel_by_kernel", logmel.log_mel_by_torch)
    # torch's single precision knows a place in a window to about 4/1000 of a sample, the kernel to 1/10,000.
    torch.testing.assert_close(waves(segments, 1), expected, rtol=0, atol=0.02 * expected.std().item())
    difference = (segments.batch(1) - batch).abs()
    assert difference.max() < 0.05 and difference.mean() < 1e-3


def test_segments_do_not_depend_on_the_number_of_threads() -> None:
    segments, before = stream(noise(), STANDARD, batch_size=10), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = segments.batch(0)
        torch.set_num_threads(3)
        three = segments.batch(0)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one, three)


def test_no_global_generator_is_read_or_set() -> None:
    segments = stream(noise(), STANDARD)
    torch.manual_seed(1)
    state, expected = torch.get_rng_state(), segments.batch(0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    np.random.seed(2)
    assert torch.equal(segments.batch(0), expected)


def test_other_steps_and_seeds_give_other_segments() -> None:
    segments = stream(noise(), CROP)
    assert not torch.equal(segments.batch(0), segments.batch(1))
    assert not torch.equal(segments.batch(0), stream(noise(), CROP, seed=1).batch(0))


@pytest.mark.parametrize("ranks", [2, 4])
def test_the_union_of_ranks_is_what_one_process_renders(ranks: int) -> None:
    whole = stream(noise(), STANDARD, batch_size=16).batch(3)
    rows = {tuple(row.flatten()[:20].tolist()) for row in whole.round(decimals=3)}
    found = set()
    for rank in range(ranks):
        part = stream(noise(), STANDARD, batch_size=16, rank=rank, world_size=ranks).batch(3)
        assert len(part) == 16 // ranks
        found |= {tuple(row.flatten()[:20].tolist()) for row in part.round(decimals=3)}
        pair = whole[[rank, 15 - rank]]
        torch.testing.assert_close(part[[0, -1]], pair, rtol=1e-3, atol=1e-4)
    assert found == rows


@given(st.floats(0.64, 1.57), st.floats(200, 4000))
@settings(max_examples=15, deadline=None)
def test_speed_multiplies_frequency(speed: float, frequency: float) -> None:
    policy = dataclasses.replace(CROP, speed_low=speed, speed_high=speed)
    wave = waves(stream(sine(frequency), policy, batch_size=2))[0]
    assert peak(wave) == pytest.approx(frequency * speed, rel=2e-3)


def test_what_speed_would_lift_above_half_the_rate_is_gone() -> None:
    policy = dataclasses.replace(CROP, speed_low=1.5, speed_high=1.5)
    kept, lost = (waves(stream(sine(f), policy, batch_size=2)).square().mean() for f in (1_000, 7_000))
    assert kept == pytest.approx(0.5, rel=0.02)
    assert lost < 1e-4 * kept


def test_at_speed_1_a_segment_is_a_stretch_of_the_recording() -> None:
    datum = sine(440)
    wave = waves(stream(datum, CROP, batch_size=2))[0].numpy()
    time = np.arange(VIEW.samples) / VIEW.rate
    basis = np.stack([np.sin(2 * np.pi * 440 * time), np.cos(2 * np.pi * 440 * time)], 1)
    rest = wave - basis @ np.linalg.lstsq(basis, wave, rcond=None)[0]
    assert np.abs(rest).max() < 0.01


def test_starts_are_spread_over_the_whole_recording() -> None:
    ramp = source(np.linspace(0, 1, 20 * VIEW.rate))
    middle = waves(stream(ramp, CROP, batch_size=400))[:, VIEW.samples // 2]
    shares = np.histogram(middle, bins=4, range=(0.025, 0.975))[0] / 400
    assert shares.min() > 0.15 and shares.max() < 0.35


def test_windows_stand_in_silence_and_have_the_drawn_length() -> None:
    policy = dataclasses.replace(CROP, window_low=0.3, window_high=0.3)
    for wave in waves(stream(source(np.ones(8 * VIEW.rate)), policy, batch_size=16)):
        loud = wave.abs() > 0.5
        where = torch.nonzero(loud)[:, 0]
        assert loud.sum() == where[-1] - where[0] + 1, "one stretch"
        assert loud.sum().item() == pytest.approx(0.3 * VIEW.samples, abs=0.006 * VIEW.samples)
        assert (wave == 0).sum().item() == pytest.approx(0.7 * VIEW.samples, abs=2)


def test_polarity_turns_about_its_share_of_the_waves_and_leaves_their_pictures() -> None:
    datum = noise()
    plain = stream(datum, CROP, batch_size=200)
    turned = stream(datum, dataclasses.replace(CROP, polarity=0.3), batch_size=200)
    signs = (waves(plain) * waves(turned)).mean(1).sign()
    torch.testing.assert_close(waves(turned), signs[:, None] * waves(plain))
    assert 0.2 < (signs < 0).float().mean() < 0.4
    torch.testing.assert_close(turned.batch(0), plain.batch(0))


def test_gain_scales_the_wave_by_at_most_its_decibels() -> None:
    datum = noise()
    ratio = waves(stream(datum, dataclasses.replace(CROP, gain_db=6), 64)) / waves(stream(datum, CROP, 64))
    level = 20 * ratio.median(1).values.log10()
    assert -6 <= level.min() < -4 and 4 < level.max() <= 6
    torch.testing.assert_close(ratio, (10 ** (level / 20))[:, None].expand_as(ratio), rtol=1e-3, atol=1e-3)


def test_noise_has_the_drawn_ratio_to_the_signal() -> None:
    datum = noise()
    policy = dataclasses.replace(CROP, noise=1, noise_db_low=12, noise_db_high=12)
    clean = waves(stream(datum, CROP))
    added = waves(stream(datum, policy)) - clean
    ratio = 10 * torch.log10(clean.square().mean(1) / added.square().mean(1))
    # Red noise is uneven over a second, hence the tolerance; the mean square of the bank as a whole is 1.
    torch.testing.assert_close(ratio, torch.full((8,), 12.0), atol=3, rtol=0)


def test_mixing_adds_another_segment_to_its_share() -> None:
    datum = noise()
    alone = waves(stream(datum, CROP, batch_size=100))
    policy = dataclasses.replace(CROP, mix=0.4, mix_db=0)
    added = waves(stream(datum, policy, batch_size=100)) - alone
    mixed = added.abs().amax(1) > 0
    assert 0.25 < mixed.float().mean() < 0.55
    torch.testing.assert_close(added[mixed].std(), alone.std(), rtol=0.05, atol=0)
    likeness = torch.nn.functional.cosine_similarity(added[mixed], alone[mixed])
    assert likeness.abs().max() < 0.1


def test_masks_hide_one_stretch_of_at_most_their_strength() -> None:
    policy = dataclasses.replace(CROP, time_mask=0.3, mel_mask=0.3)
    pictures = stream(noise(), policy, batch_size=64).batch(0)[:, 0]
    for axis, size in ((1, VIEW.shape[2]), (2, VIEW.shape[1])):
        hidden = (pictures == 0).all(axis)
        assert 0.2 < hidden.float().mean(1).max() <= 0.3
        runs = (hidden.int().diff(dim=1) == 1).sum(1) + hidden[:, 0].int()
        assert hidden.shape[1] == size and runs.max() == 1


@pytest.mark.parametrize("policy", [CROP, PLAIN, STANDARD], ids=lambda p: p.name)
def test_a_silent_recording_gives_finite_segments(policy: AudioPolicy) -> None:
    assert stream(source(np.zeros(4 * VIEW.rate)), policy).batch(0).isfinite().all()


def test_a_recording_shorter_than_a_window_is_repeated() -> None:
    short = source(np.sin(2 * np.pi * 500 * np.arange(int(0.1 * VIEW.rate)) / VIEW.rate))
    wave = waves(stream(short, CROP, batch_size=2))[0]
    assert peak(wave) == pytest.approx(500, abs=2)
    assert wave.square().mean() == pytest.approx(0.5, rel=0.05)


def test_a_recording_loaded_at_another_rate_is_refused() -> None:
    with pytest.raises(BadInput, match=r"8000 Hz.*16000"):
        stream(source(np.ones(8_000), rate=8_000), CROP)


# --- draws

SHARE = uniform(0, 1)
WINDOW = {"speed": log_uniform(0.64, 1.57), "place": SHARE, "length": uniform(0.2, 1.0)}
LAWS = {
    **WINDOW, **{f"other {name}": law for name, law in WINDOW.items()},
    "start": SHARE, "other start": SHARE,
    "mix": SHARE, "mix level": uniform(-10, 10), "gain": uniform(-10, 10), "sign": Choice([-1.0, 1.0], [0.3, 0.7]),
    "noise": SHARE, "noise place": SHARE, "noise level": uniform(-40, -5), "shift": uniform(-3, 3),
    **{f"knots {knot}": uniform(-8, 8) for knot in range(KNOTS)},
    "reverb": SHARE, "reverb seconds": uniform(0.1, 0.6), "reverb level": uniform(-20, 0),
    "time start": SHARE, "time width": uniform(0, 0.1), "mel start": SHARE, "mel width": uniform(0, 0.1),
}  # fmt: skip


def test_every_draw_follows_its_law_and_no_other_draw() -> None:
    policy = dataclasses.replace(STANDARD, polarity=0.3)

    def columns(seed: int, step: int) -> dict[str, np.ndarray]:
        drawn = stream(noise(), policy, batch_size=4000, seed=seed)._draw(step)
        knots = drawn.pop("knots")
        drawn |= {f"knots {knot}": knots[:, knot] for knot in range(KNOTS)}
        for prefix in ("", "other "):  # in shares of the room that the length leaves
            drawn[prefix + "start"] = drawn[prefix + "start"] / (1 - drawn[prefix + "length"])
        return drawn

    check_draws(columns, LAWS)


def test_a_short_reverberation_is_drawn_as_short_as_the_policy_says() -> None:
    drawn = stream(noise(), dataclasses.replace(STANDARD, reverb_seconds=0.05), batch_size=64)._draw(0)
    assert np.array_equal(drawn["reverb seconds"], np.full(64, 0.05))


def test_each_share_of_the_policy_decides_its_own_change() -> None:
    drawn = stream(noise(), STANDARD, batch_size=4000)._draw(0)
    for name in ("mix", "noise", "reverb"):
        for share in (0.0, 0.25, 1.0):
            segments = stream(noise(), dataclasses.replace(CROP, **{name: share, "mix_db": 0}), batch_size=400)
            if name == "reverb":
                chosen = segments._spectral_changes(segments._draw(0)).reverb_seconds > 0
            else:
                plain = waves(stream(noise(), CROP, batch_size=400))
                chosen = ((waves(segments) - plain).abs().amax(1) > 0).numpy()
            assert np.array_equal(chosen, drawn[name][:400] < share), (name, share)


def test_spectral_changes_take_each_draw_to_its_place() -> None:
    segments = stream(noise(), dataclasses.replace(STANDARD, reverb=1.0), batch_size=32)
    drawn = segments._draw(0)
    changes = segments._spectral_changes(drawn)
    for field, name in (
        ("shift", "shift"), ("knots", "knots"), ("reverb_seconds", "reverb seconds"), ("reverb_db", "reverb level"),
        ("mel_start", "mel start"), ("mel_width", "mel width"), ("time_start", "time start"),
        ("time_width", "time width"),
    ):  # fmt: skip
        assert np.array_equal(getattr(changes, field), drawn[name]), field


# --- where windows lie


@pytest.mark.parametrize("level", range(4))
def test_a_level_of_the_pyramid_passes_what_its_speed_keeps_below_half_the_rate(level: int) -> None:
    wave = torch.from_numpy(np.random.default_rng(0).standard_normal(4_000).astype(np.float32))
    before, after = (np.fft.rfft(w.double().numpy()) for w in (wave, pyramid(wave, 4)[level]))
    place = np.arange(len(before)) / (len(before) - 1)
    fall = np.clip((place * 2 ** (level / 4) - 0.9) / 0.1, 0, 1)
    np.testing.assert_allclose(after[: len(before)] / 2 / before, 0.5 + 0.5 * np.cos(np.pi * fall), atol=1e-4)
    assert len(pyramid(wave, 4)[level]) == 8_000 and np.abs(after[len(before) :]).max() < 1e-3


def test_a_recording_is_repeated_if_it_has_no_room_for_two_of_the_longest_windows() -> None:
    policy = dataclasses.replace(CROP, speed_low=1.0, speed_high=1.5)
    enough = 2 * (24_000 + 2)
    assert len(repeat_if_short(torch.zeros(enough), VIEW, policy)) == enough
    short = repeat_if_short(torch.arange(enough - 1.0), VIEW, policy)
    assert len(short) == 2 * (enough - 1) and torch.equal(short[: enough - 1], short[enough - 1 :])
    assert len(repeat_if_short(torch.zeros(1_000), VIEW, policy)) == 26_000  # 24,002 more than it has, in whole ones


def test_windows_lie_in_the_level_of_their_speed_from_its_first_sample_to_its_last() -> None:
    segments = stream(noise(5), dataclasses.replace(CROP, speed_low=0.5, speed_high=2.0), batch_size=2)
    length, speeds = 2 * 5 * VIEW.rate, np.array([0.5, 1.0, 1.01, 2**0.25, 1.2, 2**0.5, 1.57, 2.0])
    levels = [0, 0, 1, 1, 2, 2, 3, 4]
    assert segments._levels == 5 and len(segments._sound) == 5 * length
    for place in (0.0, 0.25, 1 - 2.0**-53):
        given = {"speed": speeds, "place": np.full(8, place), "length": np.full(8, 0.4), "start": np.full(8, 0.3)}
        window = segments._window(given, "")
        assert np.array_equal(window.stride, 2 * speeds)
        assert (window.at // length).tolist() == levels
        begin = window.at % length + window.fraction
        np.testing.assert_allclose(begin, place * (length - 2 * speeds * VIEW.samples - 2), atol=1e-6)
        assert ((window.fraction >= 0) & (window.fraction < 1)).all()
        assert (begin + window.stride * (VIEW.samples - 1) + 1 < length).all()
        assert (window.start == 0.3).all() and (window.length == 0.4).all()
