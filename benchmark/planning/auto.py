"""What ``auto`` means for precision and compilation.

Compilation is part of what a cell is, since it rounds otherwise. So whether it pays back within a training is decided
by figures that were measured once (``scripts/measure/steps.py``), and never by a measurement on the machine at hand.
"""

from __future__ import annotations

import re
from shutil import which

from benchmark.config.schema import Config, Training
from benchmark.planning.flops import network_flops
from benchmark.system.processor import multiplies_bfloat16

MIN_STEPS_ON_GPU = 5000  # runs of this length are compiled on a GPU: a minute or two is little beside them
# Share of a step's processor time that compilation saves, by family of networks and precision; 0 for all others.
SAVED = {("resnet-s", "float32"): 0.17, ("resnet-s", "bfloat16"): 0.10}
# Families whose steps bfloat16 makes longer on CPUs, by 1.2 to 1.5 times: torch's GroupNorm is slow in it.
FLOAT32_ON_CPU = ("resnet-s-gn",)
FLOPS_PER_SECOND = {"float32": 70e9, "bfloat16": 140e9}  # of a step of such networks, per thread
COMPILE_SECONDS = 25.0  # of processor time, per network
MARGIN = 2.0  # how many times that has to be saved


def resolve_auto(config: Config, device: str, modality: str) -> None:
    """Resolve ``auto`` for a kind of device, ``cpu`` or ``cuda``, so that an id covers what is really done."""
    teacher = config.teacher.training
    for training, network in ((config.recipe, config.student.network), (teacher, config.teacher.network)):
        if training.precision == "auto":
            pays = multiplies_bfloat16() and _family(network) not in FLOAT32_ON_CPU
            training.precision = "bfloat16" if device == "cuda" or pays else "float32"
    if config.recipe.compile == "auto":
        saves = _seconds_saved(config, modality, config.recipe, config.student.network, config.teacher.network)
        config.recipe.compile = _mode(config.recipe, device, saves, networks=2)
    if teacher.compile == "auto":
        teacher.compile = _mode(teacher, device, _seconds_saved(config, modality, teacher, config.teacher.network))


def _mode(training: Training, device: str, saves: float, networks: int = 1) -> str:
    on_cpu = saves >= MARGIN * COMPILE_SECONDS * networks
    pays = training.steps >= MIN_STEPS_ON_GPU if device == "cuda" else on_cpu
    return "default" if pays and any(map(which, ("cc", "gcc", "clang"))) else "none"


def _seconds_saved(config: Config, modality: str, training: Training, trained: str, imitated: str = "") -> float:
    """Return the processor time that compiled networks would save in a training on a CPU; 0 if it is not known."""
    share, flops = 1.0, 0.0
    for network, part in ((trained, "training"), (imitated, "forward")):
        if network:
            share = min(share, SAVED.get((_family(network), training.precision), 0.0))
            found = network_flops(modality, network, tuple(config.view.shape)) if share else None
            flops += getattr(found, part) if found else 0.0
    return share * training.steps * training.batch * flops / FLOPS_PER_SECOND[training.precision] if share else 0.0


def _family(network: str) -> str:
    """Return a network's name without its sizes."""
    return re.sub(r"-[wd]?\d+(\.\d+)?", "", network)
