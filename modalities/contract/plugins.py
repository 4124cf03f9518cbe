"""The contracts of losses, policies, sources, networks and methods, item by item: ``benchmark check`` prints them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modalities.base import Draws, ModalityName, SegmentStream
from modalities.contract.checks import Check
from modalities.contract.subject import Broken, Skipped, must
from modalities.errors import BadInput
from modalities.plugins.contracts import COSTS, Setup
from modalities.plugins.find import Plugin
from modalities.registry import modality

CPU = torch.device("cpu")
CLASSES, BATCH, STEPS = 5, 16, 6
SHAPES: dict[ModalityName, tuple[int, ...]] = {"image": (3, 32, 32), "audio": (1, 64, 101), "video": (3, 4, 32, 32)}
Items = dict[str, Callable[[Any], str]]


def check_plugin(plugin: Plugin) -> Iterator[Check]:
    """Check a plug-in against every item of its kind's contract, in order; if it does not load, against no other."""
    try:
        loaded = plugin.load()
    except BadInput as error:
        yield Check("loads", "fail", str(error))
        return
    yield Check("loads", "pass", f"its content has the SHA-256 {plugin.sha256[:12]}…")
    for name, item in ITEMS[plugin.kind].items():
        try:
            yield Check(name, "pass", item(loaded))
        except Skipped as skipped:
            yield Check(name, "skip", str(skipped))
        except Exception as error:
            text = str(error) if isinstance(error, Broken | BadInput) else f"{type(error).__name__}: {error}"
            yield Check(name, "fail", text)


def _normal(name: str, *shape: int) -> Tensor:
    values = Draws(0, "contract/").normal(0, name, int(np.prod(shape)))
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def _some_loss(loss: Any, student: Tensor, teacher: Tensor, step: int = 0) -> Tensor:
    value: Tensor = loss(student, teacher, _normal("segments", len(student), *SHAPES["image"]), step)
    must(isinstance(value, Tensor) and value.shape == (), f"it returned {_said(value)}; a loss is a scalar tensor.")
    must(bool(torch.isfinite(value)), f"it is {value.item()} for ordinary logits.")
    return value


def _said(value: Any) -> str:
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def _logits() -> tuple[Tensor, Tensor]:
    return 3 * _normal("student", BATCH, CLASSES), 3 * _normal("teacher", BATCH, CLASSES)


def _scalar(loss: Any) -> str:
    return f"a scalar, such as {float(_some_loss(loss, *_logits())):.4g}."


def _gradient(loss: Any) -> str:
    student, teacher = _logits()
    (gradient,) = torch.autograd.grad(_some_loss(loss, student.requires_grad_(), teacher), student)
    must(bool(torch.isfinite(gradient).all()), "the gradient of the student's logits is not finite.")
    must(bool(gradient.abs().sum(1).min() > 0), "some segments do not reach the student: their gradient is 0.")
    return "every segment has a gradient for the student."


def _same_again(loss: Any) -> str:
    must(float(_some_loss(loss, *_logits())) == float(_some_loss(loss, *_logits())), "two calls give different losses.")
    return "two calls give the same loss."


def _agreement(loss: Any) -> str:
    student, teacher = _logits()
    must(
        float(_some_loss(loss, teacher.clone(), teacher)) < float(_some_loss(loss, student, teacher)),
        "a student whose logits are its teacher's has no lower loss than one with others.",
    )
    return "a student that agrees with its teacher has the lower loss."


def _mean(loss: Any) -> str:
    student, teacher = _logits()
    half = BATCH // 2
    parts = [float(_some_loss(loss, student[part], teacher[part])) for part in (slice(half), slice(half, None))]
    if not np.isclose(np.mean(parts), float(_some_loss(loss, student, teacher)), rtol=1e-4):
        raise Skipped("it is not the mean over segments, so that micro-batches, if memory runs out, change it.")
    return "it is the mean over segments, so that micro-batches change nothing."


