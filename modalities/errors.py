"""The exceptions whose message a user is meant to read."""

from __future__ import annotations

import os
import unicodedata
from typing import Literal

Argument = Literal["results", "root", "device", "jobs", "launcher", "slurm", "cells_per_job", "targets"]


def readable(text: object) -> str:
    """Return text from outside as one line that prints as it reads, on a terminal and in a file.

    Whatever a terminal obeys or a reader cannot see (escape sequences, line breaks, direction marks, undecodable
    bytes) is written as an escape, such as ``\\x1b``, and letters are composed (NFC), in however many parts a system
    stores them. Applying it twice changes nothing more.
    """
    visible = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in str(text))
    return unicodedata.normalize("NFC", visible)


def readable_name(name: str) -> str:
    """Return the name of a file as it is to be called everywhere: composed (NFC), and the same under every locale.

    Some systems store names decomposed, and some locales cannot decode them. Open files by the name as it was.
    """
    if name.isascii():
        return name
    try:
        decoded = os.fsencode(name).decode("utf-8")
    except UnicodeError:  # it has characters that the locale lacks, or its bytes are not UTF-8
        decoded = name
    return unicodedata.normalize("NFC", decoded)


class BadInput(Exception):
    """Something from outside (a file, a name, a value, a folder) cannot be used.

    The message is ONE sentence that names the file or value and the remedy; it is shown without a traceback, and
    holds nothing that a terminal would obey. It names no option of the command line, which adds those itself.

    Args:
        about: the argument of the call that is at fault, if it is one of these.
    """

    def __init__(self, message: object = "", about: Argument | None = None) -> None:
        super().__init__(readable(message))
        self.about = about


class NotFetched(BadInput):
    """A download was tried and failed; nothing is wrong with what the user requested."""


class UnknownName(BadInput):
    """A name that is not registered; the message carries the nearest registered ones."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        from difflib import get_close_matches

        # A name of several modalities is offered once, and so is one that is written in several ways.
        known = list(dict.fromkeys(map(readable, known)))
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(sorted(known))}."
        super().__init__(f"there is no {kind} named '{name}'; {hint}")
        self.kind, self.name, self.known, self.near = kind, name, known, near

    def __reduce__(self) -> tuple[type[UnknownName], tuple[str, str, list[str]]]:  # exceptions travel between processes
        return (UnknownName, (self.kind, self.name, self.known))
