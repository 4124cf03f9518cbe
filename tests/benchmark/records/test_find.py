"""A cell by its id, wherever below a results folder it is."""

from __future__ import annotations

import shutil

import pytest

from benchmark.records.find import find_cell
from modalities.errors import BadInput


def test_a_cell_that_two_profiles_have_run_is_one_cell(ran, tmp_path):
    """An id has no profile in it, so that two names would be the same one."""
    for profile in ("mine", "small"):
        shutil.copytree(ran.store.cell(ran.cell.id), tmp_path / profile / "cells" / ran.cell.id)
    store, record = find_cell(tmp_path, ran.cell.id[:-2])
    assert (store.root, record.id) == (tmp_path / "mine", ran.cell.id)
    (tmp_path / "mine" / "cells" / ran.cell.id / "record.json").unlink()
    assert find_cell(tmp_path, ran.cell.id)[0].root == tmp_path / "small"
    (tmp_path / "small" / "cells" / f"{ran.cell.id}b").mkdir()
    with pytest.raises(BadInput) as error:
        find_cell(tmp_path, ran.cell.id[:-2])
    assert f"a part of 2 cells ({ran.cell.id}, {ran.cell.id}b)" in str(error.value)
