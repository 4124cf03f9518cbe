"""A real LaTeX, to see what tables look like in a paper."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

needs_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None or shutil.which("pdftotext") is None,
    reason="pdflatex (with booktabs and siunitx) or pdftotext is not installed",
)


def typeset(folder, tex, *, options="", preamble=""):
    """Set LaTeX within ``article``; return the text of all pages and the lines of the log that tell of faults."""
    folder.mkdir(parents=True, exist_ok=True)
    document = (
        f"\\documentclass[{options}]{{article}}\n\\usepackage{{booktabs,siunitx}}\n{preamble}\n"
        f"\\begin{{document}}\n{tex}\n\\end{{document}}\n"
    )
    (folder / "page.tex").write_text(document, encoding="utf-8")
    for _ in range(1 + ("\\ref" in tex)):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        assert done.returncode == 0, done.stdout[-2000:]
    log = (folder / "page.log").read_text(encoding="utf-8", errors="replace")
    faults = re.findall(r"^(?:Overfull|Missing character|!|(?:LaTeX|Package \w+).*Warning).*", log, re.MULTILINE)
    command = ["pdftotext", "-raw", "page.pdf", "-"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout, faults
