"""LibriSpeech train-clean-100 as speaker identification: 251 readers of audiobooks, 16 kHz FLAC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, subfolders
from modalities.audio.targets._published import project_page
from modalities.base import TargetInfo
from modalities.datasets.index import Index
from modalities.datasets.listing import Row
from modalities.datasets.lists import lines, plain_path, unmatched
from modalities.datasets.splits import fingerprint_of_split, held_out
from modalities.errors import BadInput
from modalities.storage.digest import file_sha256

# The identifiers of SPEAKERS.TXT for this part, in numeric order: label 0 is reader 19.
SPEAKERS = tuple(lines(Path(__file__).with_name("_librispeech100_speakers.txt")))
UTTERANCE = re.compile(r"(\d+)-(\d+)-(\d{4})")
FOLDER = "LibriSpeech/train-clean-100"
URL = "https://www.openslr.org/resources/12/train-clean-100.tar.gz"
SHA256 = "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2"
BYTES = 6_387_309_499
SPLIT = "librispeech100-utterances-1"
# The split of van den Oord et al. (Representation Learning with Contrastive Predictive Coding, 2018, section 3.1).
CPC = "https://raw.githubusercontent.com/s3prl/s3prl/main/s3prl/downstream/speaker_linear_utter_libri/data"
LIST_AT_MOST = 10_000_000  # bytes; the lists have 400,000
CPC_NAMES = {"train": 22_830, "test": 5_708}
CPC_MD5 = {"train": "6cdbf00c1efdcc1190d18643bd971f62", "test": "5e26b06a32c883fc35b5f2bcb7c14cd9"}


class LibriSpeech100(AudioTarget):
    """Reads ``<speaker>/<chapter>/<speaker>-<chapter>-<utterance>.flac`` under LibriSpeech/train-clean-100."""

    info = TargetInfo(
        name="librispeech100",
        title="LibriSpeech train-clean-100, speakers",
        modality="audio",
        classes=SPEAKERS,
        train_items=CPC_NAMES["train"],
        test_items=CPC_NAMES["test"],
        licence="CC BY 4.0",
        citation=(
            "@inproceedings{panayotov2015librispeech, title={Librispeech: An ASR corpus based on public domain audio "
            "books}, author={Panayotov, Vassil and Chen, Guoguo and Povey, Daniel and Khudanpur, Sanjeev}, "
            "booktitle={ICASSP}, pages={5206--5210}, year={2015}}"
        ),
        homepage="https://www.openslr.org/12",
        download_bytes=BYTES,
        leak_unit="utterance",
        published=project_page(teacher=0.9989, full_data=0.9954, clip_a=0.7867, clip_b=0.8412),
        notes=(
            "No official speaker split. The sizes are those of the CPC paper's split, which is used if its "
            "train_split.txt and test_split.txt lie beside the recordings (the fetch downloads them); otherwise a "
            f"fifth of the utterances is held out by SHA-256 of the name ({SPLIT}). In both splits every chapter is "
            "in training and test: book, room and microphone leak, so the score measures recognition of the "
            "recording session, not of the voice alone."
        ),
    )
    files, unit = 28_539, "utterances"
    suffix = ".flac"
    archive = "train-clean-100.tar.gz"
    folders = (
        f"librispeech100/{FOLDER}", FOLDER, f"librispeech/{FOLDER}",
        "librispeech100/train-clean-100", "train-clean-100", "librispeech/train-clean-100",
    )  # fmt: skip
    contents = ("*/*/*.flac",)
    layout = f"{FOLDER}/SPEAKER/CHAPTER/*.flac"

    def _sounds(self, root: Path) -> Path:
        return self._unpacked(root)

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        return subfolders(sounds, ("*/*/",))

    def _cpc_lists(self, root: Path) -> dict[str, Path] | None:
        """The CPC lists, if both lie in the folder above the recordings or the one above that."""
        part = self._sounds(root)
        for folder in [folder for folder in part.parents[:2] if folder.is_relative_to(root)]:
            lists = {side: folder / f"{side}_split.txt" for side in CPC_MD5}
            if all(path.is_file() for path in lists.values()):
                return lists
        return None

    def _fingerprint(self, root: Path, found: Index) -> str:
        lists = self._cpc_lists(root)
        split = "cpc " + " ".join(map(file_sha256, lists.values())) if lists else SPLIT
        return fingerprint_of_split(found.fingerprint, split)

    def _missing(self, root: Path, found: Index) -> list[str]:
        missing, lists = super()._missing(root, found), self._cpc_lists(root)
        if lists:
            listed = _listed(lists)
            known = {f"list {lists[side].name}": number for side, number in CPC_NAMES.items()}
            missing += self._differing_counts(root, known, {f"list {lists[s].name}": len(listed[s]) for s in lists})
            on_disk = {path.stem for path in self._paths(root)}
            for side, path in lists.items():
                missing += unmatched(path, [name for name in listed[side] if name not in on_disk], self.unit)
        return missing

    def fetch(self, root: Path) -> None:
        """Download and unpack 6.4 GB, and download the two CPC lists."""
        from modalities.download.fetch import download

        self._fetch_archive(root, URL, sha256=SHA256, size=BYTES)
        if self._cpc_lists(root) is None:
            for side, md5 in CPC_MD5.items():
                name = f"{side}_split.txt"
                download(f"{CPC}/{name}", self._sounds(root).parent / name, md5=md5, at_most=LIST_AT_MOST)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        lists = self._cpc_lists(root)
        listed = set(_listed(lists)["test" if test else "train"]) if lists else None
        labels = {speaker: label for label, speaker in enumerate(SPEAKERS)}
        rows = []
        for path in self._paths(root):
            match = UTTERANCE.fullmatch(path.stem)
            if match is None or match[1] not in labels:
                raise BadInput(f"{path} is not an utterance of train-clean-100; move it away.")
            if held_out(path.stem, SPLIT) == test if listed is None else path.stem in listed:
                rows.append(Row(path, labels[match[1]], path.stem, path.stem))
        return rows

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.audio.targets._librispeech100_standin import write

        write(home / FOLDER, SPEAKERS[7::20][:12], seed)


def _listed(lists: Mapping[str, Path]) -> dict[str, list[str]]:
    """Return the utterances of each list without repeats. Raises BadInput for other names, and for one in both."""
    listed = {side: list(dict.fromkeys(_names(path))) for side, path in lists.items()}
    if both := sorted(set(listed["train"]) & set(listed["test"])):
        raise BadInput(
            f"{lists['train']} and {lists['test']} both name {both[0]}; delete the two lists and fetch them again."
        )
    return listed


def _names(path: Path) -> Iterator[str]:
    for entry in (entry for line in lines(path) for entry in line.split()):
        name = plain_path(entry).rpartition("/")[2].removesuffix(".flac")
        if not UTTERANCE.fullmatch(name):
            raise BadInput(f"{path} holds '{entry}', which names no utterance; delete the file and fetch it again.")
        yield name


TARGET = LibriSpeech100()
