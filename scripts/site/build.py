"""Build the documentation site, offline: one folder of HTML that also works from the disk.

    python scripts/site/build.py [OUT]

The site mirrors the repository, so a link between two pages is right in both. It has the pages that ``zensical.toml``
names, all files that they link to, and the pages that ``generated.py`` makes. A warning of Zensical, such as a link to
nowhere, is an error.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from generated import generated_pages

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)|<img[^>]* src=\"([^\"]+)\"")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "out", nargs="?", type=Path, default=Path("site"), help="folder to write; replaced if it is a site"
    )
    out = parser.parse_args().out.resolve()
    if out.exists() and not (out / "search.js").exists():
        raise SystemExit(f"{out} exists and is not a site; choose another folder.")
    with tempfile.TemporaryDirectory() as folder:
        shutil.rmtree(out, ignore_errors=True)
        shutil.move(build(Path(folder)), out)
    print(f"wrote {out / 'index.html'}")


def build(folder: Path) -> Path:
    """Build in an empty folder; return the folder of the site. Raises SystemExit if Zensical warns of anything."""
    config = (HERE / "zensical.toml").read_text(encoding="utf-8")
    (folder / "zensical.toml").write_text(config.replace("REPOSITORY", ROOT.as_posix()), encoding="utf-8")
    stage(tomllib.loads(config)["project"]["nav"], folder / "pages")
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    if done.returncode or "griffe:" in said:
        raise SystemExit(f"the site has faults:\n{said}")
    return folder / "site"


def stage(nav: list[Any], pages: Path) -> None:
    """Write all pages below a folder, with every file of the repository that they link to."""
    made = generated_pages()
    waiting = [name for name in _pages_of(nav) if name not in made]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            path = pages / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, path)
            if path.suffix == ".md":
                waiting += _linked(name, path.read_text(encoding="utf-8"))
    for name, text in made.items():
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        (pages / name).write_text(text, encoding="utf-8")
    for asset in ("iframe-worker.js", "site.css"):
        shutil.copyfile(HERE / asset, pages / asset)


def _pages_of(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    return [name for entry in entries for name in _pages_of(entry)]


def _linked(name: str, text: str) -> list[str]:
    """Files of the repository that a page links to; what is not there, Zensical will name."""
    targets = (first or second for first, second in LINK.findall(FENCE.sub("", text)))
    found = ((ROOT / name).parent / target for target in targets if ":" not in target)
    return [
        str(path.resolve().relative_to(ROOT)) for path in found if path.is_file() and ROOT in path.resolve().parents
    ]


if __name__ == "__main__":
    main()
