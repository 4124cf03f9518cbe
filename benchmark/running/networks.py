"""Networks with seeded random weights, and their weights on disk."""

from __future__ import annotations

import hashlib
import inspect
import re
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from modalities.base import Modality
from modalities.errors import BadInput
from modalities.plugins.find import title
from modalities.storage.atomic import atomic_write

Role = Literal["teacher", "student"]


def make_network(
    modality: Modality, name: str, view: Any, classes: int, role: Role, seed: int, device: torch.device
) -> nn.Module:
    """Make a network whose random weights depend only on its role, its name and the seed.

    A student of its teacher's architecture therefore starts from other weights than its teacher did, whatever the
    seeds. Torch's own generator is not changed.
    """
    digest = hashlib.blake2b(f"{role}/{seed}/{title(name)}".encode(), digest_size=7).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(digest, "little"))
        return modality.network(name, view, classes).to(device)


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's weights as safetensors, completely or not at all. Raise BadInput if they cannot be written."""
    atomic_write(path, safetensors_of(network))


def safetensors_of(network: nn.Module) -> bytes:
    """Return a network's weights, in the precision that it holds them in, as the content of a safetensors file."""
    return save({name: value.detach().cpu().contiguous().clone() for name, value in network.state_dict().items()})


def load_weights(network: nn.Module, path: Path, sha256: str = "") -> None:
    """Load weights from a safetensors file, never from a pickle.

    Raise BadInput if it is missing, does not fit, or is another file than the one with this hash, if one is given.
    """
    try:
        content = path.read_bytes()  # safetensors itself takes only paths that are valid UTF-8
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            raise changed_since(path)
        network.load_state_dict(load(content))
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path} is not a safetensors file ({error}); export the weights with safetensors.") from error
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise BadInput(f"{path} does not fit the network: {lines[min(1, len(lines) - 1)].strip()}") from error


def changed_since(path: str | Path) -> BadInput:
    """Return the error that says that a file is not the one by which a cell was planned and named."""
    return BadInput(f"{path} has changed since this run was planned; run the same command again.")


def module_hash(network: nn.Module) -> str:
    """Return a hash of a caller's own network: its weights, its layers, and the code of classes that are not torch's.

    Two networks of one class name and equal weights may compute different things.
    """
    digest = hashlib.sha256(weights_hash(network).encode())
    layers = re.sub(r"\b0x[0-9a-f]+", "", repr(network))  # addresses differ from process to process
    digest.update(layers.encode("utf-8", "backslashreplace"))
    kinds = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in map(type, network.modules())}
    for name in sorted(kinds):
        if not name.startswith("torch."):
            digest.update(_code(kinds[name]).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def _code(kind: type[nn.Module]) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):  # typed in a session that keeps no source
        code = getattr(kind.forward, "__code__", None)
        return "" if code is None else f"{code.co_code!r} {code.co_names}"


def weights_hash(network: nn.Module) -> str:
    """Return the SHA-256 of the names, types, shapes and bytes of a network's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
