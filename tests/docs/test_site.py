"""The documentation site builds without a warning, asks no other server for anything, and is searched from the disk."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pages import parse_page

ROOT = Path(__file__).parents[2]
SEARCH = """<script>
addEventListener("load", () => {
  document.querySelector(".md-search__button").click();
  const root = () => [...document.querySelectorAll("*")].find((one) => one.shadowRoot).shadowRoot;
  setTimeout(() => {
    const input = root().querySelector("input");
    input.value = "retention";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    setTimeout(() => {
      document.title = JSON.stringify([...root().querySelectorAll("a")].map((one) => one.href));
    }, 3000);
  }, 2000);
});
</script></body>"""


def built() -> bool:
    return all(importlib.util.find_spec(name) for name in ("zensical", "mkdocstrings_handlers"))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    if not built():
        pytest.skip("the extra docs is not installed")
    out = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, ROOT / "scripts/site/build.py", out]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_every_page_is_there_and_fetches_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    names = {page.relative_to(site).as_posix() for page in pages}
    docs = {f"docs/{page.stem}.html" for page in (ROOT / "docs").glob("*.md")}
    assert docs | {"index.html", "docs/commands.html", "docs/settings.html", "docs/api.html"} <= names
    for page in pages:
        for element in parse_page(page.read_text(encoding="utf-8")).all("script", "link", "img", "iframe", "source"):
            places = [place for place in (element["src"], element["href"]) if not place.startswith("data:")]
            assert not [place for place in places if "//" in place], page


def test_generated_pages_have_every_command_setting_and_public_name(site):
    import benchmark
    from benchmark.config.compose import defaults
    from benchmark.config.reference import reference

    text = {name: (site / f"docs/{name}.html").read_text(encoding="utf-8") for name in ("commands", "settings", "api")}
    for verb in ("run", "table", "report", "data status", "clean"):
        assert f">benchmark {verb}<" in text["commands"] and "--modality" in text["commands"]
    modalities = ("image", "audio", "video")
    keys = {row.name for modality in modalities for row in reference(defaults(modality), modality)}
    assert not [key for key in keys if f"<code>{key}</code>" not in text["settings"]]
    assert not [name for name in benchmark.__all__ if f'id="benchmark.{name}"' not in text["api"]]


def test_a_link_to_nowhere_fails_the_build(tmp_path, monkeypatch):
    if not built():
        pytest.skip("the extra docs is not installed")
    monkeypatch.syspath_prepend(str(ROOT / "scripts/site"))
    import build

    monkeypatch.setattr(build, "generated_pages", lambda: {"docs/commands.md": "# C\n\n[x](nowhere.md)\n"})
    monkeypatch.setattr(build, "_pages_of", lambda nav: ["LICENSE", "docs/commands.md"])
    with pytest.raises(SystemExit, match="page does not exist"):
        build.build(tmp_path)


@pytest.mark.skipif(not (shutil.which("chromium") or shutil.which("google-chrome")), reason="no Chromium here")
def test_the_search_finds_pages_from_the_disk(site, tmp_path):
    page = site / "searched.html"
    page.write_text((site / "index.html").read_text(encoding="utf-8").replace("</body>", SEARCH), encoding="utf-8")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=9000"]
    command = [browser, *options, f"--user-data-dir={tmp_path}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    page.unlink()
    found = json.loads(parse_page(done.stdout).all("title")[0].text)
    assert found and all(re.match("file://.*html", address) for address in found)


def test_pictures_are_small_and_badges_say_what_the_project_says(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts/site"))
    import pictures

    assert sum(path.stat().st_size for path in pictures.PICTURES.iterdir()) < 300_000
    for name, text in pictures.badges().items():
        assert (pictures.PICTURES / name).read_text(encoding="utf-8") == text
    versions = re.search(r"python: ([^\"]*)", pictures.badges()["python.svg"])[1].split(" | ")
    assert versions[0] == "3.11" and len(versions) == 3
