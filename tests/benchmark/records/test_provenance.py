"""Where a number comes from: the commit of this checkout, versions, and no folder of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.records import provenance as provenance_module
from benchmark.records.provenance import below_root, provenance, strip_folders


def test_provenance_names_this_checkouts_commit():
    root = Path(__file__).parents[3]
    git = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if git.returncode:
        pytest.skip("not a git checkout")
    assert root / "benchmark" == provenance_module.PACKAGE, "changes anywhere in the package count as dirty"
    provenance_module._checkout.cache_clear()
    assert provenance("cpu", 2)["commit"] == git.stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A checkout of a package of the same layout, with one commit."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # a caller's own variables must not matter
    for name in ("benchmark", "modalities"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments):
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], env=clean, check=True, capture_output=True)

    git("init", "-q")
    git("add", "benchmark")
    git("commit", "-q", "-m", "first", "--", "benchmark")
    git("add", ".")
    git("commit", "-q", "-m", "second")
    yield tmp_path / "benchmark"
    provenance_module._checkout.cache_clear()


def test_dirty_says_whether_the_code_differs_from_the_commit(repository):
    commit, dirty = provenance_module._checkout(repository)
    assert len(commit) == 40
    assert dirty is False
    provenance_module._checkout.cache_clear()
    (repository.parent / "notes.txt").write_text("not code")
    assert provenance_module._checkout(repository) == (commit, False)
    provenance_module._checkout.cache_clear()
    (repository / "new.py").write_text("x = 1")
    assert provenance_module._checkout(repository) == (commit, True)


def test_a_package_that_merely_lies_inside_a_repository_has_no_commit(repository):
    copy = repository.parent / "venv" / "benchmark"
    copy.mkdir(parents=True)
    (copy / "__init__.py").write_text("")
    assert provenance_module._checkout(copy) == (None, None)


def test_provenance_is_json_and_says_versions_threads_and_utc():
    content = json.loads(json.dumps(provenance("cuda: some GPU", 3)))
    assert content["libraries"]["numpy"] == np.__version__
    assert (content["device"], content["threads"], content["ended"]) == ("cuda: some GPU", 3, None)
    assert content["started"].endswith("+00:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('File "/home/a b/x/y.py", line 3, in f', 'File "y.py", line 3, in f'),
        ("cannot open /srv/data/x.png: gone", "cannot open x.png: gone"),
        ("in C:\\Users\\me\\x.wav.", "in x.wav."),
        ("'/srv/data/x.png'", "'x.png'"),
        ("into /srv/data/train/, or (/srv/data/val/).", "into train/, or (val/)."),
        ("into /srv/data/.cache/. Then", "into .cache/. Then"),
        ("images into /srv/{train,test}/CLASS/.", "images into {train,test}/CLASS/."),
        ("see https://example.org/a/b or data/x.png, 3/4", "see https://example.org/a/b or data/x.png, 3/4"),
    ],
)
def test_texts_lose_their_folders_and_nothing_else(text, expected):
    assert strip_folders(text) == expected
    assert strip_folders(expected) == expected


@pytest.mark.parametrize(
    ("root", "text", "expected"),
    [
        ("/srv/a b", "into /srv/a b/imagenet/train/, or /srv/a b.", "into ROOT/imagenet/train/, or ROOT."),
        ("/data", "https://x.org/data/y, /data2/y, /data.old/y and /mnt/data/y", None),
        ("data", "`benchmark data fetch fsdd`, or put it into data/fsdd", None),
        (".", "put it into fsdd/.", None),
        ("/", "put it into /fsdd/.", None),
    ],
)
def test_the_data_root_and_nothing_else_becomes_root(root, text, expected):
    assert below_root(text, Path(root)) == (text if expected is None else expected)
    assert expected is None or strip_folders(expected) == expected


def test_records_and_leaderboards_never_import_torch():
    code = (
        "import sys, benchmark.records.store, benchmark.evaluation.metrics, benchmark.leaderboard.table\n"
        "assert 'pandas' not in sys.modules and 'scipy' not in sys.modules\n"
        "benchmark.records.provenance.provenance('cpu', 1)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
