"""The typed configuration of a cell: every key that can be set, with its default and what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Any

from omegaconf import MISSING

METHODS = {  # of method, besides plug-ins
    "segments": "augmented segments of the one datum alone",
    "inversion": "a baseline without a datum: inputs optimised to match the teacher's batch statistics",
    "generator": "a baseline without a datum: a generator that is adapted to teacher and student",
}
LOSSES = {  # of recipe.loss, besides plug-ins
    "kl": "Kullback-Leibler divergence at recipe.temperature",
    "mse": "squared difference of logits without their means, for which no temperature is needed",
    "standardised": "kl of logits standardised per segment, so that scale and shift do not count",
}
CHOICES = {
    "recipe.mixing": ("cutmix", "mixup", "none"),
    "recipe.mixing_per": ("sample", "batch"),
    "recipe.mixing_partner": ("reversed", "permuted"),
    "student.start": ("random", "pruned"),
    "profile.data": ("stand-in", "real"),
}
BOUNDS = {
    "recipe.temperature": 0,
    "recipe.budget": 0,
    "recipe.mixing_alpha": 0,
    "threads": 0,
    "teacher.threads": -1,
}  # values must be above
for _section in ("recipe", "teacher.training"):
    CHOICES[f"{_section}.optimiser"] = ("adamw", "adam", "sgd", "muon")
    CHOICES[f"{_section}.decay"] = ("weights", "all")
    CHOICES[f"{_section}.schedule"] = ("constant", "step", "cosine", "onecycle")
    CHOICES[f"{_section}.precision"] = ("auto", "float32", "bfloat16")
    CHOICES[f"{_section}.compile"] = ("auto", "none", "default")
    BOUNDS |= {f"{_section}.steps": 0, f"{_section}.batch": 1, f"{_section}.lr": 0}


@dataclass
class Training:
    """How a network is trained; learning rate and momentum are pure functions of the step."""

    steps: int = MISSING
    batch: int = MISSING
    optimiser: str = "adamw"
    lr: float = MISSING  # peak learning rate
    weight_decay: float = 0.0
    decay: str = "weights"  # what decays: weights, or all parameters, those of normalisation and biases too
    schedule: str = "onecycle"
    warmup: float = 0.3  # share of the steps up to the peak of onecycle; for other schedules, of a linear warm-up
    milestones: list[float] = field(default_factory=list)  # of `step`: shares of the steps at which gamma applies
    gamma: float = 0.5  # of `step`: factor of the learning rate at each milestone
    clip: float = 0.0  # largest gradient norm; 0: no clipping
    precision: str = "auto"  # auto: bfloat16 on GPUs and, where it pays, on CPUs with instructions for it
    channels_last: bool = True  # faster on GPUs and on CPUs alike
    compile: str = "auto"  # torch.compile's mode, or none; auto: default where it pays back within the run


@dataclass
class Recipe(Training):
    """How a student is distilled (the published method: KL divergence at a temperature, CutMix on every batch)."""

    name: str = MISSING
    budget: float = 1.0  # share of the profile's steps, or multiple: 0.25 trains for a quarter of recipe.steps
    loss: str = "kl"  # kl at the temperature, mse of logits, kl of standardised logits; or a plug-in: loss.py
    temperature: float = 8.0
    squared_temperature: bool = True  # whether the loss is multiplied by temperature²; as published it is not
    mixing: str = "cutmix"
    mixing_alpha: float = 1.0  # of Beta(alpha, alpha)
    mixing_per: str = "sample"  # one box per sample, or one per batch as published
    mixing_partner: str = "reversed"  # each is mixed with its mirror in the batch, or with one of a random permutation
    ahead: bool = True  # on GPUs, prefetch segments and teacher outputs one step ahead; changes no number


@dataclass
class Teacher:
    """Which teacher, and how it is trained when no weights are given."""

    network: str = MISSING
    weights: str = ""  # a safetensors file of the network's weights; empty: train on the target's training split
    training: Training = field(default_factory=Training)
    epochs: float = 0.0  # of the items it learns from: stop after these if they are fewer than training.steps; 0: never
    label_smoothing: float = 0.0
    holdout: float = 0.1  # share of the training split, held out by leak unit, on which the teacher is judged
    threads: int = 0  # that train it, while students of others wait for a core; 0: as many as a cell's
    times_chance: float = 2.0  # a teacher below this multiple of chance on the held-out items is refused

    def steps(self, items: int) -> int:
        """Return the number of steps on that many items, which ``epochs`` may limit."""
        if not self.epochs:
            return self.training.steps
        return min(self.training.steps, ceil(self.epochs * items / self.training.batch))


@dataclass
class Student:
    """Which student, and from which weights it starts."""

    network: str = MISSING
    start: str = "random"  # or pruned: those of the teacher's channels that matter most, as many as the student has


@dataclass
class SourceNames:
    """One source datum per modality: a registered name, or the path of a file."""

    image: str = "deadleaves"
    audio: str = "speech"
    video: str = "deadleaves"


@dataclass
class Data:
    train_per_class: int = 0  # max training items per class; 0: all
    subset: bool = False  # whether real data are used that are incomplete; tables then say how many test items


@dataclass
class Profile:
    name: str = MISSING
    data: str = MISSING  # stand-in or real
    controls: list[str] = field(default_factory=list)  # targets run from noise too, if none are named
    meaning: str = ""


ACCURACY, PROTOTYPES = "accuracy", "prototypes"
FIGURES = (ACCURACY, PROTOTYPES)  # of claims


@dataclass
class Claim:
    """A prediction about two variants of a suite, on each target, written down before they run."""

    name: str = MISSING  # short, such as 2a
    hypothesis: str = MISSING  # a sentence
    better: str = MISSING  # variant that is predicted to be better, or to come close
    than: str = MISSING  # variant that it is compared with
    at_least: float = 0.0  # smallest effect of interest: by how much better, as a difference of accuracies in 0 … 1
    at_most_worse: float = 0.0  # of a claim of closeness instead: by how much worse it may be
    targets: list[str] = field(default_factory=lambda: ["*"])  # names or globs
    figure: str = ACCURACY  # what is compared: accuracy, or prototypes, the share of them that the teacher recognises

    @property
    def is_testable(self) -> bool:
        """Whether one of ``at_least`` and ``at_most_worse``, and not both, is given, between 0 and 1."""
        return min(self.at_least, self.at_most_worse) == 0 and 0 < self.at_least + self.at_most_worse < 1


@dataclass
class Suite:
    name: str = MISSING
    targets: list[str] = field(default_factory=lambda: ["*"])  # names or globs
    exclude: list[str] = field(default_factory=list)
    axis: str = ""  # what the variants vary, in a word
    # The suite runs once with each: overrides by label, as a list, or as lists by modality for those that have one.
    variants: dict[str, Any] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    meaning: str = ""


@dataclass
class Choice:
    """Recipe and policy that a modality, profile or target starts from; ``recipe=`` and ``policy=`` replace them."""

    recipe: str = MISSING
    policy: str = MISSING


@dataclass
class Config:
    """The configuration of one target's cells; ``view`` and ``policy`` have the types of the target's modality."""

    profile: Profile = field(default_factory=Profile)
    suite: Suite = field(default_factory=Suite)
    source: SourceNames = field(default_factory=SourceNames)
    view: Any = None
    policy: Any = None
    data: Data = field(default_factory=Data)
    teacher: Teacher = field(default_factory=Teacher)
    student: Student = field(default_factory=Student)
    recipe: Recipe = field(default_factory=Recipe)
    method: str = "segments"  # how a student's inputs are made: segments alone, or a method, such as method.py
    choose: Choice = field(default_factory=Choice)
    seeds: list[int] = field(default_factory=lambda: [0])
    folds: list[int] = field(default_factory=lambda: [1])
    threads: int = 1  # per cell; part of a cell's id, because sums depend on it
