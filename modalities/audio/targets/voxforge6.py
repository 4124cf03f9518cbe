"""VoxForge as language identification: six languages, recorded by volunteers, 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, download_and_unpack, subfolders
from modalities.audio.targets._published import project_page
from modalities.base import DataStatus, TargetInfo
from modalities.datasets.hidden import is_hidden
from modalities.datasets.listing import Row
from modalities.datasets.lists import is_safe_path, lines
from modalities.datasets.splits import held_out
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput, NotFetched
from modalities.storage.digest import file_sha256

LANGUAGES = ("de", "en", "es", "fr", "it", "ru")
ENGLISH = "SpeechCorpus"  # which the site calls its English branch
HOMES = ("voxforge6", "voxforge")
SITE = "www.repository.voxforge1.org/downloads"  # what a download with the site's folders makes
BRANCH = "Trunk/Audio/Main/16kHz_16bit"
PLACES = (*LANGUAGES, *(f"{language}/{BRANCH}" for language in (*LANGUAGES, ENGLISH)))  # of submissions
LIST = "voxforge_urls.txt"
LIST_URL = f"https://storage.googleapis.com/tfds-data/downloads/voxforge/{LIST}"
LIST_SHA256 = "9cc218a5bce16640dc4eeb263aa423ce63ca59fc6587a9487dc397642b76af6c"
LIST_BYTES = 1_344_189
SPLIT = "voxforge6-speakers-1"
ENOUGH = 0.95  # share of the listed submissions, because some are no longer served
MAX_ARCHIVE_BYTES = 1_000_000_000  # of one submission; most have a few megabytes


class VoxForge6(AudioTarget):
    """Reads ``<language>/<submission>/wav/*.wav``, each submission unpacked from its own tgz.

    Submissions may also lie in the folders that the site keeps them in, ``<language>/Trunk/Audio/Main/16kHz_16bit``, as
    in a mirror; their archives there are unpacked by ``fetch``.
    """

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
        own_split=True,
        published=project_page(teacher=0.9113, full_data=0.8904, clip_a=0.7285, clip_b=0.7847),
        notes=(
            "Submissions before 2020, from a published list of archives. Sizes are 0 because they are not published "
            "and depend on which archives are still available; ready means 95 % of the published list, and the "
            "fingerprint says which data there are. No official split: a fifth of the speakers is held out by SHA-256 "
            f"of the name ({SPLIT}), so the published results had other speakers. The speaker is the part of the "
            "archive's name before the first hyphen, in all languages; 'anonymous' is many people and is in the "
            "training data. Classes are unbalanced."
        ),
    )

    split = SPLIT
    folders = (*HOMES, *(f"{home}/{SITE}" for home in HOMES), SITE)
    contents = (*LANGUAGES, ENGLISH)
    layout = f"LANGUAGE/SUBMISSION/wav/*.wav, or the site's own LANGUAGE/{BRANCH} with submissions or their archives"

    def _sounds(self, root: Path) -> Path:
        return self._unpacked(root)

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        return subfolders(sounds, (f"{place}/*/wav" for place in PLACES))

    def _list(self, root: Path) -> Path:
        """Return the list of archives, or where it should be."""
        sounds, folder = self._sounds(root), self.home(root)
        places = (folder, sounds, *(root / home for home in HOMES), root)
        return next((place / LIST for place in places if (place / LIST).is_file()), folder / LIST)

    def _packed(self, root: Path) -> list[Path]:
        """Return the archives that lie where submissions may lie and are not unpacked beside themselves."""
        sounds = self._sounds(root)
        archives = (path for place in PLACES for path in sorted((sounds / place).glob("*.tgz")))
        return [path for path in archives if not is_hidden(path.name) and not path.with_suffix("").is_dir()]

    def status(self, root: Path) -> DataStatus:
        """Ready when 95 % of the listed submissions are there; missing ones are counted all the same."""
        found, path = self._index(root), self._list(root)
        packed, missing, ready = self._packed(root), [LIST], False
        if len(found) and is_stand_in(self.home(root)):
            missing, ready = [], True
        elif path.is_file():
            listed = {name for name, _ in _submissions(path)}
            absent = len(listed - {f"{language}/{submission}" for language, submission, _ in map(_parts, found.names)})
            missing = [f"{absent:,} of {len(listed):,} submissions"] if absent else []
            ready = absent <= (1 - ENOUGH) * len(listed)
            if file_sha256(path) != LIST_SHA256:
                missing, ready = [f"{LIST} is not the published list, which has {LIST_BYTES:,} bytes", *missing], False
        if packed:
            missing.append(f"{len(packed):,} archives are not unpacked, such as {packed[0].name}")
        some = len(found) > 0 or bool(packed)
        fingerprint = self._fingerprint(root, found)
        return self._report(root, missing + found.faults(self.unit), fingerprint, found.bytes, ready=ready, some=some)

    def instructions(self, root: Path) -> str:
        return (
            f"run 'benchmark data fetch {self.info.name}', which unpacks the archives that are there and resumes the "
            f"download where it stopped; the layout that is read is {self.layout}, below {self._sounds(root)}."
        )

    def fetch(self, root: Path) -> None:
        """Unpack archives that are there, and download the list and every archive that is missing (60 GB).

        Raises NotFetched if many are unavailable.
        """
        from modalities.download.fetch import download, extract

        for archive in self._packed(root):
            extract(archive, archive.parent)
        listing = download(LIST_URL, self._list(root), sha256=LIST_SHA256, size=LIST_BYTES)
        present = {f"{language}/{submission}" for language, submission, _ in map(_parts, self._index(root).names)}
        faults, bytes_left = [], 2 * self.info.download_bytes
        for name, url in _submissions(listing):
            place = self._sounds(root) / name
            archive = place.with_name(f"{place.name}.tgz")
            if name in present or place.is_dir():
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
        rows: dict[str, Row] = {}
        sounds = self._sounds(root)
        for name in self._index(root).names:
            language, submission, file = _parts(name)
            speaker = submission.partition("-")[0]
            if held_out(speaker, SPLIT) == test:
                item = f"{language}/{submission}/{file.removesuffix('.wav')}"
                rows.setdefault(item, Row(sounds / name, LANGUAGES.index(language), item, speaker))
        return list(rows.values())

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.audio.targets._voxforge6_standin import write

        write(home, LIST, SPLIT, seed)


def _parts(name: str) -> tuple[str, str, str]:
    """Return language, submission and file of LANGUAGE/…/SUBMISSION/wav/FILE."""
    folder, *_, submission, _, file = name.split("/")
    return "en" if folder == ENGLISH else folder, submission, file


def _submissions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield LANGUAGE/NAME and address of each archive; lines are addresses without http://, some of them in quotes."""
    for line in filter(None, (line.strip().replace('"', "").replace("'", "") for line in lines(path))):
        address = line.removeprefix("http://")
        parts = address.split("/")
        language = parts[parts.index("Trunk") - 1] if "Trunk" in parts else ""
        if language not in (*LANGUAGES, ENGLISH) or not line.endswith(".tgz") or not is_safe_path(parts[-1]):
            raise BadInput(
                f"{path} holds the line '{line}', which names no submission; delete the list and fetch again."
            )
        yield f"{'en' if language == ENGLISH else language}/{parts[-1].removesuffix('.tgz')}", f"http://{address}"


TARGET = VoxForge6()