def _changed(policy: Any, step: int, segments: Tensor | None = None) -> Tensor:
    given = _normal("segments", BATCH, *SHAPES["image"]) if segments is None else segments
    changed: Tensor = policy(given.clone(), Draws(0, "contract/"), step)
    must(isinstance(changed, Tensor), f"it returned {_said(changed)}; segments are a tensor.")
    must(changed.shape == given.shape, f"of segments {tuple(given.shape)} it made {tuple(changed.shape)}.")
    must(changed.dtype == torch.float32, f"it made {changed.dtype} of torch.float32.")
    must(bool(torch.isfinite(changed).all()), "some values are not finite.")
    return changed


def _shapes(policy: Any) -> str:
    fits = [name for name, shape in SHAPES.items() if _works(partial(_changed, policy, 0, _normal("x", 4, *shape)))]
    must(bool(fits), str(_failure(lambda: _changed(policy, 0))))
    return f"segments keep their shape and type: {', '.join(fits)}."


def _by_step(policy: Any) -> str:
    late = _changed(policy, 3)
    _changed(policy, 0)
    must(torch.equal(_changed(policy, 3), late), "a step has other segments if other steps were made before it.")
    return "segments depend on the step alone."


def _works(call: Callable[[], Any]) -> bool:
    return _failure(call) is None


def _failure(call: Callable[[], Any]) -> Exception | None:
    try:
        call()
    except Exception as error:
        return error
    return None


def source_modality(made: Any) -> ModalityName:
    """Return the modality of what a source's plug-in returns."""
    if not isinstance(made, tuple | list):
        return "image"
    return "video" if getattr(made[0], "ndim", 0) == 4 else "audio"


def _made(source: Any, seed: int) -> Any:
    return source(seed) if callable(source) else source


def _usable(source: Any) -> str:
    made = _made(source, 0)
    name = source_modality(made)
    kind: Any = modality(name)
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        path = kind.write_source(made, Path(folder) / "made")
        kind.load_source(str(path), kind.view_type(), CPU)
        size = path.stat().st_size
    return f"a source of the modality {name}, {size / 1e6:.1f} MB, from which segments can be cut."


def _parts(made: Any) -> list[Any]:
    return [np.asarray(part) for part in (made if isinstance(made, tuple | list) else [made])]


def _same(first: Any, second: Any) -> bool:
    return all(map(np.array_equal, _parts(first), _parts(second)))


def _from_seed(source: Any) -> str:
    must(_same(_made(source, 0), _made(source, 0)), "the same seed gives another source at the second call.")
    if _same(_made(source, 0), _made(source, 1)):
        raise Skipped("another seed gives the same source.")
    return "a seed gives the same source each time, and another seed another one."


