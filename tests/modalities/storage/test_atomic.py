"""A file or folder is there as a whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import pytest

from modalities.storage.atomic import atomic_stream, temporary_path


def test_a_stream_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "folder" / "file"
    with atomic_stream(path) as stream:
        stream.write(b"old")
    with pytest.raises(ValueError), atomic_stream(path) as stream:
        stream.write(b"ne")
        assert path.read_bytes() == b"old"
        raise ValueError
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("fails", [False, True])
def test_a_folder_appears_when_it_is_renamed_and_what_is_left_is_removed(tmp_path, fails):
    def write() -> None:
        with temporary_path(tmp_path / "folder") as temporary:
            (temporary / "deep").mkdir(parents=True)
            assert not (tmp_path / "folder").exists()
            if fails:
                raise KeyboardInterrupt
            temporary.rename(tmp_path / "folder")

    if fails:
        with pytest.raises(KeyboardInterrupt):
            write()
    else:
        write()
    assert [path.name for path in tmp_path.iterdir()] == ([] if fails else ["folder"])
