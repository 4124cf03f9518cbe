"""The contract check passes what the scaffold writes, and fails at the item that a plug-in does not keep."""

from __future__ import annotations

from importlib.resources import files

import pytest

from modalities.contract.plugins import ITEMS, check_plugin
from modalities.plugins.find import KINDS, find

SCAFFOLDS = [
    *((kind, kind) for kind in KINDS if kind != "source"),
    *(("source", f"source_{m}") for m in ("image", "audio", "video")),
]


def checked(tmp_path, kind, text):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return {item.name: item for item in check_plugin(find(kind, str(path)))}


@pytest.mark.parametrize(("kind", "template"), SCAFFOLDS)
def test_what_the_scaffold_writes_keeps_the_contract(tmp_path, monkeypatch, kind, template):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    text = (files("benchmark.cli.scaffold") / f"{template}.txt").read_text(encoding="utf-8")
    items = checked(tmp_path, kind, text)
    assert items.keys() == {"loads", *ITEMS[kind]}
    assert {item.verdict for item in items.values()} == {"pass"}, items
    assert len(text.splitlines()) < 40


HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
BROKEN = [
    ("loss", "def LOSS(s, t, x, n): return (s - t).abs().mean(1)", "scalar", r"a tensor \(16,\)"),
    ("loss", "def LOSS(s, t, x, n): return 1.0", "scalar", "a float"),
    ("loss", "def LOSS(s, t, x, n): return (s - t).mean() / 0", "scalar", "inf|nan"),
    ("loss", "def LOSS(s, t, x, n): return (s.detach() - t).abs().mean()", "gradient", "grad"),
    ("loss", "def LOSS(s, t, x, n): return (s - t)[:4].square().mean()", "gradient", "do not reach"),
    ("loss", "def LOSS(s, t, x, n): return (s - t).square().mean() + torch.rand(())", "same again", "different"),
    ("loss", "def LOSS(s, t, x, n): return -(s - t).square().mean()", "agreement", "no lower"),
    ("policy", "def POLICY(x, draws, step): return x[:2]", "shape and type", "it made"),
    ("policy", "def POLICY(x, draws, step): return x.double()", "shape and type", "float64"),
    ("policy", "def POLICY(x, draws, step): return x / 0", "shape and type", "not finite"),
    ("policy", "COUNT = []\ndef POLICY(x, draws, step):\n    COUNT.append(1)\n    return x + len(COUNT)",
     "by step", "other"),
    ("source", "import numpy as np\ndef SOURCE(seed): return np.zeros((64, 64, 3), np.uint8)", "usable", "flat"),
    ("source", "import numpy as np\ndef SOURCE(seed): return np.random.randint(0, 255, (64, 64, 3), np.uint8)",
     "from a seed", "another source"),
    ("network", "def NETWORK(shape, classes): return nn.Flatten()", "logits", "instead of"),
    ("network", "def NETWORK(shape, classes): return 1", "logits", "a int|an int"),
    ("network", "import math\ndef NETWORK(shape, classes):\n"
     "    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), classes).requires_grad_(False))",
     "training", "grad"),
    ("method", "class METHOD:\n    def __init__(self, setup): self.s = setup\n"
     "    def batch(self, step): return self.s.segments.batch(step)[:3]", "batches", "instead of"),
    ("method", "class METHOD:\n    def __init__(self, setup): self.s = setup\n    def batch(self, step):\n"
     "        with torch.no_grad(): next(self.s.student.parameters()).add_(1)\n"
     "        return self.s.segments.batch(step)", "batches", "weights of the student"),
    ("method", "class METHOD:\n    def __init__(self, setup): self.s, self.n = setup, 0\n    def batch(self, step):\n"
     "        self.n += 1\n        return self.s.segments.batch(step) * self.n", "resuming", "other inputs"),
    ("method", "class METHOD:\n    def __init__(self, setup): self.s = setup\n"
     "    def batch(self, step): return self.s.segments.batch(step)\n"
     "    def costs(self): return {'hours': 1}", "batches", "hours"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "item", "message"), BROKEN)
def test_what_a_plugin_does_not_keep_is_said(tmp_path, monkeypatch, kind, text, item, message):
    import re

    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    found = checked(tmp_path, kind, HEAD + text)[item]
    assert found.verdict == "fail" and re.search(message, found.detail), found


def test_a_loss_that_couples_the_batch_is_told_so(tmp_path):
    text = HEAD + "def LOSS(s, t, x, n): return (s - t).square().mean().sqrt()"
    assert checked(tmp_path, "loss", text)["mean"].verdict == "skip"


def test_a_file_that_does_not_run_is_checked_no_further(tmp_path):
    (only,) = checked(tmp_path, "loss", "def LOSS(: pass").values()
    assert (only.name, only.verdict) == ("loads", "fail")
