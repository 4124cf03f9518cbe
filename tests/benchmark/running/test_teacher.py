"""Teachers: made once, saved intact, never trained on what scores them, and refused if they are poor."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from benchmark.config.compose import compose_target
from benchmark.config.schema import Teacher, Training
from benchmark.data.splits import Subset
from benchmark.evaluation.predict import evaluation_batches
from benchmark.running.networks import make_network, weights_hash
from benchmark.running.teacher import (
    Refused,
    TeacherNotes,
    TeacherTask,
    get_teacher,
    limit_to_epochs,
    make_teacher,
    refuse_if_poor,
)
from benchmark.training.callbacks import IgnoreProgress, Interrupted
from doubles import CPU, OnPhase, Split, StopAfter
from modalities import registry
from modalities.base import Draws
from modalities.errors import BadInput

CLASSES, SIDE = 4, 6


def pictures(items: int, prefix: str) -> Split:
    """Items of four classes: a bright quarter of a dark square."""
    raw = np.random.default_rng(items).integers(0, 90, (items, 1, 1, SIDE, SIDE)).astype(np.uint8)
    split = Split(items, raw=raw)
    split.labels = np.arange(items) % CLASSES
    split.item_ids = split.groups = [f"{prefix}{i}" for i in range(items)]
    for i, label in enumerate(split.labels):
        top, left = 3 * (label // 2), 3 * (label % 2)
        raw[i, 0, 0, top : top + 3, left : left + 3] += 120
    return split


@dataclass
class View:
    shape: tuple[int, ...] = (1, SIDE, SIDE)


@dataclass
class FakeModality:
    """A modality with one kind of network, which records what it trains on."""

    trained_on: list[torch.Tensor] = field(default_factory=list)

    def network(self, name: str, view: View, classes: int) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(), nn.Linear(SIDE * SIDE, int(name.split("-")[1])), nn.ReLU(), nn.Linear(8, classes)
        )

    def prepare(self, raw: torch.Tensor) -> torch.Tensor:
        return raw.float() / 255

    def augment(self, raw: torch.Tensor, draws: Draws, step: int) -> torch.Tensor:
        self.trained_on.append(raw)
        return self.prepare(raw)


@pytest.fixture
def modality() -> FakeModality:
    return FakeModality()


@pytest.fixture
def task(modality: FakeModality) -> TeacherTask:
    train, test = pictures(200, "train"), pictures(60, "test")
    return TeacherTask(
        settings=settings(), callback=IgnoreProgress(),
        new_network=lambda: make_network(modality, "net-8", View(), CLASSES, "teacher", 0, CPU),
        prepare=modality.prepare, augment=modality.augment, classes=CLASSES, metric="top-1",
        train=lambda: train, train_per_class=0, test=evaluation_batches(test), device=CPU,
    )  # fmt: skip


def settings(**changes) -> Teacher:
    training = Training(steps=120, batch=20, lr=0.02, warmup=0.3)
    return Teacher(**{"network": "net-8", "training": training, **changes})


def saved(folder: Path, task: TeacherTask, **changes):
    return get_teacher(folder, replace(task, settings=settings(**changes)))


# --- made once -------------------------------------------------------------------------------------------------


def test_a_teacher_learns_its_task_and_is_scored_on_items_it_never_saw(tmp_path, task, modality):
    ready = saved(tmp_path, task)
    assert ready.notes.held_out_top1 > 0.9
    assert ready.notes.chance == 0.25
    assert ready.logp.shape == (60, CLASSES)
    np.testing.assert_allclose(np.exp(ready.logp.astype(np.float64)).sum(1), 1, atol=5e-3)


def test_a_second_cell_trains_nothing_and_gets_the_same_teacher(tmp_path, task, modality):
    first = saved(tmp_path, task)
    steps = len(modality.trained_on)
    second = saved(tmp_path, task)
    assert len(modality.trained_on) == steps == 120
    assert weights_hash(first.network) == weights_hash(second.network)
    assert (first.logp == second.logp).all()
    assert first.notes == second.notes


def test_a_finished_teacher_needs_no_lock_and_so_no_folder_that_can_be_written(tmp_path, task, modality, monkeypatch):
    first = saved(tmp_path / "a", task)
    monkeypatch.setattr("benchmark.running.teacher.exclusive_lock", lambda *given: pytest.fail("the folder was locked"))
    again = saved(tmp_path / "a", task)
    assert weights_hash(again.network) == weights_hash(first.network)


def assert_it_is_made_again(folder: Path, task: TeacherTask, modality: FakeModality, first) -> None:
    second = saved(folder, task)
    assert len(modality.trained_on) == 240
    assert weights_hash(first.network) == weights_hash(second.network)
    assert (first.logp == second.logp).all()
    saved(folder, task)
    assert len(modality.trained_on) == 240, "and saved from then on"


@pytest.mark.parametrize("name", ["teacher.json", "teacher.safetensors", "predictions.npz"])
@pytest.mark.parametrize("damage", [lambda text: b"", lambda text: text[: len(text) // 2], lambda text: None])
def test_a_teacher_that_was_damaged_is_made_again_the_same(tmp_path, task, modality, name, damage):
    first = saved(tmp_path, task)
    left = damage((tmp_path / name).read_bytes())
    (tmp_path / name).unlink() if left is None else (tmp_path / name).write_bytes(left)
    assert_it_is_made_again(tmp_path, task, modality, first)


def flip_a_weight(folder: Path) -> None:
    """One bit, in the tensors and not in their names: safetensors reads it without an error."""
    path = folder / "teacher.safetensors"
    content = bytearray(path.read_bytes())
    content[-30] ^= 0x40
    path.write_bytes(content)
    load_file(path)


def write_predictions(folder: Path, logp: np.ndarray, *, hashed: bool = True) -> None:
    np.savez_compressed(folder / "predictions.npz", logp=logp)
    if hashed:
        digest = hashlib.sha256((folder / "predictions.npz").read_bytes()).hexdigest()
        note(predictions=digest)(folder)


def note(**changes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "teacher.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def forget_hashes(folder: Path) -> None:
    """As an earlier version wrote it."""
    path = folder / "teacher.json"
    notes = json.loads(path.read_text())
    path.write_text(
        json.dumps({name: value for name, value in notes.items() if name not in ("weights", "predictions")})
    )


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_weight,
        forget_hashes,
        lambda folder: write_predictions(folder, np.zeros((60, CLASSES), np.float16), hashed=False),
        lambda folder: write_predictions(folder, np.zeros((59, CLASSES), np.float16)),
        lambda folder: write_predictions(folder, np.zeros((60, CLASSES + 1), np.float16)),
        lambda folder: write_predictions(folder, np.zeros((60, CLASSES), np.int64)),
        note(held_out_top1="0.9"),
        note(held_out_top1=None),
        note(held_out_top1=float("nan")),
        note(chance=0.0),
        note(slices=1.5),
        note(weights=7),
        note(unknown=1),
        lambda folder: (folder / "teacher.json").write_text("[]"),
    ],
)
def test_a_teacher_whose_files_are_readable_but_changed_is_made_again_the_same(tmp_path, task, modality, damage):
    first = saved(tmp_path, task)
    damage(tmp_path)
    assert_it_is_made_again(tmp_path, task, modality, first)


def test_a_trained_teacher_outlives_a_failure_of_its_predictions(tmp_path, task, modality):
    def fail() -> None:
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        get_teacher(tmp_path / "a", replace(task, callback=OnPhase("teacher: test items", fail)))
    found = saved(tmp_path / "a", task)
    assert len(modality.trained_on) == 120, "no step was taken again"
    assert weights_hash(found.network) == weights_hash(saved(tmp_path / "b", task).network)


def test_an_interrupted_teacher_ends_like_one_that_was_not(tmp_path, task, modality):
    with pytest.raises(Interrupted):
        get_teacher(tmp_path / "a", replace(task, callback=StopAfter(60, "teacher: train")))
    assert not (tmp_path / "a" / "teacher.json").exists()
    assert len(modality.trained_on) == 60
    continued = saved(tmp_path / "a", task)
    assert len(modality.trained_on) == 120
    assert weights_hash(continued.network) == weights_hash(saved(tmp_path / "b", task).network)
    assert not list((tmp_path / "a").glob("*.ckpt")), "checkpoints are removed once the teacher is saved"


def test_a_teacher_does_not_depend_on_torchs_own_generator_and_leaves_it_alone(tmp_path, task):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = saved(tmp_path / "a", task)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert weights_hash(first.network) == weights_hash(saved(tmp_path / "b", task).network)


# --- what it is trained on -------------------------------------------------------------------------------------


def keys(raw: torch.Tensor) -> set[bytes]:
    return {row.numpy().tobytes() for row in raw}


def test_neither_the_held_out_part_nor_the_test_split_is_trained_on(tmp_path, task, modality):
    saved(tmp_path, task)
    train = task.train()
    trained = set().union(*map(keys, modality.trained_on))
    everything = keys(torch.from_numpy(train.raw[:, 0]))
    test = keys(torch.from_numpy(task.test.data.raw[:, 0]))
    assert trained < everything
    assert len(everything - trained) == 20, "a tenth is held out"
    assert not trained & test


def test_wrong_held_out_labels_change_the_score_and_not_the_teacher(tmp_path, task, modality, monkeypatch):
    honest = saved(tmp_path / "a", task, times_chance=0.0)
    seen = _trained_on(modality)
    train = task.train()
    held = [i for i, row in enumerate(train.raw) if keys(torch.from_numpy(row)).isdisjoint(seen)]
    kept = np.setdiff1d(np.arange(len(train)), held)
    # The split itself looks at labels, so it is held as it is while they change.
    monkeypatch.setattr(
        "benchmark.running.teacher.holdout_split",
        lambda data, share: (Subset(data, kept), Subset(data, np.array(held))),
    )
    train.labels[held] = (train.labels[held] + 1) % CLASSES
    lied_to = saved(tmp_path / "b", task, times_chance=0.0)
    assert weights_hash(honest.network) == weights_hash(lied_to.network)
    assert lied_to.notes.held_out_top1 <= 1 - honest.notes.held_out_top1 + 1e-9


def _trained_on(modality: FakeModality) -> set[bytes]:
    return set().union(*map(keys, modality.trained_on))


def test_a_limit_per_class_leaves_fewer_items_to_train_on(tmp_path, modality, task):
    saved(tmp_path, replace(task, train_per_class=10), times_chance=0.0)
    assert len(_trained_on(modality)) == 36, "four classes of ten, a tenth of them held out"


# --- refused ---------------------------------------------------------------------------------------------------


def test_a_teacher_that_guesses_is_refused_with_both_numbers_and_two_remedies(tmp_path, task, modality):
    task.train().labels[:] = np.random.default_rng(0).integers(0, CLASSES, 200)
    with pytest.raises(Refused) as caught:
        saved(tmp_path, task)
    for part in ("held-out", "50.0%", "chance is 25.0%", "teacher.training.steps", "teacher.times_chance"):
        assert part in str(caught.value)
    steps = len(modality.trained_on)
    with pytest.raises(Refused):
        saved(tmp_path, task)
    assert len(modality.trained_on) == steps, "a known failure is not tried again"


def notes_of(top1: float, balanced: float, chance: float, majority: float) -> TeacherNotes:
    return TeacherNotes(
        held_out_top1=top1, held_out_mean_per_class=balanced, chance=chance, majority=majority, seconds=0.0
    )


@pytest.mark.parametrize(
    ("top1", "chance", "times", "good"),
    [
        (0.21, 0.1, 2.0, True),
        (0.19, 0.1, 2.0, False),
        (0.74, 0.5, 2.0, False),  # twice chance would be certainty: half way there is required instead
        (0.76, 0.5, 2.0, True),
        (0.0, 0.5, 0.0, True),
    ],
)
def test_what_is_clearly_better_than_chance(task, top1, chance, times, good):
    given = replace(task, settings=settings(times_chance=times))
    if good:
        refuse_if_poor(notes_of(top1, top1, chance, chance), given)
    else:
        with pytest.raises(Refused, match=r"chance is .*teacher\.times_chance; 0 accepts any"):
            refuse_if_poor(notes_of(top1, top1, chance, chance), given)


@pytest.mark.parametrize(
    ("metric", "top1", "balanced", "problem"),
    [
        ("top-1", 0.72, 0.20, "balanced accuracy"),  # it names the most frequent of five classes, always
        ("top-1", 0.74, 0.25, "balanced accuracy"),
        ("top-1", 0.70, 0.55, "no more than the share of the most frequent class .72.0%"),
        ("top-1", 0.30, 0.45, "30.0% top-1|most frequent class"),
        ("top-1", 0.80, 0.60, ""),
        ("mean per-class", 0.70, 0.55, ""),  # the metric of the target is blind to how frequent a class is
        ("mean per-class", 0.80, 0.30, "30.0% balanced accuracy"),
    ],
)
def test_a_teacher_that_leans_on_a_frequent_class_is_refused(task, metric, top1, balanced, problem):
    notes = notes_of(top1, balanced, 0.2, 0.72)
    given = replace(task, metric=metric, settings=settings())
    if not problem:
        refuse_if_poor(notes, given)
        return
    with pytest.raises(Refused, match=problem):
        refuse_if_poor(notes, given)
    refuse_if_poor(notes, replace(given, settings=settings(times_chance=0.0)))


def test_the_notes_say_how_balanced_the_held_out_part_is(tmp_path, task, modality):
    train = task.train()
    train.labels[:] = np.minimum(np.arange(200) % 10, 3)  # seven in ten are of class 3
    ready = saved(tmp_path, task, times_chance=0.0)
    assert ready.notes.majority == pytest.approx(0.7)
    assert ready.notes.chance == 0.25
    assert ready.notes.held_out_mean_per_class < ready.notes.held_out_top1


# --- a user's own weights --------------------------------------------------------------------------------------


def test_a_users_weights_are_used_as_they_are(tmp_path, task, modality):
    trained = saved(tmp_path / "a", task)
    path = tmp_path / "a" / "teacher.safetensors"
    loaded = saved(tmp_path / "b", task, weights=str(path))
    assert len(modality.trained_on) == 120, "trained once, loaded once"
    assert weights_hash(loaded.network) == weights_hash(trained.network)
    assert (loaded.logp == trained.logp).all()


def other_network(path: Path) -> None:
    save_file({"0.weight": torch.zeros(3, 3)}, path)


def no_weights(path: Path) -> None:
    path.write_bytes(b"these are no weights at all")


def cut_short(path: Path) -> None:
    save_file({"0.weight": torch.zeros(300, 300)}, path)
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("make", [other_network, no_weights, cut_short, lambda path: None])
def test_weights_that_cannot_be_used_are_one_sentence_that_names_the_file(tmp_path, task, make: Callable):
    path = tmp_path / "mine.safetensors"
    make(path)
    with pytest.raises(BadInput) as caught:
        saved(tmp_path / "t", task, weights=str(path))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("sprung"),))


@pytest.mark.parametrize(
    "writer", [lambda value, path: torch.save(value, path), lambda v, p: p.write_bytes(pickle.dumps(v))]
)
def test_a_pickle_is_never_opened(tmp_path, task, monkeypatch, writer):
    monkeypatch.chdir(tmp_path)
    writer({"0.weight": Trap()}, tmp_path / "weights.pt")
    with pytest.raises(BadInput, match="is not a safetensors file"):
        saved(tmp_path / "t", task, weights="weights.pt")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("labels", "ready"),
    [(("a", "b", "c", "d"), True), (("b", "a", "c", "d"), False), (("e", "f", "g", "h"), False), (None, False)],
)
def test_a_network_is_trained_unless_its_outputs_are_the_classes_in_order(task, modality, labels, ready):
    made, task = task.new_network(), replace(task, labels=("a", "b", "c", "d"))
    if labels:
        made.labels = labels
    before = weights_hash(made)
    make_teacher(made, task)
    assert (weights_hash(made) == before) == ready
    assert bool(modality.trained_on) != ready


def test_saved_weights_are_plain_safetensors(tmp_path, task):
    ready = saved(tmp_path, task)
    on_disk = load_file(tmp_path / "teacher.safetensors")
    assert all(torch.equal(on_disk[name], value) for name, value in ready.network.state_dict().items())


@pytest.mark.parametrize(
    ("epochs", "items", "steps"),
    [(0.0, 918, 50_000), (60.0, 918, 431), (60.0, 1_623_114, 50_000), (0.5, 100, 1)],
)
def test_epochs_end_a_training_early_on_few_items_and_never_lengthen_it(epochs, items, steps):
    training = Training(steps=50_000, batch=128, lr=0.01)
    assert limit_to_epochs(Teacher(network="a", training=training, epochs=epochs), items).steps == steps


def test_a_teacher_sees_its_items_as_often_as_epochs_say(task, modality):
    task = replace(task, settings=replace(task.settings, epochs=2.0))
    make_teacher(task.new_network(), task)
    held_out = round(200 * task.settings.holdout)
    assert sum(map(len, modality.trained_on)) == pytest.approx(2 * (200 - held_out), abs=task.settings.training.batch)


@pytest.mark.parametrize("target", ["flowers102", "pets37", "stl10", "imagenet100", "places365", "ucf101", "hmdb51"])
def test_a_pretrained_teacher_of_paper_is_fine_tuned_for_some_epochs_whatever_the_size(target):
    info = registry.target(target).info
    config = compose_target(target, [], profile="paper", suite="all").teacher
    items = round(0.9 * info.train_items)
    epochs = limit_to_epochs(config, items).steps * config.training.batch / items
    assert 3 <= epochs <= 61
