"""No code of a pickle is run, wherever one is given as input; and none exhausts its reader."""

from __future__ import annotations

import hashlib
import os
import pickle
import resource
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.running.networks import load_weights
from benchmark.training.checkpoints import HEADER, Checkpoint, Checkpoints
from modalities.errors import BadInput
from modalities.image import pickles
from modalities.image.pickles import load_plain


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mknod, (str(self.proof),)


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


def test_the_payload_of_these_tests_works(proof: Path) -> None:
    pickle.loads(pickle.dumps(Payload(proof)))
    assert proof.exists()


@pytest.mark.parametrize("suffix", ["pt", "pth", "pkl", "safetensors"])
@pytest.mark.parametrize("writer", ["pickle", "torch", "torch-legacy"])
def test_weights_that_are_a_pickle_are_refused_and_not_run(tmp_path: Path, proof: Path, suffix: str, writer: str):
    path, content = tmp_path / f"teacher.{suffix}", {"weight": Payload(proof)}
    if writer == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=writer == "torch")
    with pytest.raises(BadInput, match="is not a safetensors file"):
        load_weights(torch.nn.Linear(2, 2), path)
    assert not proof.exists()


@pytest.mark.parametrize("writer", ["pickle", "torch", "torch-legacy"])
def test_a_checkpoint_with_a_right_hash_that_is_a_pickle_is_skipped_and_not_run(
    tmp_path: Path, proof: Path, writer: str
) -> None:
    content = {"step": 1, "network": Payload(proof), "optimiser": {}, "curve": []}
    file = tmp_path / "content"
    if writer == "pickle":
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=writer == "torch")
    payload = file.read_bytes()
    digest = hashlib.sha256(payload).hexdigest().encode()
    (tmp_path / "student-000000001.ckpt").write_bytes(HEADER + digest + b"\n" + payload)
    assert Checkpoints(tmp_path, "student").newest() is None
    assert not proof.exists()


def test_a_file_that_is_not_a_checkpoint_is_skipped_for_the_one_before(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 2)
    checkpoints = Checkpoints(tmp_path, "student")
    checkpoints.save(Checkpoint(7, network.state_dict(), torch.optim.SGD(network.parameters()).state_dict(), [], []))
    torch.save([1, 2, 3], tmp_path / "content")
    payload = (tmp_path / "content").read_bytes()
    digest = hashlib.sha256(payload).hexdigest().encode()
    (tmp_path / "student-000000009.ckpt").write_bytes(HEADER + digest + b"\n" + payload)
    found = checkpoints.newest()
    assert found is not None and found.step == 7


def laughs(levels: int) -> bytes:
    """Lists of two references to the previous list: 2 ** levels entries if expanded."""
    out = b"\x80\x02]q\x00"
    for level in range(1, levels + 1):
        out += b"]q" + bytes([level]) + b"(h" + bytes([level - 1]) + b"h" + bytes([level - 1]) + b"e"
    return out + b"."


def doubling_key(levels: int) -> bytes:
    """A dict whose key is a tuple of tuples of …, which takes 2 ** levels steps to hash."""
    out = b"\x80\x02}K\x01"
    for level in range(levels):
        out += b"q" + bytes([level]) + b"h" + bytes([level]) + b"\x86"
    return out + b"K\x01s."


EXHAUSTING = {
    "long bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"x.",
    "long text": b"\x80\x02X" + struct.pack("<I", 2**32 - 1) + b"x.",
    "doubling key": doubling_key(60),
    "deep key": b"\x80\x02}K\x01" + b"\x85" * 1_000_000 + b"K\x01s.",
    "deep list": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "itself": b"\x80\x02]q\x00h\x00a.",
    "frozen sets": b"\x80\x04(K\x01\x91.",
}
BOASTING = {
    "memo": b"\x80\x02Nr" + struct.pack("<I", 2**32 - 1) + b".",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
}


@pytest.mark.parametrize("name", EXHAUSTING)
def test_a_pickle_made_to_exhaust_its_reader_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "batch"
    path.write_bytes(EXHAUSTING[name])
    with pytest.raises(BadInput, match="cannot be read as plain data"):
        load_plain(path)


@pytest.mark.parametrize("name", BOASTING)
def test_a_pickle_that_claims_to_hold_much_gets_no_memory_for_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "batch"
    path.write_bytes(BOASTING[name])
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, limits[1]))  # a place for each of 2³² would be 32 GiB
        assert load_plain(path) is None
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)


def test_shared_references_in_a_pickle_are_not_expanded(tmp_path: Path) -> None:
    path = tmp_path / "batch"
    path.write_bytes(laughs(100))
    found = load_plain(path)
    for _ in range(100):
        assert len(found) == 2
        assert found[0] is found[1]
        found = found[0]
    assert found == []


@pytest.mark.parametrize("name", sorted(pickles._ADMITTED))
def test_a_pickle_changes_nothing_of_what_it_may_name(tmp_path: Path, name: tuple[str, str]) -> None:
    admitted = pickles._ADMITTED[name]
    before = dict(vars(admitted))
    asks = f"c{name[0]}\n{name[1]}\n".encode()
    path = tmp_path / "batch"
    for state in (b"}X\x01\x00\x00\x00aK\x01s", b"N}X\x01\x00\x00\x00aK\x01s\x86"):
        path.write_bytes(b"\x80\x02" + asks + state + b"b.")
        with pytest.raises(BadInput):
            load_plain(path)
    assert dict(vars(admitted)) == before
