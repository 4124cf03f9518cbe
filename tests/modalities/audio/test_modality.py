"""The audio modality as the harness sees it."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from PIL import Image

from modalities.audio import MODALITY
from modalities.audio.policies import POLICIES, AudioPolicy, AudioView
from modalities.audio.reference import segment
from modalities.base import Draws
from modalities.errors import BadInput, UnknownName

CPU = torch.device("cpu")
VIEW = AudioView(rate=8_000, mels=32, hop_ms=16)


def raw(size: int = 6, seed: int = 0) -> torch.Tensor:
    wave = np.random.default_rng(seed).normal(0, 3_000, (size, VIEW.samples))
    return torch.from_numpy(wave.astype(np.int16))


def test_importing_the_modality_and_its_targets_loads_no_heavy_library() -> None:
    code = (
        "import sys; from modalities.registry import modality, target; m = modality('audio');"
        "m.sources(); m.policies(); m.networks(); m.source_ref('speech');"
        "[target(n) for n in ('fsdd', 'speechcommands', 'speechcommands35')];"
        "print([n for n in ('torch', 'librosa', 'matplotlib', 'sklearn', 'soundfile') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("kind", [AudioView, AudioPolicy])
def test_options_are_typed_configuration(kind: type) -> None:
    config = OmegaConf.structured(kind)
    assert OmegaConf.to_object(config) == kind()
    hash(kind())


@pytest.mark.parametrize("change", [
    {"rate": 0}, {"mels": 0}, {"seconds": 0.001}, {"fmin": 5_000.0, "rate": 8_000}, {"hop_ms": 0.0}, {"test_clips": 0},
])  # fmt: skip
def test_a_view_that_cannot_be_computed_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        AudioView(**change)


@pytest.mark.parametrize("change", [
    {"mix": 1.5}, {"pitch": -1.0}, {"speed_low": 2.0}, {"speed_low": 0.0}, {"window_low": 0.0}, {"noise_db_low": 50.0},
    {"speed_high": 100.0},
])  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused_by_name(change: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=next(iter(change)).split("_")[0]):
        AudioPolicy(**change)


def test_named_policies_carry_their_names() -> None:
    assert {"standard", "plain", "crop"} <= set(POLICIES)
    assert all(policy.name == name for name, policy in MODALITY.policies().items())


@pytest.mark.parametrize("name", ["conv4-8", "resnet-a-8"])
@pytest.mark.parametrize("view", [VIEW, AudioView(), AudioView(seconds=0.3, mels=20)])
def test_networks_turn_pictures_into_logits(name: str, view: AudioView) -> None:
    network = MODALITY.network(name, view, 7)
    assert network(torch.randn(2, *view.shape)).shape == (2, 7)


def test_conv4_has_the_parameters_that_its_widths_say() -> None:
    # Convolutions 9·(1·8 + 8·16 + 16·32 + 32·32), two numbers per batch-norm channel, and the classifier.
    expected = 9 * (8 + 128 + 512 + 1024) + 2 * (8 + 16 + 32 + 32) + 33 * 10
    assert sum(p.numel() for p in MODALITY.network("conv4-8", VIEW, 10).parameters()) == expected


@pytest.mark.parametrize("name", ["conv4", "conv4-0", "resnet-8", "conv5-16"])
def test_an_unknown_network_is_refused_with_near_names(name: str) -> None:
    with pytest.raises(UnknownName, match=r"conv4-16|resnet-a-16"):
        MODALITY.network(name, VIEW, 10)


def test_prepared_items_are_standardised_and_ignore_their_level() -> None:
    items = MODALITY.prepare(raw(), VIEW)
    assert items.shape == (6, *VIEW.shape) and items.dtype == torch.float32
    torch.testing.assert_close(items.mean((1, 2, 3)), torch.zeros(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(items.std((1, 2, 3), correction=0), torch.ones(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(MODALITY.prepare(raw() * 2, VIEW), items, atol=0.02, rtol=0)


def test_augmented_items_depend_on_draws_and_step_alone() -> None:
    draws = Draws(4, "teacher/")
    first = MODALITY.augment(raw(), VIEW, draws, 3)
    assert first.shape == (6, *VIEW.shape) and first.isfinite().all()
    torch.manual_seed(9)
    assert torch.equal(MODALITY.augment(raw(), VIEW, draws, 3), first)
    assert not torch.equal(MODALITY.augment(raw(), VIEW, draws, 4), first)
    assert not torch.equal(MODALITY.augment(raw(), VIEW, Draws(5, "teacher/"), 3), first)


def test_augmented_items_still_look_like_themselves() -> None:
    burst = torch.zeros(8, VIEW.samples, dtype=torch.int16)
    for row in range(8):
        tone = 8_000 * np.sin(2 * np.pi * 300 * (row + 1) * np.arange(2_000) / VIEW.rate)
        burst[row, 3_000:5_000] = torch.from_numpy(tone.astype(np.int16))
    clean = MODALITY.prepare(burst, VIEW).amax(3).flatten(1)
    changed = MODALITY.augment(burst, VIEW, Draws(0), 0).amax(3).flatten(1)
    nearest = torch.corrcoef(torch.cat([clean, changed]))[8:, :8].argmax(1)
    # A mask may hide a tone whole; blind guessing would find one of the eight.
    assert (nearest == torch.arange(8)).sum() >= 6


@given(st.integers(1, 5))
@settings(max_examples=5, deadline=None)
def test_any_batch_size_is_augmented(size: int) -> None:
    assert MODALITY.augment(raw(size), VIEW, Draws(0), 0).shape == (size, *VIEW.shape)


def test_the_preview_shows_the_segments_of_the_stream(tmp_path: Path) -> None:
    source = MODALITY.load_source("noise", VIEW, CPU)
    pictures = []
    for seed in (0, 1):
        path = tmp_path / "new" / f"{seed}.png"
        MODALITY.preview(source, VIEW, POLICIES["standard"], seed=seed, path=path)
        pictures.append(np.asarray(Image.open(path).convert("RGB")).astype(int))
    difference = np.abs(pictures[0] - pictures[1]).max(axis=(1, 2))
    height = len(difference)
    assert difference[: height // 9].max() == 0, "the recording above is the same"
    assert difference[height // 2 :].max() > 50, "the segments below are others"


@pytest.mark.parametrize("name", ["crop", "standard"])
def test_segments_have_the_statistics_of_the_reference_chain(name: str) -> None:
    """Both chains make pictures of the same kind: their mean log-spectra, band by band, are close."""
    source = MODALITY.load_source("speech", VIEW, CPU)
    policy = dataclasses.replace(POLICIES[name], pitch=0, mix=0)
    ours = MODALITY.stream(source, VIEW, policy, batch_size=300, seed=0, device=CPU).batch(0)
    rng = np.random.default_rng(0)
    theirs = np.stack([segment(source.wave.numpy(), VIEW, policy, rng) for _ in range(300)])
    assert theirs.shape == ours.shape
    profile, expected = ours.mean((0, 1, 3)).numpy(), theirs.mean((0, 1, 3))
    assert np.abs(profile - expected).max() < 0.25
    assert np.corrcoef(profile, expected)[0, 1] > 0.97


def test_other_ways_to_make_segments_give_segments_like_ours() -> None:
    # Without what changes spectra, in which torchaudio's way differs: it has no coloured noise, echo or pitch.
    policy = dataclasses.replace(POLICIES["standard"], noise=0, filter_db=0, mix=0, reverb=0, pitch=0)
    source = MODALITY.load_source("speech", VIEW, CPU)
    ours = MODALITY.stream(source, VIEW, policy, batch_size=256, seed=0, device=CPU).batch(0).mean((0, 1, 3))
    ways = MODALITY.references("speech", VIEW, policy, CPU)
    assert [way.split()[0] for way, _, _ in ways] == ["librosa", "torchaudio,", "audiomentations,"]
    for _, count, call in ways:
        if call is None:  # not installed
            continue
        rounds = range(100) if count == 1 else range(4)
        theirs = [torch.as_tensor(call(number)).view(count, *VIEW.shape) for number in rounds]
        assert torch.equal(torch.as_tensor(call(3)).view_as(theirs[3]), theirs[3])
        assert not torch.equal(theirs[2], theirs[3])
        assert torch.corrcoef(torch.stack([ours, torch.cat(theirs).mean((0, 1, 3))]))[0, 1] > 0.95


def test_torchaudios_way_takes_every_policy() -> None:
    for policy in POLICIES.values():
        _, count, call = MODALITY.references("speech", VIEW, policy, CPU)[1]
        batch = torch.as_tensor(call(0))
        assert batch.shape == (count, *VIEW.shape) and batch.isfinite().all()
