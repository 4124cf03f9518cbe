"""Every character of a name is printed, or named by its code point; none of them is a command."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.leaderboard.latex_text import escape, width
from papers import needs_latex, typeset

ASCII = "".join(map(chr, range(33, 127)))
OTHERS = (
    "éèêëñçåöüÅÉíïìîćčďěňřšťůžőűŁłøØæÆœŒßıāăġ°²³¹§¶©®£¥¢¬¼½¾¿¡αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΦΨΩΑΒΕ±×÷·−≥≤≠≈∞→←†‡–—…€«»"
)


@needs_latex
@pytest.mark.parametrize("encoding", ["", "\\usepackage[T1]{fontenc}"], ids=["OT1", "T1"])
def test_every_ascii_character_is_printed_as_it_is_also_twice(tmp_path, encoding):
    names = [
        *(ASCII[start : start + 24] for start in range(0, len(ASCII), 24)),
        *(f"a{sign}{sign}b" for sign in ASCII if not sign.isalnum()),
    ]
    rows = "\\\\\n".join(escape(name) for name in names)
    text, faults = typeset(tmp_path, f"\\small\\noindent\n{rows}", preamble=encoding)
    assert not faults
    alike = str.maketrans({"^": "ˆ", "~": "˜", "_": " "}) if not encoding else {}  # OT1 draws a line for _
    for name in names:
        assert re.sub(" +", " ", name.translate(alike)) in text, name


@needs_latex
def test_letters_and_signs_of_other_languages_are_printed(tmp_path):
    rows = "\\\\\n".join(f"{escape(sign)} is {number}" for number, sign in enumerate(OTHERS))
    text, faults = typeset(tmp_path, f"\\noindent\n{rows}")
    assert not faults
    assert "U+" not in text
    assert len(re.findall(r"\S+ is \d+", text)) == len(OTHERS)
    composed = unicodedata.normalize("NFC", text)
    assert all(f"{sign} is" in composed for sign in "éñåčšžőøß§±×≥≤→†αβλπσχΓΣ")


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ('Rows under "stand-in data" are', "Rows under ``stand-in data'' are"),
        ('5" wide', "5{\\ttfamily\\char34} wide"),
        ("it's 'x'", "it's \\textquotesingle{}x\\textquotesingle{}"),
        ("a--b", "a{-}-b"),
        ("中😀", "U+4E2DU+1F600"),
        ("50% $x_1^2$ #1 {~} \\", r"50\% \$x\_1\textasciicircum{}2\$ \#1 \{\textasciitilde{}\} \textbackslash{}"),
    ],
)
def test_quotes_and_signs(text, tex):
    assert escape(text) == tex


def test_only_long_words_may_be_broken_and_then_nowhere_far():
    assert "allowbreak" not in escape("the classification of photographs")
    pieces = escape("abcdefghij" * 8, 12.0).split("\\allowbreak{}")
    assert "".join(pieces) == "abcdefghij" * 8
    assert max(map(width, pieces)) <= 12
    assert escape("a_b/c.jpg" * 2, 12.0).startswith("a\\_\\allowbreak{}b/\\allowbreak{}c.\\allowbreak{}")


@given(st.text(st.characters(max_codepoint=sys.maxunicode, exclude_categories=("Cc", "Cf", "Cs", "Co"))))
def test_no_text_is_a_command_or_opens_a_group(text):
    tex = escape(text)
    bare = re.sub(r"\\(?:[A-Za-z]+|[&%$#_{}`'^~=.\"])", "", tex)
    assert "\\" not in bare
    assert not re.search(r"[%#&]", bare)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
