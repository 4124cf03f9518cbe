"""Video datasets as they are when complete, by name and number: files of a few bytes that nobody decodes."""

from itertools import count, cycle
from pathlib import Path

from modalities.video.targets.hmdb51 import CLASSES as HMDB51
from modalities.video.targets.hmdb51 import LISTS
from modalities.video.targets.ucf101 import CLASSES as UCF101
from modalities.video.targets.ucf101 import SIZES


def _put(path: Path, content: bytes = b"clip") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def ucf101(root: Path) -> None:
    """13,320 clips in 25 groups of each class; groups 1-7, 8-14 and 15-21 are tested by the three splits."""
    tested = {group: (group - 1) // 7 + 1 for group in range(1, 22)}  # the split that tests a group
    clips: list[tuple[int, str]] = []
    totals = {fold: sizes[1] for fold, sizes in SIZES.items()} | {None: 13_320 - sum(s[1] for s in SIZES.values())}
    for fold, total in totals.items():
        groups = [group for group in range(1, 26) if tested.get(group) == fold]
        cells = cycle([(group, label) for group in groups for label in range(101)])
        numbers = {(group, label): count(1) for group in groups for label in range(101)}
        for _, (group, label) in zip(range(total), cells, strict=False):
            name = UCF101[label].replace("HandstandPushups", "HandStandPushups")
            clips.append((group, f"{UCF101[label]}/v_{name}_g{group:02}_c{next(numbers[group, label]):02}.avi"))
    clips.sort(key=lambda clip: clip[1])
    home = root / "ucf101"
    for _, clip in clips:
        _put(home / "UCF-101" / clip)
    label = {name: number for number, name in enumerate(UCF101, 1)}
    for fold in SIZES:
        train = [f"{clip} {label[clip.partition('/')[0]]}\r\n" for group, clip in clips if tested.get(group) != fold]
        test = [f"{clip}\r\n" for group, clip in clips if tested.get(group) == fold]
        for side, lines in (("train", train), ("test", test)):
            _put(home / "ucfTrainTestlist" / f"{side}list{fold:02}.txt", "".join(lines).encode())


def hmdb51(root: Path) -> None:
    """132 or 133 clips of each class, 70 and 30 of them used in each split; one film is on both sides of classes."""
    home, total = root / "hmdb51", 6_766
    for label, name in enumerate(HMDB51):
        clips = total // 51 + (label < total % 51)
        films = [f"Film_{number // 10}" if number // 10 else "TheBoondockSaints" for number in range(clips)]
        names = [f"{film}_{name}_f_cm_np1_fr_med_{number}.avi" for number, film in enumerate(films)]
        for file in names:
            _put(home / name / file)
        for fold in (1, 2, 3):
            first = 10 * (label + fold)  # in every class another film's clips are the first to be tested
            order = [(first + place) % 130 for place in range(130)]
            tags = dict.fromkeys(order[:30], 2) | dict.fromkeys(order[30:100], 1)
            lines = (f"{file} {tags.get(number, 0)} \n" for number, file in enumerate(names))
            _put(home / LISTS / f"{name}_test_split{fold}.txt", "".join(lines).encode())
