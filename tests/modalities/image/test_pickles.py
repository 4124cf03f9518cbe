"""Pickles of plain data are read; one that calls for anything else is refused, and none of its code runs."""

import os
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.errors import BadInput
from modalities.image.pickles import load_plain


class Malicious:
    def __init__(self, call, *arguments):
        self.call = call, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "payload",
    [
        Malicious(os.system, "touch ran"), Malicious(eval, "1"), Malicious(np.fromfile, "x"), Path("x"), {1, 2},
        np.array([None]), np.array(["text"]), np.zeros(2, [("a", "i4")]), 1j, Counter("ab"), np.float64(1),
    ],
    ids=lambda payload: type(payload).__name__,
)  # fmt: skip
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_that_asks_for_anything_else_is_refused_and_nothing_runs(payload, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.pickle"
    path.write_bytes(pickle.dumps({"data": payload}, protocol))
    with pytest.raises(BadInput, match=r"bad\.pickle cannot be read as plain data"):
        load_plain(path)
    assert [file.name for file in tmp_path.iterdir()] == ["bad.pickle"]


@pytest.mark.parametrize(
    "array", [np.arange(12, dtype=np.uint8).reshape(3, 4), np.eye(3), np.asfortranarray(np.eye(2, 3))]
)
def test_arrays_come_back_as_they_went(array, tmp_path):
    (tmp_path / "a").write_bytes(pickle.dumps([array, array.astype(">i2")], 2))
    back = load_plain(tmp_path / "a")
    np.testing.assert_array_equal(back[0], array)
    np.testing.assert_array_equal(back[1], array)
    assert back[0].dtype == array.dtype


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(value=PLAIN, protocol=st.sampled_from([2, 3, 4, 5]))
def test_plain_data_come_back_as_they_went(value, protocol, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "plain.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    assert load_plain(path) == value


@settings(deadline=None, max_examples=50)
@given(noise=st.binary(max_size=60))
def test_any_bytes_are_data_or_one_sentence(noise, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "noise.pickle"
    path.write_bytes(noise)
    try:
        load_plain(path)
    except BadInput as error:
        assert "noise.pickle" in str(error)
