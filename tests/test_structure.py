"""The plan of the code: no circular imports, few loose files, short files and functions."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("benchmark", "modalities")


def modules() -> dict[str, Path]:
    """Every module of the two packages by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(node: ast.AST, known: set[str]) -> Iterator[str]:
    """Modules that are imported anywhere below a node, inside functions too; not those for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names if alias.name in known)
        elif isinstance(child, ast.ImportFrom) and child.module:
            for alias in child.names:
                name = f"{child.module}.{alias.name}"
                yield from {name, child.module} & known if name not in known else {name}
        yield from imported(child, known)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of a graph, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_file_imports_itself_through_others() -> None:
    paths = modules()
    graph = {
        name: set(imported(ast.parse(path.read_text(encoding="utf-8")), set(paths))) - {name}
        for name, path in paths.items()
    }
    assert sum(map(len, graph.values())) > 300, "the imports were found"
    assert circle(graph) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b", {"a.b"}),
        ("from a import b", {"a.b"}),
        ("from a.b import thing", {"a.b"}),
        ("def f():\n    from a import b", {"a.b"}),
        ("if TYPE_CHECKING:\n    from a import b", set()),
        ("import os", set()),
    ],
)
def test_imports_are_found_wherever_they_stand(text: str, found: set[str]) -> None:
    assert set(imported(ast.parse(text), {"a", "a.b"})) == found


def texts(tree: ast.AST) -> Iterator[str]:
    """Every string literal, the parts of f-strings included, except docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


OPTION = re.compile(r"(^|\s)`?--[a-z][a-z-]*([\s.,;`)]|$)")
COMMANDS = {"--error-unmatch", "--porcelain", "--", "--noheader", "--array"}  # options of other programs


def test_only_the_command_line_names_its_options_in_a_message() -> None:
    """Python callers read the other messages too."""
    found = {
        name: [text for text in texts(ast.parse(path.read_text(encoding="utf-8"))) if OPTION.search(text)]
        for name, path in modules().items()
    }
    assert sum(len(of) for name, of in found.items() if name.startswith("benchmark.cli.")) > 20, "options were found"
    elsewhere = {name: set(of) - COMMANDS for name, of in found.items() if not name.startswith("benchmark.cli.")}
    assert {name: of for name, of in elsewhere.items() if of} == {}


def test_a_circle_is_found() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


# --- sizes -----------------------------------------------------------------------------------------------------

MAX_LOOSE_FILES, MAX_LINES_OF_FILE, MAX_LINES_OF_FUNCTION = 4, 400, 60


@pytest.mark.parametrize("package", PACKAGES)
def test_few_files_lie_loose_in_a_package(package: str) -> None:
    loose = sorted(path.name for path in (ROOT / package).glob("*.py"))
    assert 0 < len(loose) <= MAX_LOOSE_FILES, loose


def code() -> list[Path]:
    """Every Python file of the packages and the scripts."""
    found = [path for folder in (*PACKAGES, "scripts") for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(found) > 150
    return found


def test_no_file_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in code()}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES_OF_FILE} == {}


def test_no_function_is_long() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in code()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES_OF_FUNCTION} == {}


def in_the_locales_encoding(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that open a file as text, or read a program's output as text, without an encoding."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = {keyword.arg for keyword in node.keywords}
            mode = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            as_text = node.func.attr == "open" and (
                not (node.args or given & {"mode", "fileobj"}) or mode in ("r", "w", "a", "x", "r+", "w+")
            )
            if (
                as_text or node.func.attr in ("read_text", "write_text") or "text" in given
            ) and "encoding" not in given:
                yield node.lineno


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("path.open()", True), ("path.open('w')", True), ("path.read_text()", True), ("path.write_text('é')", True),
        ("subprocess.run(command, text=True)", True), ("path.open('rb')", False), ("Image.open(path)", False),
        ("path.open(newline='', encoding='utf-8')", False), ("path.read_text(encoding='utf-8')", False),
    ],
)  # fmt: skip
def test_a_file_in_the_encoding_of_the_locale_is_found(line: str, wrong: bool) -> None:
    assert bool(list(in_the_locales_encoding(ast.parse(line)))) == wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_text_files_are_utf_8_whatever_the_locale(package: str) -> None:
    found = [
        f"{path}:{line}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for line in in_the_locales_encoding(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_the_page_of_the_architecture_shows_the_layers_that_are_held():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {found["containers"][0]: found["layers"] for found in contracts if found["type"] == "layers"}
    page = (ROOT / "docs" / "architecture.md").read_text().partition("| `benchmark/`, top to bottom |")[2]
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")]
    shown = [
        [" | ".join(re.findall("`([a-z]+)`", cell)) for cell in column if "`" in cell]
        for column in zip(*rows, strict=True)
    ]
    assert shown == [layers["benchmark"], layers["modalities"]]
