"""What identifies data in a cell never changes: fingerprints, and the order of items with their labels and groups."""

from hashlib import sha256

import pytest

from modalities.registry import modality, target

VIEW = modality("video").view_type()
FILMS = (
    "Kick_it_kick_ball_f_cm_np2_le_bad_12",
    "April_09_kick_ball_u_nm_np1_ba_goo_0",
    "x_kick_ball_f_nm_np1_fr_med_1",
)
FILES = {
    "ucf101": [f"ucf101/UCF-101/{label}/v_{label}_g0{n}_c01.avi" for label in ("YoYo", "Hammering") for n in (2, 1)],
    "hmdb51": [f"hmdb51/kick_ball/{film}.avi" for film in FILMS],
    "kinetics400": [
        f"kinetics400/{part}/{name}/{name[0]}{part}{n}_000007_000017.mp4"
        for part in ("train", "val")
        for name in ("zumba", "skiing_not_slalom_or_crosscountry")
        for n in (1, 0)
    ],
}
UCF = "YoYo/v_YoYo_g01_c01.avi", "Hammering/v_Hammering_g02_c01.avi", "YoYo/v_YoYo_g02_c01.avi"
HEADER = "label,youtube_id,time_start,time_end,split\n"
KINETICS = "".join(
    f"{label},{label[0]}PART{n},7,17,x\n" for label in ("zumba", "skiing (not slalom or crosscountry)") for n in (1, 0)
)
TEXTS = {
    **{f"ucf101/ucfTrainTestlist/testlist0{fold}.txt": f"{UCF[2]}\r\n" for fold in (1, 2, 3)},
    **{f"ucf101/ucfTrainTestlist/trainlist0{fold}.txt": f"{UCF[0]} 101\r\n{UCF[1]} 35\r\n" for fold in (1, 2, 3)},
    "hmdb51/testTrainMulti_7030_splits/kick_ball_test_split1.txt": "".join(
        f"{film}.avi {tag} \n" for film, tag in zip(FILMS, (1, 2, 1), strict=True)
    ),
    **{f"kinetics400/annotations/{part}.csv": HEADER + KINETICS.replace("PART", part) for part in ("train", "val")},
}


@pytest.mark.parametrize(("name", "fingerprint", "items"), [
    ("ucf101", "1617eb63095485dc", "e2616fe74a399cf5"),
    ("hmdb51", "e1e07f1f891f8aa9", "e05c734be2970e55"),
    ("kinetics400", "0a12e3a5a9fad136", "f8e7ee2fb6d25749"),
])  # fmt: skip
def test_fingerprints_and_items_are_what_they_always_were(tmp_path, name, fingerprint, items):
    for size, file in enumerate(FILES[name], 3):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"x" * size)
    for file, text in TEXTS.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(text.encode())
    adapter = target(name)
    splits = adapter.test(tmp_path, VIEW), adapter.train(tmp_path, VIEW)
    rows = [[*zip(data.item_ids, data.labels.tolist(), data.groups, strict=True)] for data in splits]
    assert adapter.status(tmp_path).fingerprint[:16] == fingerprint
    assert sha256(repr(rows).encode()).hexdigest()[:16] == items