def _built(network: Any, shape: tuple[int, ...]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = network(shape, CLASSES)
    must(isinstance(made, nn.Module), f"it returned {_said(made)}; a network is a torch.nn.Module.")
    return made  # type: ignore[no-any-return]


def _outputs(network: Any, shape: tuple[int, ...]) -> Tensor:
    logits = _built(network, shape).eval()(_normal("inputs", 2, *shape))
    must(
        tuple(logits.shape) == (2, CLASSES), f"two inputs {shape} give {tuple(logits.shape)} instead of (2, {CLASSES})."
    )
    must(bool(torch.isfinite(logits).all()), "logits of an untrained network are not finite.")
    return logits  # type: ignore[no-any-return]


def _fits(network: Any) -> list[ModalityName]:
    return [name for name, shape in SHAPES.items() if _works(partial(_outputs, network, shape))]


def _logits_of_network(network: Any) -> str:
    fits = _fits(network)
    must(bool(fits), str(_failure(lambda: _outputs(network, SHAPES["image"]))))
    return f"inputs give (batch, classes) logits: {', '.join(fits)}."


def _weights(network: Any) -> str:
    shape = SHAPES[(_fits(network) or ["image"])[0]]
    first, second = (_built(network, shape).state_dict() for _ in range(2))
    same = first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    must(same, "two networks from one seed of torch's generator have different weights.")
    return f"weights come from torch's generator; {sum(map(Tensor.numel, first.values())):,} values."


def _trains(network: Any) -> str:
    made = _built(network, SHAPES[(_fits(network) or ["image"])[0]]).train()
    torch.autograd.backward(made(_normal("inputs", 4, *SHAPES[(_fits(network) or ["image"])[0]])).square().mean())
    idle = [name for name, weight in made.named_parameters() if weight.grad is None]
    must(not idle, f"these weights get no gradient: {', '.join(idle[:4])}.")
    return "all weights get a gradient."


class _Noise(SegmentStream):
    shape, batch_size = SHAPES["image"], BATCH

    def batch(self, step: int) -> Tensor:
        return _normal(f"step {step}", BATCH, *self.shape)


def _setup() -> Setup:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        teacher, student = (modality("image").network("cnn-4", _View(), CLASSES) for _ in range(2))
    return Setup(_Noise(), teacher.eval().requires_grad_(False), student.train(), CLASSES, STEPS, 0, CPU)


class _View:
    shape = SHAPES["image"]


def _batches(method: Any) -> str:
    setup = _setup()
    before = deepcopy((setup.teacher.state_dict(), setup.student.state_dict()))
    stream = method(setup)
    for step in range(STEPS):
        inputs = stream.batch(step)
        wanted = (BATCH, *SHAPES["image"])
        must(isinstance(inputs, Tensor), f"it made {_said(inputs)} at step {step}; inputs are a tensor.")
        must(tuple(inputs.shape) == wanted, f"it made {tuple(inputs.shape)} at step {step} instead of {wanted}.")
        must(inputs.dtype == torch.float32 and bool(torch.isfinite(inputs).all()), "inputs have to be finite float32.")
    for role, old, new in zip(("teacher", "student"), before, (setup.teacher, setup.student), strict=True):
        moved = [name for name, value in new.named_parameters() if not torch.equal(value, old[name])]
        must(not moved, f"it changed weights of the {role}: {', '.join(moved[:3])}.")
    known = set(COSTS)
    costs: Mapping[str, float] = stream.costs() if hasattr(stream, "costs") else {}
    must(costs.keys() <= known, f"costs() names {', '.join(sorted(costs.keys() - known))}; known are {sorted(known)}.")
    return f"{STEPS} batches of segments' shape; costs: {dict(costs) or 'none'}."


def _resumes(method: Any) -> str:
    straight = method(_setup())
    expected = [straight.batch(step) for step in range(STEPS)]
    first, second = method(_setup()), method(_setup())
    for step in range(STEPS // 2):
        first.batch(step)
    if hasattr(first, "state_dict"):
        second.load_state_dict(deepcopy(first.state_dict()))
    same = all(torch.equal(second.batch(step), expected[step]) for step in range(STEPS // 2, STEPS))
    must(same, "after half of the steps, a new one that goes on from state_dict() makes other inputs.")
    return "a run that is stopped half way continues with the same inputs."


def _calls(callback: Any) -> str:
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        logger = callback({"id": "digits-noise-s0-0123456789ab", "target": "digits", "settings": {}}, Path(folder))
        logger.phase("distill")
        logger.step(20, 40, 1.5)
        logger.phase("evaluate")
        logger.step(1, 2, float("nan"))
        logger.end({"top1": 0.5, "top5": None}, "done")
    return "it takes phases, steps with and without a loss, and the end of a cell."


ITEMS: dict[str, Items] = {
    "loss": {
        "scalar": _scalar, "gradient": _gradient, "same again": _same_again, "agreement": _agreement, "mean": _mean,
    },
    "policy": {"shape and type": _shapes, "by step": _by_step},
    "source": {"usable": _usable, "from a seed": _from_seed},
    "network": {"logits": _logits_of_network, "weights": _weights, "training": _trains},
    "method": {"batches": _batches, "resuming": _resumes},
    "callback": {"calls": _calls},
}  # fmt: skip
