"""Networks with seeded random weights, and their weights on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from modalities.base import Modality
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write

Role = Literal["teacher", "student"]


def make_network(
    modality: Modality, name: str, view: Any, classes: int, role: Role, seed: int, device: torch.device
) -> nn.Module:
    """Make a network whose random weights depend only on its role, its name and the seed.

    A student of its teacher's architecture therefore starts from other weights than its teacher did, whatever the
    seeds. Torch's own generator is not changed.
    """
    digest = hashlib.blake2b(f"{role}/{seed}/{name}".encode(), digest_size=7).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(digest, "little"))
        return modality.network(name, view, classes).to(device)


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's weights as safetensors, completely or not at all. Raise BadInput if they cannot be written."""
    state = {name: value.detach().cpu().contiguous().clone() for name, value in network.state_dict().items()}
    atomic_write(path, save(state))


def load_weights(network: nn.Module, path: Path) -> None:
    """Load weights from a safetensors file, never from a pickle. Raise BadInput if it is missing or does not fit."""
    try:
        network.load_state_dict(load(path.read_bytes()))  # a path need not be valid UTF-8
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path} is not a safetensors file ({error}); export the weights with safetensors.") from error
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise BadInput(f"{path} does not fit the network: {lines[min(1, len(lines) - 1)].strip()}") from error


def weights_hash(network: nn.Module) -> str:
    """Return the SHA-256 of the names, types, shapes and bytes of a network's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
