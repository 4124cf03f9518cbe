"""The control over real training items as a source: its names, its identity, and whose data it needs."""

from __future__ import annotations

import pytest

from benchmark.data.locate import DataLocation
from benchmark.planning import plan
from benchmark.planning.cell import state_of
from benchmark.records.record import REAL_TRAINING_ITEMS
from benchmark.records.settings import ABSENT
from benchmark.records.store import Store
from modalities.errors import BadInput


def control(cells, form="", **request):
    (cell,) = cells(f"source.image={REAL_TRAINING_ITEMS}{form}", **request)
    return cell


def test_its_cell_is_named_as_it_was_typed_and_differs_in_the_source_alone(cells):
    (usual,) = cells()
    forms = {form: control(cells, form) for form in ("", ":one-per-class", ":flowers102")}
    for form, cell in forms.items():
        assert cell.key.source == f"{REAL_TRAINING_ITEMS}{form}" == cell.identity["source"]["name"]
        assert {key: value for key, value in cell.identity.items() if key != "source"} == {
            key: value for key, value in usual.identity.items() if key != "source"
        }
        assert cell.teacher_key == usual.teacher_key
    assert len({cell.source.sha256 for cell in forms.values()}) == 3
    assert usual.items is None


def test_its_description_says_in_words_which_items(cells):
    found = [control(cells, form).source.description for form in ("", ":one-per-class", ":flowers102")]
    assert found == [
        "training items of Optical recognition of handwritten digits",
        "training items of Optical recognition of handwritten digits, one of each class by a hash of their names",
        "training items of Oxford Flowers-102 (generated stand-in)",
    ]


def test_its_identity_follows_the_data_and_the_fold(cells, monkeypatch):
    before = control(cells).source.sha256
    monkeypatch.setattr(plan, "locate", lambda adapter, kind, root, subset: DataLocation("shipped", root, "new", True))
    assert control(cells).source.sha256 != before
    one, two = plan_folds("folds=[1,2]")
    assert one.source.sha256 != two.source.sha256
    assert (one.items.fold, two.items.fold) == (1, 2)
    one, two = plan_folds("folds=[1,2]", ":fsdd")  # another target's are those of its first fold
    assert one.source == two.source


def plan_folds(folds, form=""):
    request = plan.Request(
        overrides=(f"source.audio={REAL_TRAINING_ITEMS}{form}", folds), profile="smoke", targets=("esc50",)
    )
    return plan.make_plan(request)


@pytest.mark.parametrize(
    ("form", "said"),
    [(":digits", "names the cell's own target; write real-training-items alone"),
     (":fsdd", "names a target of the modality audio, and digits is image"),
     (":flower102", "no target named 'flower102'; did you mean flowers102"),
     (":one-per-clas", "no target named 'one-per-clas'; did you mean one-per-class"),
     (":", "no target named ''")],
)  # fmt: skip
def test_another_name_is_refused_in_one_sentence(cells, form, said):
    with pytest.raises(BadInput, match=said):
        control(cells, form)


def test_a_file_that_is_called_as_the_control_is_refused(cells, photo, tmp_path):
    path = tmp_path / REAL_TRAINING_ITEMS
    path.write_bytes(photo.read_bytes())
    with pytest.raises(BadInput, match="has the name of a control"):
        cells(f"source.image={path}")


def test_without_the_data_of_another_target_there_is_no_data_but_what_to_do(cells, tmp_path):
    cell = control(cells, ":flowers102", profile="small", root=tmp_path)
    assert cell.data.ready
    assert cell.source.sha256 == ABSENT
    state, reason = state_of(cell, Store(tmp_path / "results"))
    assert state == "no data"
    assert "benchmark data fetch flowers102" in reason
    assert control(cells, profile="small", root=tmp_path).missing == ""
