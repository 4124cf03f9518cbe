"""LibriSpeech, VoxForge and MUSAN: splits that a missing file does not move, lists that are honoured, honest status."""

import hashlib
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import modalities.download.fetch
from modalities.audio.policies import AudioView
from modalities.audio.targets import librispeech100, musan3, voxforge6
from modalities.datasets.splits import held_out
from modalities.errors import BadInput
from modalities.registry import target

VIEW = AudioView(rate=8_000, mels=40, test_clips=3)
LIBRI, VOX, MUSAN = target("librispeech100"), target("voxforge6"), target("musan3")


def sound(path, seconds=1.2, rate=16_000, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.3 * np.sin(np.arange(int(seconds * rate)) * 0.3)
    soundfile.write(path, np.repeat(wave[:, None], channels, 1), rate)
    return path


def libri(root, utterances=10, speakers=("19", "7780", "911")):
    for speaker in speakers:
        for number in range(utterances):
            name = f"{speaker}-200-{number:04}.flac"
            sound(root / "LibriSpeech" / "train-clean-100" / speaker / "200" / name)
    return root


def musan(root, files=12):
    for name, source in (("music", "fma"), ("speech", "us-gov"), ("noise", "free-sound")):
        for number in range(files):
            sound(root / "musan" / name / source / f"{name}-{source}-{number:04}.wav")
    return root


def vox(root, speakers=12, language="it"):
    for number in range(speakers):
        sound(root / "voxforge6" / language / f"voice{number}-2012-abc" / "wav" / "it-0001.wav")
    return root


SPLIT = {"librispeech100": libri, "musan3": musan, "voxforge6": vox}


# --- the rule ------------------------------------------------------------------------------------------------


def test_a_fifth_of_the_names_is_held_out_and_a_new_version_cuts_anew():
    names = [f"unit-{number}" for number in range(20_000)]
    first, second = ([held_out(name, split) for name in names] for split in ("a-1", "a-2"))
    assert abs(np.mean(first) - 0.2) < 0.01
    assert abs(np.mean(np.logical_and(first, second)) - 0.04) < 0.01  # the versions are independent


def test_the_rule_is_the_published_one():
    # The first 64 bits of the SHA-256 of "split/unit", by another implementation (sha256sum).
    assert held_out("noise-free-sound-0000", musan3.SPLIT) is (0xAD32B1F39F4A2620 < 2**64 / 5)


@given(st.text(), st.text())
def test_a_side_depends_on_the_name_alone(unit, split):
    assert held_out(unit, split) == held_out(unit, split)


@pytest.mark.parametrize("name", SPLIT)
def test_a_missing_file_moves_nobody_else(tmp_path, name):
    adapter, root = target(name), SPLIT[name](tmp_path)
    before = {side: set(getattr(adapter, side)(root, VIEW).item_ids) for side in ("train", "test")}
    fingerprint = adapter.status(root).fingerprint
    train = adapter.train(root, VIEW)
    gone = train.rows[0].group
    for path in list(root.rglob(f"*{gone}*.*")) + list(root.rglob(f"{gone}*/*/*.wav")):
        path.unlink()
    after = {side: set(getattr(adapter, side)(root, VIEW).item_ids) for side in ("train", "test")}
    assert after["test"] == before["test"]
    assert after["train"] == {row.item_id for row in train.rows if row.group != gone}
    assert adapter.status(root).fingerprint != fingerprint


@pytest.mark.parametrize("name", SPLIT)
def test_without_data_the_status_is_absent_and_training_says_what_to_run(tmp_path, name):
    status = target(name).status(tmp_path)
    assert (status.state, status.fingerprint, status.bytes) == ("absent", "", 0)
    assert f"benchmark data fetch {name}" in status.how
    with pytest.raises(BadInput, match=f"benchmark data fetch {name}"):
        target(name).train(tmp_path, VIEW)


@pytest.mark.parametrize(("name", "missing"), [
    ("librispeech100", "28,509 of 28,539 utterances"), ("musan3", "1,980 of 2,016 files"),
    ("voxforge6", "voxforge_urls.txt"),
])  # fmt: skip
def test_some_of_the_data_are_partial_with_the_exact_count(tmp_path, name, missing):
    status = target(name).status(SPLIT[name](tmp_path))
    assert (status.state, status.missing) == ("partial", (missing,))
    assert status.bytes > 0


# --- LibriSpeech ---------------------------------------------------------------------------------------------


def test_speakers_are_251_in_numeric_order():
    assert len(set(librispeech100.SPEAKERS)) == 251
    assert [int(name) for name in librispeech100.SPEAKERS] == sorted(map(int, librispeech100.SPEAKERS))
    assert librispeech100.SPEAKERS[0] == "19" and librispeech100.SPEAKERS[-1] == "8975"


def test_labels_are_official_although_identifiers_are_sparse(tmp_path):
    train = LIBRI.train(libri(tmp_path), VIEW)
    seen = {row.item_id.partition("-")[0]: row.label for row in train.rows}
    assert seen == {name: librispeech100.SPEAKERS.index(name) for name in ("19", "911", "7780")}
    assert seen["19"] == 0


def test_the_cpc_lists_are_honoured_where_both_are_there(tmp_path):
    root = libri(tmp_path, speakers=("19",))
    own = LIBRI.status(root).fingerprint
    names = [f"19-200-{number:04}" for number in range(10)]
    (root / "LibriSpeech" / "test_split.txt").write_text("\n".join(names[:3]) + "\n")
    assert LIBRI.status(root).fingerprint == own  # one list alone decides nothing
    (root / "LibriSpeech" / "train_split.txt").write_text("\n".join(names[4:]) + "\n")
    assert set(LIBRI.test(root, VIEW).item_ids) == set(names[:3])
    assert set(LIBRI.train(root, VIEW).item_ids) == set(names[4:])  # one utterance is in neither list
    assert LIBRI.status(root).fingerprint != own


def test_a_list_that_is_none_and_a_stranger_among_the_recordings_are_named(tmp_path):
    root = libri(tmp_path, speakers=("19",))
    stranger = sound(root / "LibriSpeech" / "train-clean-100" / "19" / "200" / "12-200-0001.flac")
    with pytest.raises(BadInput, match=r"12-200-0001\.flac is not an utterance of train-clean-100"):
        LIBRI.train(root, VIEW)
    stranger.unlink()
    for side in ("train", "test"):
        (root / "LibriSpeech" / f"{side}_split.txt").write_text("<html>not found</html>\n")
    with pytest.raises(BadInput, match=r"train_split\.txt holds '<html>not'"):
        LIBRI.train(root, VIEW)


def test_a_fetch_verifies_the_published_checksums(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(
        modalities.download.fetch, "download", lambda url, path, **check: asked.update({url: check}) or path
    )
    monkeypatch.setattr(modalities.download.fetch, "extract", lambda archive, into: None)
    LIBRI.fetch(tmp_path)
    MUSAN.fetch(tmp_path)
    assert asked[librispeech100.URL] == {
        "sha256": "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2", "size": 6_387_309_499,
    }  # fmt: skip
    assert asked[f"{librispeech100.CPC}/test_split.txt"] == {
        "md5": "5e26b06a32c883fc35b5f2bcb7c14cd9", "at_most": 10_000_000,
    }  # fmt: skip
    assert asked[musan3.URL] == {"md5": "0c472d4fc0c5141eca47ad1ffeb2a7df", "size": 11_086_114_085}


# --- VoxForge ------------------------------------------------------------------------------------------------


def test_a_speaker_is_on_one_side_in_all_languages(tmp_path):
    root = tmp_path
    for language in ("de", "en", "ru"):
        vox(root, 40, language)
    train, test = VOX.train(root, VIEW), VOX.test(root, VIEW)
    assert len(train) + len(test) == 120 and len(set(train.groups)) + len(set(test.groups)) == 40
    assert {row.item_id[:2]: row.label for row in train.rows} == {"de": 0, "en": 1, "ru": 5}


def archives(folder, names, language="es"):
    """Archives of submissions as the site has them, and their list."""
    folder.mkdir()
    for name in names:
        sound(folder / "tree" / name / "wav" / "es-0001.wav", 0.3)
        with tarfile.open(folder / f"{name}.tgz", "w:gz") as tar:
            tar.add(folder / "tree" / name, name)
    lines = (
        f"www.repository.voxforge1.org/downloads/{language}/Trunk/Audio/Main/16kHz_16bit/{name}.tgz" for name in names
    )
    return "".join(f"{line}\n" for line in lines)


def fetched(tmp_path, monkeypatch, names, gone):
    listing, bounds = archives(tmp_path / "site", names), []
    published = hashlib.sha256(listing.encode()).hexdigest()
    monkeypatch.setattr(voxforge6, "LIST_SHA256", published)

    def download(url, path, **check):
        path.parent.mkdir(parents=True, exist_ok=True)
        if url == voxforge6.LIST_URL:
            assert check["sha256"] == published
            path.write_text(listing)
            return path
        bounds.append(check["at_most"])
        if path.stem in gone:
            raise BadInput(f"{url} answers 404.")
        path.write_bytes((tmp_path / "site" / path.name).read_bytes())
        return path

    monkeypatch.setattr(modalities.download.fetch, "download", download)
    VOX.fetch(tmp_path / "root")
    return bounds


def test_the_list_is_the_published_one_and_a_shorter_one_is_never_enough(tmp_path, monkeypatch):
    assert voxforge6.LIST_SHA256 == "9cc218a5bce16640dc4eeb263aa423ce63ca59fc6587a9487dc397642b76af6c"
    fetched(tmp_path, monkeypatch, [f"speaker{k}-2011-x" for k in range(3)], gone=())
    path = tmp_path / "root" / "voxforge6" / "voxforge_urls.txt"
    assert VOX.status(tmp_path / "root").state == "ready"
    path.write_text(path.read_text().partition("\n")[0])
    status = VOX.status(tmp_path / "root")
    assert (status.state, status.missing[0]) == (
        "partial", "voxforge_urls.txt is not the published list, which has 1,344,189 bytes",
    )  # fmt: skip
    assert len(VOX.train(tmp_path / "root", VIEW)) == 2, "what is there can be read all the same"


SITE = "www.repository.voxforge1.org/downloads"


@pytest.mark.parametrize("home", ["voxforge6", "voxforge", f"voxforge6/{SITE}", SITE])
def test_the_tree_of_archives_that_a_mirror_gives_is_unpacked_and_read(tmp_path, monkeypatch, home):
    names = [f"speaker{k}-2011-x" for k in range(3)]
    listing = archives(tmp_path / "site", names).replace("/es/", "/SpeechCorpus/")
    monkeypatch.setattr(voxforge6, "LIST_SHA256", hashlib.sha256(listing.encode()).hexdigest())
    monkeypatch.setattr(modalities.download.fetch, "download", lambda url, path, **check: path)
    branch = tmp_path / home / "SpeechCorpus/Trunk/Audio/Main/16kHz_16bit"
    branch.mkdir(parents=True)
    for name in names:
        (tmp_path / "site" / f"{name}.tgz").rename(branch / f"{name}.tgz")
    (tmp_path / "voxforge6").mkdir(exist_ok=True)
    (tmp_path / "voxforge6" / "voxforge_urls.txt").write_text(listing)

    status = VOX.status(tmp_path)
    assert status.state == "partial" and "3 archives are not unpacked, such as speaker0-2011-x.tgz" in status.missing
    assert "which unpacks the archives that are there" in status.how
    VOX.fetch(tmp_path)
    assert VOX.status(tmp_path).state == "ready"
    rows = [*VOX.train(tmp_path, VIEW).rows, *VOX.test(tmp_path, VIEW).rows]
    assert sorted(row.item_id for row in rows) == [f"en/{name}/es-0001" for name in names]
    assert {row.label for row in rows} == {1} and all((branch / f"{name}.tgz").is_file() for name in names)


def test_a_fetch_unpacks_every_archive_below_its_language(tmp_path, monkeypatch):
    fetched(tmp_path, monkeypatch, [f"speaker{k}-2011-x" for k in range(3)], gone=())
    assert VOX.status(tmp_path / "root").state == "ready"
    files = sorted(str(path.relative_to(tmp_path / "root" / "voxforge6")) for path in tmp_path.glob("root/**/*.wav"))
    assert files == [f"es/speaker{k}-2011-x/wav/es-0001.wav" for k in range(3)]
    assert not list(tmp_path.glob("root/**/*.tgz"))


def test_no_archive_and_not_all_together_may_be_of_any_size(tmp_path, monkeypatch):
    monkeypatch.setattr(VOX, "info", replace(VOX.info, download_bytes=100_000))
    names = [f"speaker{k}-2011-x" for k in range(3)]
    bounds = fetched(tmp_path, monkeypatch, names, gone=())
    sizes = [(tmp_path / "site" / f"{name}.tgz").stat().st_size for name in names]
    assert bounds == [200_000, 200_000 - sizes[0], 200_000 - sizes[0] - sizes[1]]
    monkeypatch.undo()
    (tmp_path / "real").mkdir()
    assert fetched(tmp_path / "real", monkeypatch, names, gone=()) == [1_000_000_000] * 3


def test_archives_that_cannot_be_had_are_counted_and_few_of_them_do_no_harm(tmp_path, monkeypatch):
    names = [f"speaker{k}-2011-x" for k in range(40)]
    (tmp_path / "few").mkdir()
    fetched(tmp_path / "few", monkeypatch, names, gone=names[:2])
    status = VOX.status(tmp_path / "few" / "root")
    assert (status.state, status.missing) == ("ready", ("2 of 40 submissions",))
    (tmp_path / "many").mkdir()
    with pytest.raises(BadInput, match=r"3 archives of voxforge6 are unavailable; the first one: .*speaker0.*404"):
        fetched(tmp_path / "many", monkeypatch, names, gone=names[:3])
    status = VOX.status(tmp_path / "many" / "root")
    assert (status.state, status.missing) == ("partial", ("3 of 40 submissions",))


def test_a_list_of_something_else_is_named(tmp_path):
    vox(tmp_path)
    (tmp_path / "voxforge6" / "voxforge_urls.txt").write_text("www.example.org/pt/Trunk/a.tgz\n")
    with pytest.raises(BadInput, match=r"voxforge_urls\.txt holds the line 'www\.example\.org/pt/Trunk/a\.tgz'"):
        VOX.status(tmp_path)


# --- MUSAN ---------------------------------------------------------------------------------------------------


def test_windows_of_a_training_file_are_evenly_spread_and_never_on_the_other_side(tmp_path):
    root = musan(tmp_path)
    train, test = MUSAN.train(root, VIEW), MUSAN.test(root, VIEW)
    assert len(train) == 8 * len(set(train.groups)) and len(test) == len(set(test.groups))
    assert set(train.groups).isdisjoint(test.groups) and len(set(train.groups)) + len(test) == 36
    path = train.rows[0].where.path
    soundfile.write(path, np.repeat(np.arange(8) / 16, 16_000), 16_000)  # eight seconds, each of its own level
    levels = [int(np.median(train[number].data.numpy())) for number in range(8)]
    assert levels == [number * 2**15 // 16 for number in range(8)]


@pytest.mark.parametrize(("seconds", "rate", "channels"), [(0.3, 16_000, 1), (3, 44_100, 2), (2, 11_025, 1)])
def test_short_stereo_and_odd_files_are_read(tmp_path, seconds, rate, channels):
    root = musan(tmp_path)
    for data in (MUSAN.train(root, VIEW), MUSAN.test(root, VIEW)):
        where = data.rows[0].where
        sound(getattr(where, "path", where), seconds, rate, channels)
        assert data[0].data.shape[1] == VIEW.samples and data[0].data.abs().max() > 5_000


@pytest.mark.parametrize("damage", ["empty", "no sound", "no samples"])
def test_files_without_sound_are_named_in_one_sentence(tmp_path, damage):
    root = musan(tmp_path)
    for data in (MUSAN.train(root, VIEW), MUSAN.test(root, VIEW)):
        where = data.rows[0].where
        path = getattr(where, "path", where)
        if damage == "no samples":
            soundfile.write(path, np.zeros(0), 16_000)
        else:
            path.write_bytes(b"" if damage == "empty" else b"RIFF and then nothing")
        with pytest.raises(BadInput, match=rf"{path.name}.*fetch it again\.$"):
            data[0]
