"""``benchmark data``: status, fetch, verify and sample, on a small dataset of sounds that a local server offers."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.app import app
from benchmark.cli.text_table import size
from modalities import registry
from modalities.audio.folder import AudioFolderTarget
from modalities.base import DataStatus, TargetInfo
from modalities.datasets.standin import MARKER
from modalities.errors import BadInput

INFO = TargetInfo(
    name="hums", title="Hums", modality="audio", classes=("low", "high"), train_items=8, test_items=4,
    licence="not stated", citation="@misc{hums, title={Hums}}", homepage="https://example.org", download_bytes=90_000,
    leak_unit="file",
)  # fmt: skip


class Hums(AudioFolderTarget):
    """Four files of each class for training, two for test; they can be downloaded where ``url`` says."""

    info = INFO
    sample_items = (4, 2)
    url = md5 = ""

    def fetch(self, root: Path) -> None:
        from modalities.download.fetch import download, extract

        if not self.url:
            return super().fetch(root)
        archive = download(self.url, root / "hums.zip", md5=self.md5)
        extract(archive, root)
        return archive.unlink()


class Broken:
    """A plug-in whose status raises."""

    info = TargetInfo(**{**INFO.__dict__, "name": "broken"})

    def status(self, root: Path) -> DataStatus:
        raise RuntimeError("no such drive")


@pytest.fixture(autouse=True)
def hums(monkeypatch: pytest.MonkeyPatch) -> Hums:
    """Four targets: one to play with, one that is broken, one that ships, one that needs an agreement."""
    known: dict[str, Any] = {"hums": Hums(), "broken": Broken()}
    known |= {name: registry.target(name) for name in ("digits", "imagenet")}
    monkeypatch.setattr(registry, "target", lambda name: known[name])
    monkeypatch.setattr(registry, "target_names", lambda: sorted(known))
    monkeypatch.setattr(registry, "origin", lambda name: str(known[name]))
    return known["hums"]


@pytest.fixture
def real(hums: Hums, tmp_path: Path) -> Path:
    """A root with data that pass for real."""
    root = tmp_path / "data"
    hums.write_sample(root, 0)
    (root / "hums" / MARKER).unlink()
    return root


@pytest.fixture
def site(hums: Hums, real: Path, tmp_path: Path) -> Iterator[Hums]:
    """The target, with its archive offered on the loopback interface."""
    place = tmp_path / "site"
    archive = Path(shutil.make_archive(str(place / "hums"), "zip", real))
    handler = partial(SimpleHTTPRequestHandler, directory=str(place))
    handler.func.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hums.url = f"http://127.0.0.1:{server.server_port}/hums.zip"
    hums.md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    yield hums
    server.shutdown()
    server.server_close()


def code_of(*arguments: str | Path) -> int:
    """Exit code of ``benchmark data …``, as a shell sees it."""
    with pytest.raises(SystemExit) as ended:
        app(["data", *map(str, arguments)])
    return int(ended.value.code or 0)


def table(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    code = code_of(*arguments, "--format", "json")
    return code, {row["name"]: row for row in json.loads(capsys.readouterr().out)}


# --- status ------------------------------------------------------------------------------------------------------


def test_status_shows_every_state_and_its_next_step(real: Path, tmp_path: Path, capsys: Any) -> None:
    code, rows = table(capsys, "status", "--root", real)
    assert code == 1, "an adapter is broken"
    assert {name: row["state"] for name, row in rows.items()} == {
        "hums": "ready", "broken": "broken", "digits": "shipped", "imagenet": "absent",
    }  # fmt: skip
    assert "no such drive" in rows["broken"]["next"]
    assert "https://www.image-net.org" in rows["imagenet"]["next"]
    total = sum(path.stat().st_size for path in real.rglob("*.wav"))
    assert (rows["hums"]["bytes"], rows["hums"]["download_bytes"], rows["hums"]["next"]) == (total, 90_000, "")

    next((real / "hums" / "test" / "low").iterdir()).unlink()
    code, rows = table(capsys, "status", "hums", "--root", real)
    assert (code, list(rows), rows["hums"]["state"]) == (0, ["hums"], "partial")
    assert rows["hums"]["next"].startswith("missing test: 1 of 4 files; put the files into")


def test_status_never_takes_a_stand_in_for_real_data(hums: Hums, tmp_path: Path, capsys: Any) -> None:
    hums.write_sample(tmp_path, 0)
    _, rows = table(capsys, "status", "hums", "--root", tmp_path)
    assert rows["hums"]["state"] == "stand-in"
    assert "put the real data under another --root" in rows["hums"]["next"]


def test_status_is_a_line_per_target_for_people(real: Path, capsys: Any) -> None:
    assert code_of("status", "hums", "digits", "--root", real) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["target", "modality", "state", "on", "disk", "download", "next"]
    total = sum(path.stat().st_size for path in real.rglob("*.wav"))
    assert lines[1].split() == ["hums", "audio", "ready", *size(total).split(), "90.0", "kB"]
    assert lines[-1] == f"under {real}"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, ""),
        (900, "900 B"),
        (90_000, "90.0 kB"),
        (16_000_000, "16.0 MB"),
        (6_387_000_000, "6.4 GB"),
        (2e12, "2.0 TB"),
    ],
)
def test_sizes_have_a_unit(count: int | None, text: str) -> None:
    assert size(count) == text


# --- fetch -------------------------------------------------------------------------------------------------------


def test_fetch_downloads_the_data_and_shows_its_progress_on_standard_error(
    site: Hums, tmp_path: Path, capsys: Any
) -> None:
    root = tmp_path / "fresh"
    assert code_of("fetch", "hums", "--root", root) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("hums: ready, ")
    assert shown.err.startswith(f"hums: fetching 90.0 kB into {root}\n")
    assert "hums.zip: " in shown.err and "(100%)" in shown.err
    assert site.status(root).state == "ready"
    assert code_of("fetch", "hums", "--root", root) == 0
    assert capsys.readouterr().out == "hums: already there\n"


def test_one_that_cannot_be_fetched_does_not_stop_the_next(site: Hums, tmp_path: Path, capsys: Any) -> None:
    assert code_of("fetch", "imagenet", "hums", "digits", "--root", tmp_path / "fresh") == 2
    shown = capsys.readouterr()
    assert "imagenet: imagenet cannot be downloaded by this program; it needs an account" in shown.err
    assert "imagenet: fetching" not in shown.err, "what is not downloaded is not announced"
    assert [line.split()[0] for line in shown.out.splitlines()] == ["hums:", "digits:"]


def test_a_download_with_another_checksum_is_one_sentence(site: Hums, tmp_path: Path, capsys: Any) -> None:
    site.md5 = "0" * 32
    assert code_of("fetch", "hums", "--root", tmp_path / "fresh") == 1
    assert f"instead of {site.md5}" in capsys.readouterr().err
    assert site.status(tmp_path / "fresh").state == "absent"


def test_a_download_that_fails_is_announced_and_is_not_wrong_usage(hums: Hums, tmp_path: Path, capsys: Any) -> None:
    hums.url = "http://127.0.0.1:9/hums.zip"
    hums.info = TargetInfo(**{**INFO.__dict__, "download_bytes": 0})
    assert code_of("fetch", "hums", "--root", tmp_path / "fresh") == 1
    announced, fault = capsys.readouterr().err.splitlines()
    assert announced == f"hums: fetching into {tmp_path / 'fresh'}", "of unknown size"
    assert fault.startswith("hums: http://127.0.0.1:9/hums.zip cannot be reached")
    assert code_of("fetch", "imagenet", "hums", "--root", tmp_path / "fresh") == 2, "a manual step is needed too"


def test_fetch_does_not_write_over_a_stand_in(site: Hums, tmp_path: Path, capsys: Any) -> None:
    site.write_sample(tmp_path / "toy", 0)
    assert code_of("fetch", "hums", "--root", tmp_path / "toy") == 2
    assert "holds its generated stand-in" in capsys.readouterr().err


def test_a_stop_says_how_to_continue(hums: Hums, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(self: Hums, root: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Hums, "fetch", stopped)
    assert code_of("fetch", "hums", "--root", tmp_path) == 4
    assert "stopped at hums; the same command continues" in capsys.readouterr().err


# --- verify ------------------------------------------------------------------------------------------------------


def test_whole_data_have_no_problems(real: Path, capsys: Any) -> None:
    assert code_of("verify", "hums", "digits", "--root", real) == 0
    assert capsys.readouterr().out.splitlines() == [
        "hums: ready, 12 items decoded, 0 problems",
        "digits: shipped, 1,797 items decoded, 0 problems",
    ]


def test_missing_and_damaged_files_are_named(real: Path, capsys: Any) -> None:
    missing, damaged = real / "hums/test/low/000.wav", real / "hums/train/high/003.wav"
    missing.unlink()
    damaged.write_bytes(b"no sound")
    code, rows = table(capsys, "verify", "hums", "--root", real)
    assert code == 1
    assert rows["hums"]["items"] == 11
    absent, unreadable = rows["hums"]["problems"]
    assert absent.startswith("missing test: 1 of 4 files")
    assert str(damaged) in unreadable

    _, rows = table(capsys, "verify", "hums", "--quick", "--root", real)
    assert rows["hums"]["problems"] == [absent], "counting decodes nothing"


def test_published_checksums_are_compared_if_there_are_any(
    hums: Hums, real: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(root: Path) -> None:
        raise BadInput("hums.zip has another checksum")

    for verify, problems in (
        (lambda root: ["one", "two"], ["one", "two"]),
        (refused, ["hums.zip has another checksum"]),
    ):
        monkeypatch.setattr(hums, "verify", verify, raising=False)
        code, rows = table(capsys, "verify", "hums", "--root", real)
        assert (code, rows["hums"]["problems"]) == (1, problems)
        assert rows["hums"]["items"] == 12, "and items are decoded all the same"


def test_absent_data_stand_ins_and_broken_adapters_are_problems(hums: Hums, tmp_path: Path, capsys: Any) -> None:
    code, rows = table(capsys, "verify", "hums", "broken", "--root", tmp_path)
    assert (code, rows["hums"]["state"], rows["broken"]["state"]) == (1, "absent", "broken")
    hums.write_sample(tmp_path, 0)
    code, rows = table(capsys, "verify", "hums", "--root", tmp_path)
    assert (code, rows["hums"]["state"], rows["hums"]["items"]) == (1, "stand-in", 0)


def test_without_names_all_targets_are_verified_and_absent_ones_are_no_problem(
    real: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "target_names", lambda: ["digits", "hums", "imagenet"])
    code, rows = table(capsys, "verify", "--root", real)
    assert (code, list(rows)) == (0, ["digits", "hums", "imagenet"])
    assert {name: (row["state"], row["problems"]) for name, row in rows.items()} == {
        "digits": ("shipped", []), "hums": ("ready", []), "imagenet": ("absent", []),
    }  # fmt: skip
    (real / "hums/train/high/003.wav").write_bytes(b"no sound")
    code, rows = table(capsys, "verify", "--root", real)
    assert (code, len(rows["hums"]["problems"])) == (1, 1)


# --- sample ------------------------------------------------------------------------------------------------------


def test_a_sample_is_the_stand_in_in_the_native_layout(hums: Hums, tmp_path: Path, capsys: Any) -> None:
    assert code_of("sample", "hums", "--root", tmp_path / "toy") == 0
    assert str(tmp_path / "toy" / "hums") in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "toy").iterdir()} == {"hums"}
    assert len(list((tmp_path / "toy" / "hums" / "train" / "low").iterdir())) == 4
    assert code_of("sample", "hums", "--root", tmp_path / "toy") == 0
    assert "is already there" in capsys.readouterr().out


def test_a_sample_never_lands_among_real_data(real: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in real.rglob("*")}
    with pytest.raises(BadInput, match="is not a stand-in of hums and is kept; choose another --root"):
        app(["data", "sample", "hums", "--root", str(real)])
    assert {path: path.stat().st_mtime_ns for path in real.rglob("*")} == before


def test_shipped_data_have_no_sample(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="needs no stand-in"):
        app(["data", "sample", "digits", "--root", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_samples_of_all_targets_pass_over_one_without_a_stand_in_which_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from types import SimpleNamespace

    from benchmark.cli import data
    from modalities.image.folder import ImageFileTarget

    bare = type("Bare", (ImageFileTarget,), {"info": SimpleNamespace(name="bare")})()
    monkeypatch.setattr(data.registry, "target", lambda name: bare)
    monkeypatch.setattr(data.registry, "origin", lambda name: "somewhere")
    monkeypatch.setattr(data.registry, "target_names", lambda: ["bare"])
    data.sample([], tmp_path / "toy")
    assert capsys.readouterr().out == "bare: has no stand-in\n"
    with pytest.raises(BadInput, match="bare has no generated stand-in"):
        data.sample(["bare"], tmp_path / "toy")
