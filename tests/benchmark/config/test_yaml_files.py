"""YAML files of others: read as mappings, or refused in one sentence, however they are nested."""

from __future__ import annotations

import pytest

from benchmark.config.yaml_files import read_sections
from modalities.errors import BadInput

REPEATED = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 9)}]" for n in range(9))  # 9 ** 9 words


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: " + "[" * 50_000, "cannot be read as YAML"), (REPEATED, "more than 20 aliases"),
        ("- a", "such as 'target: digits'; correct it"), ("a: 1\na: 2", "duplicate key"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_mapping_of_settings_is_refused_in_one_sentence(tmp_path, text, says):
    path = tmp_path / "theirs.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=says) as error:
        read_sections(path, "target: digits")
    assert str(path) in str(error.value)


def test_some_aliases_and_stars_are_read(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: &lr {lr: 1}\nb: *lr\nc: '" + "*" * 50 + "'\n", encoding="utf-8")
    assert read_sections(path) == {"a": {"lr": 1}, "b": {"lr": 1}, "c": "*" * 50}
