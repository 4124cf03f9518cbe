"""Any text as LaTeX: each character that pdflatex prints with its usual fonts, and how wide a text will be."""

from __future__ import annotations

import re
import unicodedata

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta",
    "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_SIGNS = {
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
    ">": "\\textgreater{}", "|": "\\textbar{}", "`": "\\textasciigrave{}", "'": "\\textquotesingle{}",
    '"': "{\\ttfamily\\char34}",  # the one that is straight in every font encoding
    "’": "'", "‘": "`", "“": "``", "”": "''", "–": "--", "—": "---", "…": "\\dots{}", "€": "\\texteuro{}",
    "±": "$\\pm$", "×": "$\\times$", "÷": "$\\div$", "·": "$\\cdot$", "−": "$-$", "†": "$\\dagger$",
    "‡": "$\\ddagger$", "≥": "$\\geq$", "≤": "$\\leq$", "≠": "$\\neq$", "≈": "$\\approx$", "∞": "$\\infty$",
    "→": "$\\rightarrow$", "←": "$\\leftarrow$", "«": "$\\ll$", "»": "$\\gg$", "µ": "$\\mu$", "ß": "\\ss{}",
    "ø": "\\o{}", "Ø": "\\O{}", "æ": "\\ae{}", "Æ": "\\AE{}", "œ": "\\oe{}", "Œ": "\\OE{}", "ł": "\\l{}",
    "Ł": "\\L{}", "ı": "\\i{}", "\xa0": "~",
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True)),
    **{sign: f"$\\{name}$" for sign, name in _GREEK.items()},
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"{{{sign}}}" for sign in "[]*"},  # braces: \\ takes what follows it for an argument
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c", "\u0323": "d", "\u0331": "b",
}  # fmt: skip
_IN_FONTS = frozenset("°²³¹ªº§¶©®£¥¢¬¼½¾¿¡")  # and ASCII; the kernel knows these in UTF-8
# Widths in digits of Computer Modern, rounded up; anything else counts as 1.15.
_WIDTHS = {
    **dict.fromkeys("mw%@MW&±×≥≤→≈∞—…†‡÷", 1.75), **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ~^<>+=−\\", 1.6),
    **dict.fromkeys("ijlIft.,:;'|![]", 0.8), **dict.fromkeys("0123456789acegorsvxyz-–*?/$", 1.05), " ": 0.7,
}  # fmt: skip
LONG_WORD = 30.0  # digits


def width(text: str) -> float:
    """Return an upper estimate of the width of a text, in digits of its font."""
    return sum(_WIDTHS.get(sign, 1.15) if sign.isascii() or _sign(sign) != _code(sign) else 10 for sign in text)


def escape(text: str, longest: float = LONG_WORD) -> str:
    """Return text for pdflatex without further packages; a character that its fonts lack becomes its code point.

    Words that are wider than ``longest`` (in digits) may be broken, after punctuation or anywhere if there is none.
    Quotes around words become typographic ones; a quote that stands alone stays straight.
    """
    return " ".join(_word(word, longest) for word in _quotes(text).split(" "))


def _quotes(text: str) -> str:
    paired = re.sub(r'(?<![\w"])"(?=[^\s"])([^"]*[^\s"])"(?![\w"])', r"“\1”", text)
    return re.sub(r"(?<=[^\W\d_])'(?=[^\W\d_])", "’", paired)  # an apostrophe


def _word(word: str, longest: float) -> str:
    breaks, taken, since = width(word) > longest, "", 0.0
    for place, sign in enumerate(word):
        following = word[place + 1 : place + 2]
        # Two of these would become another sign.
        taken += f"{{{sign}}}" if sign in "-," and following == sign else _sign(sign)
        since += width(sign)
        if breaks and following and (sign in "/_-.:=," or since + width(following) > longest - 1):
            taken, since = taken + "\\allowbreak{}", 0.0
    return taken


def _sign(sign: str) -> str:
    if sign in _SIGNS:
        return _SIGNS[sign]
    if sign in _IN_FONTS or (sign.isascii() and sign.isprintable()):
        return sign
    parts = unicodedata.normalize("NFD", sign)
    letter, mark = parts[0], parts[1:]
    if mark in _ACCENTS and letter.isascii() and letter.isalpha():
        letter = f"\\{letter}{{}}" if letter in "ij" and mark not in "\u0327\u0323\u0331" else letter
        return f"\\{_ACCENTS[mark]}{{{letter}}}"
    return _code(sign)


def _code(sign: str) -> str:
    return f"U+{ord(sign):04X}"
