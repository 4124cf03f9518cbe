"""The words of Speech Commands and the names of its folders and lists, for the adapters and the stand-in."""

from __future__ import annotations

import hashlib

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
OTHERS = (
    "backward", "bed", "bird", "cat", "dog", "eight", "five", "follow", "forward", "four", "happy", "house", "learn",
    "marvin", "nine", "one", "seven", "sheila", "six", "three", "tree", "two", "visual", "wow", "zero",
)  # fmt: skip
WORDS = tuple(sorted(COMMANDS + OTHERS))
NOISE = "_background_noise_"
LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
LISTED = {"validation": 9_981, "test": 11_005}  # recordings that each list of the complete dataset names


def published_side(speaker: str) -> str:
    """Return the split that the dataset's own rule gives a speaker: train, validation or test.

    The rule (Warden 2018, and the README in the archive): the SHA-1 of the name, modulo 2²⁷, as a percentage
    of 2²⁷ - 1; below 10 is validation, below 20 the test. The two lists were made by it.
    """
    limit = 2**27 - 1
    digest = hashlib.sha1(speaker.encode("utf-8", "backslashreplace"), usedforsecurity=False).hexdigest()
    percentage = int(digest, 16) % (limit + 1) * (100 / limit)
    return "validation" if percentage < 10 else "test" if percentage < 20 else "train"
