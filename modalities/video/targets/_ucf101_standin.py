"""The stand-in of UCF101: 400 small clips of eight classes in 25 groups, with all three splits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from modalities.video.standins import write_clips


def write(folder: Path, classes: Sequence[str], shown: Sequence[str], seed: int) -> None:
    """Write clips of the classes ``shown``, and the lists, in the native layout."""
    lists = folder / "ucfTrainTestlist"
    lists.mkdir(parents=True, exist_ok=True)
    clips = write_clips(folder / "UCF-101", shown, _file_name, seed=seed, groups=25, per_group=2)
    _write_lines(lists / "classInd.txt", (f"{number} {name}" for number, name in enumerate(classes, 1)))
    for fold in (1, 2, 3):
        tested = range(7 * fold - 6, 7 * fold + 1)  # groups 1–7, 8–14, 15–21, as in the official splits
        _write_lines(lists / f"testlist{fold:02}.txt", (name for name, group in clips if group in tested))
        numbered = (
            f"{name} {classes.index(name.partition('/')[0]) + 1}" for name, group in clips if group not in tested
        )
        _write_lines(lists / f"trainlist{fold:02}.txt", numbered)


def _file_name(label: str, group: int, clip: int) -> str:
    """Return a video's name as the original spells it: one folder and its files differ in a letter's case."""
    stem = "HandStandPushups" if label == "HandstandPushups" else label
    return f"v_{stem}_g{group:02}_c{clip:02}.avi"


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
