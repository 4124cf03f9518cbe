"""VoxForge as language identification: six languages, recorded by volunteers, 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modalities.audio.decode import Index, index, recordings, write_wave
from modalities.audio.targets._published import project_page
from modalities.audio.targets._splits import held_out, versioned
from modalities.base import DataStatus, LabelledData, TargetInfo
from modalities.datasets.listing import Row
from modalities.datasets.lists import lines
from modalities.datasets.standin import is_stand_in, mark
from modalities.errors import BadInput, NotFetched

if TYPE_CHECKING:
    from modalities.audio.policies import AudioView
    from modalities.audio.targets._synthesis import Manner

RATE = 16_000
LANGUAGES = ("de", "en", "es", "fr", "it", "ru")
LIST = "voxforge_urls.txt"
LIST_URL = f"https://storage.googleapis.com/tfds-data/downloads/voxforge/{LIST}"
LIST_SHA256 = "9cc218a5bce16640dc4eeb263aa423ce63ca59fc6587a9487dc397642b76af6c"
LIST_BYTES = 1_344_189
SPLIT = "voxforge6-speakers-1"
HOST = "www.repository.voxforge1.org/downloads"
ENOUGH = 0.95  # share of the listed submissions: some are no longer served
ARCHIVE_AT_MOST = 1_000_000_000  # bytes of a submission, of which most have some megabytes

INFO = TargetInfo(
    name="voxforge6",
    title="VoxForge, six languages",
    modality="audio",
    classes=LANGUAGES,
    train_items=0,
    test_items=0,
    licence="GPL",
    citation=(
        "@misc{maclean2018voxforge, title={VoxForge}, author={MacLean, Ken}, year={2018}, "
        "howpublished={\\url{http://www.voxforge.org/home}}}"
    ),
    homepage="http://www.voxforge.org/",
    download_bytes=60_000_000_000,
    leak_unit="speaker",
    published=project_page(teacher=0.9113, full_data=0.8904, clip_a=0.7285, clip_b=0.7847),
    notes=(
        "Submissions before 2020 after a published list of archives. Sizes of 0 mean that nobody has stated them and "
        "they depend on which archives can still be had; ready means 95 % of the list, and the fingerprint counts. "
        f"No official split: a fifth of the speakers is held out by SHA-256 of the name ({SPLIT}), so the published "
        "numbers had other speakers. A speaker is the archive's name before the first hyphen, in all languages; "
        "'anonymous' is many people and stands in training. Classes are unbalanced."
    ),
)


class Submission(NamedTuple):
    """One listed archive."""

    language: str
    name: str  # of the archive and of the folder in it
    url: str

    @property
    def folder(self) -> str:
        return f"{self.language}/{self.name}"


class VoxForge6:
    """Reads ``voxforge6/<language>/<submission>/wav/*.wav``, each submission unpacked from its own tgz."""

    info = INFO

    def _index(self, root: Path) -> Index:
        folder = root / INFO.name
        below = (path for language in LANGUAGES for path in folder.glob(f"{language}/*/wav"))
        return index(folder, sorted(str(path.relative_to(folder)) for path in below))

    def status(self, root: Path) -> DataStatus:
        """Ready when 95 % of the listed submissions are there."""
        folder, found = root / INFO.name, self._index(root)
        fingerprint = versioned(found.fingerprint, SPLIT)
        if found.files and is_stand_in(folder):
            return DataStatus("ready", fingerprint, bytes=found.bytes)
        how = f"run 'benchmark data fetch {INFO.name}', which goes on where it stopped"
        if not (folder / LIST).is_file():
            return DataStatus("partial" if found.files else "absent", fingerprint, (LIST,), how, found.bytes)
        present = {f"{path.parents[2].name}/{path.parents[1].name}" for path in found.files}
        listed = {submission.folder for submission in _submissions(folder / LIST)}
        lacking = len(listed - present)
        missing = (f"{lacking:,} of {len(listed):,} submissions",) if lacking else ()
        if lacking <= (1 - ENOUGH) * len(listed):
            return DataStatus("ready", fingerprint, missing, bytes=found.bytes)
        return DataStatus("partial" if present else "absent", fingerprint, missing, how, found.bytes)

    def fetch(self, root: Path) -> None:
        """Download the list, then one archive after the other (hours, about 60 GB); what is there stays.

        Raises:
            NotFetched: archives that cannot be had are passed over, and the end names how many and one of them.
        """
        from modalities.download.fetch import download, extract

        folder = root / INFO.name
        download(LIST_URL, folder / LIST, sha256=LIST_SHA256, size=LIST_BYTES)
        faults, left = [], 2 * INFO.download_bytes
        for submission in _submissions(folder / LIST):
            place = folder / submission.folder
            if place.is_dir():
                continue
            try:
                archive = place.with_name(f"{submission.name}.tgz")
                download(submission.url, archive, at_most=min(ARCHIVE_AT_MOST, left))
                left -= archive.stat().st_size
                extract(archive, place.parent)
                archive.unlink()
            except BadInput as fault:
                faults.append(str(fault))
        if faults and self.status(root).state != "ready":
            raise NotFetched(f"{len(faults):,} archives of {INFO.name} cannot be had; the first one: {faults[0]}")

    def _rows(self, root: Path, *, test: bool) -> list[Row]:
        rows = []
        for path in self._index(root).files:
            submission, language = path.parents[1].name, path.parents[2].name
            speaker = submission.partition("-")[0]
            if held_out(speaker, SPLIT) == test:
                rows.append(Row(path, LANGUAGES.index(language), f"{language}/{submission}/{path.stem}", speaker))
        if not rows:
            raise BadInput(f"{root / INFO.name} holds no recordings; run 'benchmark data fetch {INFO.name}'.")
        return rows

    def train(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        return recordings(self._rows(root, test=False), view, test=False)

    def test(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        return recordings(self._rows(root, test=True), view, test=True)

    def write_sample(self, root: Path, seed: int) -> None:
        """Six ways of talking, each by 16 voices: which sounds follow each other, and how fast, tells the language."""
        from modalities.audio.targets._synthesis import any_voice, talk

        rng = np.random.default_rng(seed)
        folder = root / INFO.name
        urls = []
        for language, manner in _manners().items():
            wanted = {False: 12, True: 4}  # speakers for training and test
            while any(wanted.values()):
                speaker = "".join(rng.choice(list("aeiklmnorstu"), 7))
                side = held_out(speaker, SPLIT)
                if not wanted[side]:
                    continue
                wanted[side] -= 1
                submission = f"{speaker}-2012{rng.integers(1000, 1230)}-{''.join(rng.choice(list('abcdefgh'), 3))}"
                voice = any_voice(rng)
                for number in range(8):
                    wave = talk(voice, manner, rng.uniform(1.6, 2.2), RATE, rng)
                    noise = rng.uniform(0.001, 0.01) * rng.standard_normal(len(wave))
                    place = folder / language / submission
                    write_wave(
                        place / "wav" / f"{language}-{number:04}.wav", rng.uniform(0.2, 0.7) * wave + noise, RATE
                    )
                (place / "etc").mkdir()
                (place / "etc" / "README").write_text(f"User Name:{speaker}\n\nLanguage:{language}\n")
                urls.append(f"{HOST}/{language}/Trunk/Audio/Main/16kHz_16bit/{submission}.tgz\n")
        (folder / LIST).write_text("".join(urls))
        mark(folder, INFO.name, seed)


def _submissions(path: Path) -> Iterator[Submission]:
    """The archives of the list, whose lines are addresses without http://, some of them in quotes."""
    for line in filter(None, (line.strip().replace('"', "").replace("'", "") for line in lines(path))):
        address = line.removeprefix("http://")
        parts = address.split("/")
        if "Trunk" not in parts or parts[parts.index("Trunk") - 1] not in LANGUAGES or not line.endswith(".tgz"):
            raise BadInput(
                f"{path} holds the line '{line}', which names no submission; delete the list and fetch again."
            )
        yield Submission(parts[parts.index("Trunk") - 1], parts[-1].removesuffix(".tgz"), f"http://{address}")


def _manners() -> dict[str, Manner]:
    """Six ways of talking, by sounds per second, vowels, consonants, closed syllables and melody."""
    from modalities.audio.targets._synthesis import Manner

    return {
        "de": Manner(9, "ieeaao", "ttssm", 0.8, -0.1),
        "en": Manner(9, "ieaaoo", "ttsmm", 0.5, -0.4),
        "es": Manner(13, "ieeaao", "ttsm", 0.1, -0.1),
        "fr": Manner(10, "iieeuu", "tssmm", 0.2, 0.4),
        "it": Manner(7, "ieaaoo", "ttmm", 0.0, 0.2),
        "ru": Manner(9, "iauuoo", "tsssm", 0.6, -0.2),
    }


TARGET = VoxForge6()
