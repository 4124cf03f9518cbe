"""``benchmark doctor`` finds what does not work: collisions, missing libraries, folders, broken plug-ins."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError

import pytest

from benchmark.cli import doctor
from benchmark.cli.doctor import examine
from modalities import registry


@pytest.fixture
def findings(capsys, tmp_path):
    def found(root=None, results=None):
        fine = examine(root or tmp_path / "data", results or tmp_path / "results", format="json")
        return fine, {row["what"]: row for row in json.loads(capsys.readouterr().out)}

    return found


def test_a_sound_installation_has_nothing_wrong(findings, tmp_path):
    fine, found = findings()
    assert fine, [row for row in found.values() if row["verdict"] == "wrong"]
    assert found["results folder"]["detail"] == str((tmp_path / "results").resolve())
    for what in ("torch", "image decoding", "audio decoding", "video decoding", "package benchmark"):
        assert found[what]["verdict"] == "ok"
    assert "digits" in found["data ready"]["detail"]
    assert found["data absent"]["verdict"] == "note"
    assert str(tmp_path / "data") in found["data absent"]["detail"]


def test_a_folder_that_cannot_be_written_is_wrong(findings, tmp_path):
    (tmp_path / "file").write_text("")
    fine, found = findings(results=tmp_path / "file" / "results")
    assert not fine
    assert found["results folder"]["verdict"] == "wrong"
    assert "cannot be written" in found["results folder"]["detail"]


def test_another_package_of_the_same_name_is_wrong_and_named(findings, monkeypatch):
    installed_by = {"modalities": ["modalities", doctor.DISTRIBUTION], "benchmark": [doctor.DISTRIBUTION]}
    monkeypatch.setattr(doctor, "packages_distributions", lambda: installed_by)
    fine, found = findings()
    assert not fine
    assert found["package modalities"]["verdict"] == "wrong"
    assert "also installed by modalities; uninstall one of them" in found["package modalities"]["detail"]
    assert found["package benchmark"]["verdict"] == "ok"


@pytest.mark.parametrize(("name", "verdict"), [("librosa", "wrong"), ("timm", "note")])
def test_a_missing_library_is_wrong_unless_it_is_optional(findings, monkeypatch, name, verdict):
    real = doctor.version

    def version(library: str) -> str:
        if library == name:
            raise PackageNotFoundError(name)
        return real(library)

    monkeypatch.setattr(doctor, "version", version)
    fine, found = findings()
    assert found[name]["verdict"] == verdict
    assert "not installed" in found[name]["detail"]
    assert fine == (verdict == "note")


def test_a_broken_target_is_a_finding_and_does_not_end_the_checks(findings, monkeypatch):
    real = registry.target

    def target(name: str):
        if name == "digits":
            raise ImportError("no module named nonsense")
        return real(name)

    monkeypatch.setattr(registry, "target", target)
    fine, found = findings()
    assert not fine
    assert "no module named nonsense" in found["target digits"]["detail"]
    assert "fsdd" in found["data absent"]["detail"]


def test_a_decoder_that_does_not_load_is_wrong(findings, monkeypatch):
    def broken() -> str:
        raise OSError("libsndfile.so: cannot open shared object file")

    monkeypatch.setattr(doctor, "_audio_codecs", broken)
    fine, found = findings()
    assert not fine
    assert "cannot open shared object file" in found["audio decoding"]["detail"]


def test_findings_as_text_are_a_table(capsys, tmp_path):
    examine(tmp_path, tmp_path, format="text")
    said = capsys.readouterr().out
    assert said.splitlines()[0].split() == ["what", "detail"]
    assert "package modalities" in said
