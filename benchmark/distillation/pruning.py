"""A student that starts as its teacher with fewer channels: structured pruning, of which distillation then heals it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from modalities.errors import BadInput

Axis = tuple[str, int]  # a tensor of a network, by its name, and one of its dimensions

# What passes channels on one by one; of several inputs, those of each are then the same channels.
_FUNCTIONS: set[Callable[..., Any]] = {F.relu, torch.relu, operator.add, operator.iadd, torch.add, torch.flatten}
_METHODS = {"relu", "add", "flatten"}
_FILES = ("activation", "pooling", "flatten", "dropout")  # of torch.nn.modules


@dataclass(eq=False)
class _Channels:
    """Some channels of a network, which are kept or removed together wherever they are seen."""

    same_as: _Channels | None = None  # others, which turned out to be the same

    def root(self) -> _Channels:
        return self if self.same_as is None else self.same_as.root()


def prune_into(student: nn.Module, teacher: nn.Module) -> None:
    """Give a student the weights of those of its teacher's channels that matter most; each layer keeps its number.

    The student decides how many channels each layer has; the teacher's others are removed, with all that leads to them
    and from them. Channels that are added to each other, as in residual blocks, are removed together. No input is
    needed: a channel matters by the L1 norms of the filters that make it (Li et al., ICLR 2017), of its scale in
    normalisation (Liu et al., ICCV 2017) and of the weights that read it, each relative to the mean of its layer,
    added over all layers that see the channel (Fang et al., CVPR 2023, section 3.3).

    Args:
        student: of the teacher's layers, each as wide or narrower. Its weights are overwritten.
        teacher: left as it is.

    Raises BadInput, without the names of the networks, if they differ in more than widths, or if the teacher has layers
    of which it is not known how they pass channels on.
    """
    whole = {name: value.detach().cpu() for name, value in teacher.state_dict().items()}
    kept: dict[Axis, Tensor] = {}
    for axes, count in _widths(student, teacher):
        order = _importance(whole, axes).argsort(descending=True, stable=True)
        kept |= dict.fromkeys(axes, order[:count].sort().values)
    for (name, axis), channels in kept.items():
        whole[name] = whole[name].index_select(axis, channels)
    student.load_state_dict(whole)


def check_prunable(student: nn.Module, teacher: nn.Module) -> None:
    """Raise what ``prune_into`` would raise, whatever the weights."""
    _widths(student, teacher)


def _widths(student: nn.Module, teacher: nn.Module) -> list[tuple[list[Axis], int]]:
    """Return all axes along which some channels lie, and how many of them the student has; for those it has less of."""
    whole = {name: tuple(value.shape) for name, value in teacher.state_dict().items()}
    narrow = {name: tuple(value.shape) for name, value in student.state_dict().items()}
    if list(whole) != list(narrow) or any(len(whole[name]) != len(narrow[name]) for name in whole):
        raise BadInput("their layers are not the same; name a narrower network of the teacher's kind.")
    found = []
    for axes, fixed in _grouped(teacher):
        sizes = {(whole[name][axis], narrow[name][axis]) for name, axis in axes}
        if len(sizes) > 1:
            raise BadInput(
                f"channels of {axes[0][0]} cannot be told apart in {axes[-1][0]}; name another kind of network."
            )
        ((before, after),) = sizes
        if after > before or (fixed and after != before):
            raise BadInput(
                f"{axes[0][0]} has {after} channels in the student and {before} in the teacher; a pruned student has "
                "the same inputs and classes, and is nowhere wider."
            )
        if after < before:
            found.append((axes, after))
    covered = {axis for axes, _ in found for axis in axes}
    for name, shape in whole.items():
        for axis, (before, after) in enumerate(zip(shape, narrow[name], strict=True)):
            if before != after and (name, axis) not in covered:
                raise BadInput(f"{name} differs in more than its number of channels; name a narrower network.")
    return found


def _importance(weights: Mapping[str, Tensor], axes: list[Axis]) -> Tensor:
    """Return how much each of some channels matters: (channels,) float64."""
    total = torch.zeros(weights[axes[0][0]].shape[axes[0][1]], dtype=torch.float64)
    for name, axis in axes:
        if name.endswith("weight"):
            norms = weights[name].double().abs().transpose(0, axis).reshape(len(total), -1).sum(1)
            total += norms / norms.mean().clamp_min(torch.finfo(torch.float64).tiny)
    return total


def _grouped(network: nn.Module) -> list[tuple[list[Axis], bool]]:
    """Return the axes of a network's tensors along which the same channels lie, and whether these are inputs or logits.

    Raises BadInput for what is not known to pass channels on.
    """
    try:
        graph = fx.symbolic_trace(network).graph
    except Exception as error:  # whatever a network's own code does when it meets symbols instead of tensors
        reason = str(error).partition("\n")[0].rstrip(".")
        raise BadInput(f"a {type(network).__name__} cannot be traced ({reason}); name another kind.") from error
    modules = dict(network.named_modules())
    of: dict[fx.Node, _Channels] = {}
    axes: list[tuple[Axis, _Channels]] = []
    fixed: list[_Channels] = []
    for node in graph.nodes:
        if node.op == "output":
            fixed += [of[source] for source in node.all_input_nodes]
        elif node.op == "placeholder":
            of[node] = _Channels()
            fixed.append(of[node])
        else:
            seen = _same([of[source] for source in node.all_input_nodes])
            of[node] = _passed_on(node, modules, seen, axes)
    along: dict[Axis, _Channels] = {}
    for axis, channels in axes:  # a layer that is used twice sees the same channels both times
        along[axis] = _same([along.get(axis, channels), channels])
    groups: dict[_Channels, list[Axis]] = {}
    for axis, channels in along.items():
        groups.setdefault(channels.root(), []).append(axis)
    ends = {channels.root() for channels in fixed}
    return [(together, channels in ends) for channels, together in groups.items()]


def _same(several: list[_Channels]) -> _Channels:
    first, *others = [channels.root() for channels in several] or [_Channels()]
    for other in others:
        if other.root() is not first:
            other.root().same_as = first
    return first


def _passed_on(
    node: fx.Node, modules: Mapping[str, nn.Module], seen: _Channels, axes: list[tuple[Axis, _Channels]]
) -> _Channels:
    """Return the channels that a node gives on, and add the axes along which its tensors have channels to ``axes``."""
    if node.op == "call_function" and node.target in _FUNCTIONS:
        return seen
    if node.op == "call_method" and node.target in _METHODS:
        return seen
    module = modules.get(str(node.target)) if node.op == "call_module" else None
    tensors = {} if module is None else {name: f"{node.target}.{name}" for name in module.state_dict()}
    if isinstance(module, _BatchNorm | nn.GroupNorm):
        axes += [((name, 0), seen) for own, name in tensors.items() if own != "num_batches_tracked"]
        return seen
    if isinstance(module, nn.Linear) or (isinstance(module, _ConvNd) and module.groups == 1 and not module.transposed):
        made = _Channels()
        axes += [((tensors["weight"], 1), seen), *(((name, 0), made) for name in tensors.values())]
        return made
    if module is not None and not tensors and type(module).__module__.rpartition(".")[2] in _FILES:
        return seen
    if isinstance(module, nn.Identity):
        return seen
    raise BadInput(
        f"it is not known how {_name(node.target) if module is None else type(module).__name__} passes channels on; "
        "name another kind of network."
    )


def _name(target: Any) -> str:
    return target if isinstance(target, str) else getattr(target, "__name__", str(target))
