"""The typed configuration of a cell: every key that can be set, with its default and what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Annotated, Any

from omegaconf import MISSING

from modalities.assembly.settings import Setting

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
OPTIMISERS = ("adamw", "adam", "sgd", "muon")
SOURCE = "a name of `benchmark list sources`, or the path of a file"
SCHEDULES = ("constant", "step", "cosine", "onecycle")


@dataclass
class Training:
    """How a network is trained; learning rate and momentum are pure functions of the step."""

    steps: Annotated[int, Setting("optimisation steps, one batch each", above=0)] = MISSING
    batch: Annotated[int, Setting("inputs in a batch", low=2)] = MISSING
    optimiser: Annotated[
        str, Setting("PyTorch's, or muon: orthogonalised momentum for kernels, adamw for the rest", choices=OPTIMISERS)
    ] = "adamw"
    lr: Annotated[float, Setting("peak learning rate", above=0)] = MISSING
    weight_decay: Annotated[float, Setting("weight decay", low=0)] = 0.0
    decay: Annotated[
        str,
        Setting(
            "what decays: weights, or all parameters, those of normalisation and biases too", choices=("weights", "all")
        ),
    ] = "weights"
    schedule: Annotated[str, Setting("how the learning rate runs over the steps", choices=SCHEDULES)] = "onecycle"
    warmup: Annotated[
        float,
        Setting(
            "share of the steps up to the peak of onecycle; for other schedules, of a linear warm-up", low=0, high=1
        ),
    ] = 0.3
    milestones: Annotated[
        list[float], Setting("of the schedule step: shares of the steps at which gamma applies", low=0, high=1)
    ] = field(default_factory=list)
    gamma: Annotated[float, Setting("of the schedule step: factor of the learning rate at each milestone", low=0)] = 0.5
    clip: Annotated[float, Setting("largest gradient norm; 0: no clipping", low=0)] = 0.0
    precision: Annotated[
        str,
        Setting(
            "number format; auto: bfloat16 on GPUs and, where it pays, on CPUs with instructions for it",
            choices=("auto", "float32", "bfloat16"),
        ),
    ] = "auto"
    channels_last: Annotated[bool, Setting("memory layout that is faster on GPUs and on CPUs alike")] = True
    compile: Annotated[
        str,
        Setting(
            "torch.compile's mode, or none; auto: default where it pays back within the run",
            choices=("auto", "none", "default"),
        ),
    ] = "auto"


@dataclass
class Recipe(Training):
    """How a student is distilled (the published method: KL divergence at a temperature, CutMix on every batch)."""

    name: Annotated[str, Setting("what the recipe is called in tables; recipe=NAME chooses one")] = MISSING
    budget: Annotated[
        float,
        Setting("share of the steps, or multiple: 0.25 trains for a quarter of recipe.steps", above=0),
    ] = 1.0
    loss: Annotated[
        str,
        Setting(
            "kl at the temperature, mse of logits, or kl of standardised logits",
            choices=tuple(LOSSES), others="a plug-in, such as loss.py",
        ),
    ] = "kl"  # fmt: skip
    temperature: Annotated[float, Setting("by which the logits of teacher and student are divided", above=0)] = 8.0
    squared_temperature: Annotated[
        bool, Setting("whether the loss is multiplied by temperature²; as published it is not")
    ] = True
    mixing: Annotated[str, Setting("how the segments of a batch are mixed", choices=("cutmix", "mixup", "none"))] = (
        "cutmix"
    )
    mixing_alpha: Annotated[float, Setting("of Beta(alpha, alpha), from which the shares are drawn", above=0)] = 1.0
    mixing_per: Annotated[
        str, Setting("one box per sample, or one per batch as published", choices=("sample", "batch"))
    ] = "sample"
    mixing_partner: Annotated[
        str,
        Setting(
            "each is mixed with its mirror in the batch, or with one of a random permutation",
            choices=("reversed", "permuted"),
        ),
    ] = "reversed"
    ahead: Annotated[
        bool, Setting("on GPUs, prefetch segments and teacher outputs one step ahead; changes no number")
    ] = True


@dataclass
class Teacher:
    """Which teacher, and how it is trained when no weights are given."""

    network: Annotated[
        str, Setting("the teacher's network", others="a name of `benchmark list networks`, or a plug-in")
    ] = MISSING
    weights: Annotated[
        str,
        Setting("a safetensors file of the network's weights; empty: train on the target's training split"),
    ] = ""
    training: Training = field(default_factory=Training)
    epochs: Annotated[
        float,
        Setting("of the items it learns from: stop after these if they are fewer than training.steps; 0: never", low=0),
    ] = 0.0
    label_smoothing: Annotated[float, Setting("of the teacher's cross-entropy", low=0, below=1)] = 0.0
    holdout: Annotated[
        float,
        Setting("share of the training split, held out by leak unit, on which the teacher is judged", above=0, below=1),
    ] = 0.1
    threads: Annotated[
        int,
        Setting("that train it, while students of others wait for a core; 0: as many as a cell's", low=0),
    ] = 0
    times_chance: Annotated[
        float, Setting("a teacher below this multiple of chance on the held-out items is refused", low=0)
    ] = 2.0

    def steps(self, items: int) -> int:
        """Return the number of steps on that many items, which ``epochs`` may limit."""
        if not self.epochs:
            return self.training.steps
        return min(self.training.steps, ceil(self.epochs * items / self.training.batch))


@dataclass
class Student:
    """Which student, and from which weights it starts."""

    network: Annotated[
        str, Setting("the student's network", others="a name of `benchmark list networks`, or a plug-in")
    ] = MISSING
    start: Annotated[
        str,
        Setting(
            "its first weights: random, or pruned, those of the teacher's channels that matter most, as many as it has",
            choices=("random", "pruned"),
        ),
    ] = "random"


@dataclass
class SourceNames:
    """One source datum per modality: a registered name, or the path of a file."""

    image: Annotated[str, Setting("the picture of image targets", others=SOURCE)] = "deadleaves"
    audio: Annotated[str, Setting("the recording of audio targets", others=SOURCE)] = "speech"
    video: Annotated[str, Setting("the clip or picture of video targets", others=SOURCE)] = "deadleaves"


@dataclass
class Data:
    train_per_class: Annotated[int, Setting("largest number of training items per class; 0: all", low=0)] = 0
    subset: Annotated[
        bool, Setting("whether real data are used that are incomplete; tables then say how many test items")
    ] = False


@dataclass
class Profile:
    name: Annotated[str, Setting("what the profile is called; profile=NAME chooses one")] = MISSING
    data: Annotated[
        str, Setting("whether cells run on real data or on generated stand-ins", choices=("stand-in", "real"))
    ] = MISSING
    controls: Annotated[list[str], Setting("targets that are run from noise too, if none are named")] = field(
        default_factory=list
    )
    meaning: Annotated[str, Setting("what the profile is for, in a sentence")] = ""


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
    name: Annotated[str, Setting("what the suite is called")] = MISSING
    targets: Annotated[list[str], Setting("names or globs")] = field(default_factory=lambda: ["*"])
    exclude: Annotated[list[str], Setting("names or globs of targets that it leaves out")] = field(default_factory=list)
    axis: Annotated[str, Setting("what the variants vary, in a word")] = ""
    # The suite runs once with each: overrides by label, as a list, or as lists by modality for those that have one.
    variants: dict[str, Any] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    meaning: Annotated[str, Setting("what the suite is for, in a sentence")] = ""


@dataclass
class Choice:
    """Recipe and policy that a modality, profile or target starts from; ``recipe=`` and ``policy=`` replace them."""

    recipe: Annotated[str, Setting("the recipe by name")] = MISSING
    policy: Annotated[str, Setting("the policy by name")] = MISSING


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
    method: Annotated[
        str,
        Setting(
            "how a student's inputs are made: segments alone, or a method",
            choices=tuple(METHODS), others="a plug-in, such as method.py",
        ),
    ] = "segments"  # fmt: skip
    choose: Choice = field(default_factory=Choice)
    seeds: Annotated[list[int], Setting("a cell for each; rows of a table are means over them")] = field(
        default_factory=lambda: [0]
    )
    folds: Annotated[list[int], Setting("of a target that has several; a row for each")] = field(
        default_factory=lambda: [1]
    )
    threads: Annotated[int, Setting("per cell; part of a cell's id, because sums depend on it", above=0)] = 1
