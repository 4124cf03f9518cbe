"""The notebooks run from the first cell to the last, in a kernel, and are committed without outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

SHOWN = {"one_cell": "image/png", "own_loss_and_policy": "B - A: "}  # by name, among what its outputs say
NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples" / "notebooks").glob("*.ipynb"))


def run(path: Path, folder: Path) -> list[list[nbformat.NotebookNode]]:
    """Execute a notebook in a folder; return the outputs of each cell of code."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(autouse=True)
def nothing_at_home(monkeypatch, tmp_path):
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)


def shown(outputs: list[nbformat.NotebookNode]) -> str:
    """Everything that the outputs of a cell say."""
    data = [f"{kind}: {content}" for output in outputs for kind, content in output.get("data", {}).items()]
    return "\n".join([*data, *(output.get("text", "") for output in outputs)])


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} == SHOWN.keys()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_small_and_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert path.stat().st_size < 20_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_its_tables(path, tmp_path):
    found = run(path, tmp_path)
    assert all(output.output_type != "error" and output.get("name") != "stderr" for cell in found for output in cell)
    first = shown(found[0])
    assert "✓ digits · china · seed 0: student" in first, "the progress of the run"
    assert "<progress" not in first, "no bar is left when it is over"
    assert "<th>student %</th>" in first, "the record as a table"
    assert (tmp_path / "results" / "notebooks" / "demo" / "manifests").is_dir()
    everything = "\n".join(map(shown, found))
    assert "score_low" in everything and SHOWN[path.stem] in everything
