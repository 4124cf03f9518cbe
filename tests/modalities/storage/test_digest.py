"""A file is known by its content, and one that cannot be read costs a sentence."""

import errno
import hashlib
import os
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
