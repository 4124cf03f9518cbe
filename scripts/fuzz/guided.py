"""Files that coverage guides: atheris (libFuzzer) looks for inputs that reach new lines of our decoders.

Instrumented are this project's packages and the Python parts of Pillow, tarfile and zipfile, not the libraries in C.
Each decoder runs in a separate process, which libFuzzer ends, with the same limit on memory as for blind files.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import judge

LOG = "guided.json"
LIBRARIES: tuple[str, ...] = ("atheris",)  # beyond those of the decoders
INSTRUMENTED = ["modalities", "benchmark", "PIL", "tarfile", "zipfile"]
CPU_SECONDS: float = 20  # for one file: instrumented Python takes about four times as long
WALL_SECONDS = 60  # for one file, asleep or on a busy machine; CPU time is checked separately


def _search(name: str, files: int, seed: int, keep: Path, scratch: Path) -> None:
    """Run a decoder in this process, which libFuzzer ends; seen.json in the scratch folder counts what happened."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        from decoders import DECODERS

        decoder, root, corpus = DECODERS[name], scratch / "root", scratch / "corpus"
        whole = judge.prepare(decoder, root)
        corpus.mkdir()
        for number, content in enumerate(whole):
            (corpus / str(number)).write_bytes(content)
        judge.limit_memory()
        seen: dict[str, Any] = {"files": 0, "decoded": 0, "refused": 0, "other_exceptions": 0, "slow": 0,
                                "slowest_cpu_seconds": 0.0}  # fmt: skip

        def decode(data: bytes) -> None:
            seen["files"] += 1
            judge.write_file(root / decoder.place, data, seen["files"])
            began = time.process_time()
            kind, why = judge.verdict(decoder, root)
            taken = time.process_time() - began
            seen[kind] += 1
            seen["slowest_cpu_seconds"] = max(seen["slowest_cpu_seconds"], round(taken, 2))
            if taken > CPU_SECONDS:
                seen["slow"] += 1
                why += f"{taken:.1f} s"
            if why:
                judge.keep_file(keep, f"guided-{name}-{seen['files']}", Path(decoder.place).suffix, data, why)
            (scratch / "seen.json").write_text(json.dumps(seen))

        longest = max(4096, 2 * max(map(len, whole)))
        atheris.Setup(
            [sys.argv[0], f"-runs={files}", f"-seed={seed + 1}", f"-max_len={longest}", f"-timeout={WALL_SECONDS}",
             "-rss_limit_mb=0", "-len_control=0", f"-artifact_prefix={scratch}/", str(corpus)],
            decode,
        )  # fmt: skip
        atheris.Fuzz()


def fuzz(name: str, files: int, seed: int, keep: Path) -> dict[str, Any]:
    """Send at least ``files`` guided files through a decoder; return a JSON-ready row of what happened."""
    began = time.monotonic()
    with judge.scratch_folder(name) as scratch:
        environment = {**os.environ, "BENCHMARK_CACHE": str(scratch / "cache"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, name, str(files), str(seed), str(keep), str(scratch)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
        if not (scratch / "seen.json").is_file():
            raise RuntimeError(f"the search did not start:\n{done.stderr[-2000:]}")
        seen = json.loads((scratch / "seen.json").read_text())
        for path in (path for path in scratch.glob("*-*") if path.is_file()):  # crash-…, timeout-…, of libFuzzer
            why = f"{path.name}\n{done.stderr[-3000:]}"
            judge.keep_file(keep, f"guided-{name}-{seen['files']}", "", path.read_bytes(), why)
    covered = [int(found) for found in re.findall(r"\bcov: (\d+)", done.stderr)] or [0]
    return {
        "decoder": name, **seen, "died": int(done.returncode != 0), "first_coverage": covered[0],
        "coverage": covered[-1], "seconds": round(time.monotonic() - began), "commit": judge.commit(),
    }  # fmt: skip


if __name__ == "__main__":
    _search(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
