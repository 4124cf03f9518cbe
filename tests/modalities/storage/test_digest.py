"""A file is known by its content, and one that cannot be read costs a sentence."""

import errno
import hashlib
import os
import time
from pathlib import Path

import pytest

from modalities.errors import BadInput
from modalities.registry import modality
from modalities.storage.digest import file_sha256


def test_the_hash_is_that_of_the_content_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (b"one", b"three"):
        path.write_bytes(content)
        assert file_sha256(path) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("age", [0, 3600])
def test_content_that_was_changed_in_place_is_seen_although_size_and_time_stay(tmp_path: Path, age: int) -> None:
    path = tmp_path / "labels.csv"
    for content in (b"a,0", b"a,1", b"b,1"):
        path.write_bytes(content)
        os.utime(path, ns=(1, path.stat().st_ctime_ns - age * 10**9))
        assert file_sha256(path) == hashlib.sha256(content).hexdigest()


def test_a_file_that_stays_as_it_is_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    monkeypatch.setattr(time, "time_ns", lambda: path.stat().st_ctime_ns + 10**10)
    first = file_sha256(path)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("read again"))
    assert file_sha256(path) == first


def test_the_remedy_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a cannot be read \(No such file or directory\); give another\.$"):
        file_sha256(tmp_path / "a", "give another")


@pytest.mark.parametrize(("name", "file"), [("image", "a.png"), ("audio", "a.wav"), ("video", "a.mp4")])
def test_a_source_that_may_not_be_read_is_one_sentence(
    name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / file).write_bytes(b"content")

    def refuse(*_: object) -> None:  # permissions do not stop root, under whom tests may run
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    with pytest.raises(BadInput, match=rf"{file} cannot be read \(Permission denied\); check"):
        modality(name).source_ref(str(tmp_path / file))


@pytest.mark.parametrize(("name", "file"), [("image", "a.png"), ("audio", "a.wav"), ("video", "a.mp4")])
def test_a_tilde_is_the_home_folder(name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / file).write_bytes(b"content")
    assert modality(name).source_ref(f"~/{file}").sha256 == hashlib.sha256(b"content").hexdigest()


@pytest.mark.parametrize("content", [b"", b"text", bytes(5000), b"RIFF\0\0\0\0WAVE", b"\0\0\0\x18ftypisom"])
@pytest.mark.parametrize(("name", "file"), [("image", "a.png"), ("audio", "a.wav"), ("audio", "a.mp3"),
                                            ("video", "a.mp4"), ("video", "a.mkv")])  # fmt: skip
def test_a_broken_source_is_one_sentence(name: str, file: str, content: bytes, tmp_path: Path) -> None:
    import torch

    path, own = tmp_path / file, modality(name)
    path.write_bytes(content)
    own.source_ref(str(path))
    with pytest.raises(BadInput, match=file.replace(".", r"\.")) as caught:
        own.load_source(str(path), own.view_type(), torch.device("cpu"))
    text = str(caught.value)
    assert text.endswith(".") and text.isprintable() and text.count("; ") == 1
