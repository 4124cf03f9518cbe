"""Which modules are mutated, and the tests of each: enough to notice any change, and over in seconds."""

from __future__ import annotations

IMAGE, AUDIO, VIDEO = "tests/modalities/image/", "tests/modalities/audio/", "tests/modalities/video/"
DISTILLATION, TRAINING = "tests/benchmark/distillation/", "tests/benchmark/training/"

MODULES: dict[str, tuple[str, ...]] = {
    "benchmark/distillation/loss.py": (DISTILLATION + "test_math.py",),
    "benchmark/distillation/mixing.py": (DISTILLATION + "test_mixing.py", DISTILLATION + "test_math.py"),
    "benchmark/distillation/distill.py": (DISTILLATION + "test_distill.py",),
    "benchmark/training/schedule.py": (TRAINING + "test_schedule.py",),
    "benchmark/training/loop.py": (TRAINING + "test_loop.py",),
    "benchmark/data/batches.py": ("tests/benchmark/data/test_batches.py",),
    "benchmark/data/splits.py": ("tests/benchmark/data/test_splits.py",),
    "benchmark/evaluation/metrics.py": ("tests/benchmark/evaluation/test_metrics.py",),
    "benchmark/statistics/intervals.py": ("tests/benchmark/statistics/test_intervals.py",),
    "modalities/compute/draws.py": ("tests/modalities/compute/test_draws.py",),
    "modalities/image/geometry.py": (IMAGE + "test_geometry.py", IMAGE + "test_segments.py"),
    "modalities/image/colour.py": (IMAGE + "test_colour.py", IMAGE + "test_segments.py"),
    "modalities/image/segments.py": (IMAGE + "test_segments.py",),
    "modalities/image/items.py": (IMAGE + "test_items.py",),
    "modalities/image/policies.py": (IMAGE + "test_policies.py", IMAGE + "test_items.py"),
    "modalities/audio/augmentations.py": (
        AUDIO + "test_augmentations.py", AUDIO + "test_logmel.py", AUDIO + "test_segments.py",
    ),
    "modalities/audio/segments.py": (AUDIO + "test_segments.py",),
    "modalities/audio/logmel.py": (AUDIO + "test_logmel.py", AUDIO + "test_segments.py"),
    "modalities/audio/items.py": (AUDIO + "test_items.py", AUDIO + "test_modality.py"),
    "modalities/audio/policies.py": (AUDIO + "test_policies.py",),
    "modalities/video/segments.py": (VIDEO + "test_draws.py", VIDEO + "test_segments.py"),
    "modalities/video/items.py": (VIDEO + "test_draws.py", VIDEO + "test_modality.py"),
    "modalities/video/policies.py": (VIDEO + "test_policies.py", VIDEO + "test_draws.py"),
}  # fmt: skip

# Constants of these are compiled into kernels of other modules, so their mutants compile all kernels anew.
IN_KERNELS = {"modalities/image/colour.py", "modalities/audio/augmentations.py"}
