"""Files that coverage guides: atheris (libFuzzer) looks for inputs that reach new lines of our decoders.

Instrumented are this project's packages and the Python parts of Pillow, tarfile and zipfile, not the libraries in C.
Each decoder runs in a separate process, which libFuzzer ends, with the same limit on memory as for blind files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import judge

LOG = "guided.json"
LIBRARIES = ("atheris",)  # beyond those of the decoders
INSTRUMENTED = ["modalities", "benchmark", "PIL", "tarfile", "zipfile"]
CPU_SECONDS: float = 20  # for one file: instrumented Python takes about four times as long


def _search(name: str, files: int, seed: int, keep: Path, scratch: Path) -> None:
    """Run a decoder in this process, which libFuzzer ends; seen.json in the scratch folder counts what happened."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        from decoders import DECODERS

        decoder, corpus, seen = DECODERS[name], scratch / "corpus", dict.fromkeys(judge.COUNTS, 0)
        whole = judge.prepare(decoder, scratch / "root")
        corpus.mkdir()
        for number, content in enumerate(whole):
            (corpus / str(number)).write_bytes(content)
        judge.limit_memory()

        def decode(data: bytes) -> None:
            if why := judge.judge(decoder, scratch / "root", data, seen, CPU_SECONDS):
                judge.keep_file(keep / f"guided-{name}-{seen['files']}{Path(decoder.place).suffix}", data, why)
            (scratch / "seen.json").write_text(json.dumps(seen))

        longest = max(4096, 2 * max(map(len, whole)))
        atheris.Setup(
            [sys.argv[0], f"-runs={files}", f"-seed={seed + 1}", f"-max_len={longest}",
             f"-timeout={judge.WALL_SECONDS}", "-rss_limit_mb=0", "-len_control=0", f"-artifact_prefix={scratch}/",
             str(corpus)],
            decode,
        )  # fmt: skip
        atheris.Fuzz()


def fuzz(name: str, files: int, seed: int, keep: Path) -> dict[str, Any]:
    """Send at least ``files`` guided files through a decoder; return a JSON-ready row of what happened."""
    began = time.monotonic()
    with judge.scratch_folder(name) as scratch:
        command = [sys.executable, __file__, name, str(files), str(seed), str(keep), str(scratch)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if not (scratch / "seen.json").is_file():
            raise RuntimeError(f"the search did not start:\n{done.stderr[-2000:]}")
        seen = json.loads((scratch / "seen.json").read_text())
        for path in (path for path in scratch.glob("*-*") if path.is_file()):  # crash-…, timeout-…, of libFuzzer
            why = f"{path.name}\n{done.stderr[-3000:]}"
            judge.keep_file(keep / f"guided-{name}-{seen['files']}", path.read_bytes(), why)
    covered = [int(found) for found in re.findall(r"\bcov: (\d+)", done.stderr)] or [0]
    return {
        "decoder": name, **seen, "died": int(done.returncode != 0), "first_coverage": covered[0],
        "coverage": covered[-1], "seconds": round(time.monotonic() - began),
    }  # fmt: skip


if __name__ == "__main__":
    _search(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
