"""VoxForge as language identification: six languages, recorded by volunteers, 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, download_and_unpack, subfolders
from modalities.audio.targets._published import project_page
from modalities.audio.targets._splits import held_out
from modalities.base import DataStatus, TargetInfo
from modalities.datasets.listing import Row
from modalities.datasets.lists import lines
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput, NotFetched

LANGUAGES = ("de", "en", "es", "fr", "it", "ru")
LIST = "voxforge_urls.txt"
LIST_URL = f"https://storage.googleapis.com/tfds-data/downloads/voxforge/{LIST}"
LIST_SHA256 = "9cc218a5bce16640dc4eeb263aa423ce63ca59fc6587a9487dc397642b76af6c"
LIST_BYTES = 1_344_189
SPLIT = "voxforge6-speakers-1"
ENOUGH = 0.95  # share of the listed submissions, because some are no longer served
MAX_ARCHIVE_BYTES = 1_000_000_000  # of one submission; most have a few megabytes


class VoxForge6(AudioTarget):
    """Reads ``voxforge6/<language>/<submission>/wav/*.wav``, each submission unpacked from its own tgz."""

    info = TargetInfo(
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
            "Submissions before 2020, from a published list of archives. Sizes are 0 because they are not published "
            "and depend on which archives are still available; ready means 95 % of the list, and the fingerprint "
            "says which data there are. No official split: a fifth of the speakers is held out by SHA-256 of the "
            f"name ({SPLIT}), so the published results had other speakers. The speaker is the part of the archive's "
            "name before the first hyphen, in all languages; 'anonymous' is many people and is in the training data. "
            "Classes are unbalanced."
        ),
    )

    split = SPLIT

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        return subfolders(sounds, (f"{language}/*/wav" for language in LANGUAGES))

    def status(self, root: Path) -> DataStatus:
        """Ready when 95 % of the listed submissions are there; missing ones are counted all the same."""
        found, folder = self._index(root), self.home(root)
        missing, ready = [LIST], False
        if len(found) and is_stand_in(folder):
            missing, ready = [], True
        elif (folder / LIST).is_file():
            listed = {name for name, _ in _submissions(folder / LIST)}
            absent = len(listed - {name.partition("/wav/")[0] for name in found.names})
            missing = [f"{absent:,} of {len(listed):,} submissions"] if absent else []
            ready = absent <= (1 - ENOUGH) * len(listed)
        fingerprint = self._fingerprint(root, found)
        return self._report(root, missing, fingerprint, found.bytes, ready=ready, some=len(found) > 0)

    def instructions(self, root: Path) -> str:
        return f"run 'benchmark data fetch {self.info.name}', which resumes where it stopped."

    def fetch(self, root: Path) -> None:
        """Download the list, then every archive that is missing (60 GB). Raises NotFetched if many are unavailable."""
        from modalities.download.fetch import download

        folder = self.home(root)
        download(LIST_URL, folder / LIST, sha256=LIST_SHA256, size=LIST_BYTES)
        faults, bytes_left = [], 2 * self.info.download_bytes
        for name, url in _submissions(folder / LIST):
            place, archive = folder / name, folder / f"{name}.tgz"
            if place.is_dir():
                continue
            try:
                download_and_unpack(url, archive, place.parent, at_most=min(MAX_ARCHIVE_BYTES, bytes_left))
                bytes_left -= archive.stat().st_size
                archive.unlink()
            except BadInput as fault:
                faults.append(str(fault))
        if faults and self.status(root).state != "ready":
            raise NotFetched(
                f"{len(faults):,} archives of {self.info.name} are unavailable; the first one: {faults[0]}"
            )

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        rows = []
        for path in self._paths(root):
            submission, language = path.parents[1].name, path.parents[2].name
            speaker = submission.partition("-")[0]
            if held_out(speaker, SPLIT) == test:
                rows.append(Row(path, LANGUAGES.index(language), f"{language}/{submission}/{path.stem}", speaker))
        return rows

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.audio.targets._voxforge6_standin import write

        write(home, LIST, SPLIT, seed)


def _submissions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield LANGUAGE/NAME and address of each archive; lines are addresses without http://, some of them in quotes."""
    for line in filter(None, (line.strip().replace('"', "").replace("'", "") for line in lines(path))):
        address = line.removeprefix("http://")
        parts = address.split("/")
        if "Trunk" not in parts or parts[parts.index("Trunk") - 1] not in LANGUAGES or not line.endswith(".tgz"):
            raise BadInput(
                f"{path} holds the line '{line}', which names no submission; delete the list and fetch again."
            )
        yield f"{parts[parts.index('Trunk') - 1]}/{parts[-1].removesuffix('.tgz')}", f"http://{address}"


TARGET = VoxForge6()
