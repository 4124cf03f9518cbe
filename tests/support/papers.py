"""A real LaTeX, to see what tables look like in a paper."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest


def lacking():
    """Return what is not installed of a LaTeX that can set the tables."""
    programs = [name for name in ("pdflatex", "kpsewhich", "pdftotext") if shutil.which(name) is None]
    if programs:
        return programs
    packages = ("booktabs.sty", "siunitx.sty")
    found = subprocess.run(["kpsewhich", *packages], capture_output=True, text=True, check=False).stdout
    return [name for name in packages if name not in found]


needs_latex = pytest.mark.skipif(
    bool(missing := lacking()),
    reason=f"{', '.join(missing)} not installed: `.ci/run` installs Python packages alone, and no TeX",
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
