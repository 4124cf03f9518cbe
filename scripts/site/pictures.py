"""Make the pictures of the documentation by the tool itself: a preview, the beginning of a report, and badges.

    python scripts/site/pictures.py

Writes docs/pictures/. The preview is of a photograph that ships with a dependency (CC0). The report is that of the
measured rows on real data, photographed in Chromium, which has to be installed. Badges repeat pyproject.toml. Run it
again if any of them looks different.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
MEASURED = ROOT / "results" / "measured"
WIDTH = 1200


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for name, text in badges().items():
        (PICTURES / name).write_text(text, encoding="utf-8")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("Chromium is not installed; it photographs the report.")
    with tempfile.TemporaryDirectory() as folder:
        preview, page, photo = (Path(folder) / name for name in ("preview.png", "report.html", "report.png"))
        _benchmark("preview", "image", "source.image=coffee", "--out", str(preview))
        _save(preview, "preview.webp", quality=70)
        _benchmark("report", "profile=small", "--results", str(MEASURED), "--out", str(page))
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
        shot = [f"--screenshot={photo}", f"--window-size={WIDTH},1000", page.as_uri()]
        subprocess.run([browser, *options, *shot], check=True, stderr=subprocess.DEVNULL)
        _save(photo, "report.webp", quality=80)


def badges() -> dict[str, str]:
    """Return what pyproject.toml says of Python and of the licence, as small pictures by file name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = [text.rpartition(" ")[2] for text in project["classifiers"] if ":: Python :: 3." in text]
    facts = {"python": " | ".join(versions), "licence": project["license"]}
    return {f"{name}.svg": _badge(name, fact) for name, fact in facts.items()}


def _badge(name: str, fact: str) -> str:
    left, right = (7 * len(text) + 14 for text in (name, fact))
    size = f'width="{left + right}" height="20"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{name}: {fact}">
<rect width="{left}" height="20" fill="#444"/><rect x="{left}" width="{right}" height="20" fill="#0b5a8a"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11">
<text x="{left / 2}" y="14">{name}</text><text x="{left + right / 2}" y="14">{fact}</text></g></svg>
"""


def _benchmark(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "benchmark", *words], check=True)


def _save(path: Path, name: str, *, quality: int) -> None:
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
        picture.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
        picture.save(PICTURES / name, quality=quality, method=6)


if __name__ == "__main__":
    main()
