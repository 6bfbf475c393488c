import json
import pathlib

import cv2
import numpy as np
import openpyxl
import pytest

from data_tools.phantoms import layout
from mammo.common.errors import InputError

JPEG, PNG, MORE = "MINI-DDSM-Complete-JPEG-8", "MINI-DDSM-Complete-PNG-16", "Data-MoreThanTwoMasks"


def _contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _of_exams(contents: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in contents.items() if not name.endswith((".xlsx", ".json"))}


@pytest.fixture(scope="module", name="phantom")
def phantom_fixture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    layout.write_exams(folder, 12, seed=1, height_px=160)
    return folder


def test_every_case_has_its_folder_four_views_and_its_notes(phantom):
    folders = sorted((phantom / JPEG).glob("*/*"))
    assert len(folders) == 12
    for folder in folders:
        assert folder.parent.name in ("Benign", "Cancer", "Normal")
        assert len(folder.name) == 4
        assert folder.name.isdigit()
        [ics] = folder.glob("*.ics")
        case_id = ics.stem.replace("-", "_")
        assert {path.name for path in folder.glob("*.jpg") if "ask" not in path.name.lower()} == {
            f"{case_id}.{side}_{view}.jpg" for side in ("LEFT", "RIGHT") for view in ("CC", "MLO")
        }


def test_sheets_list_every_view_and_every_mask_is_there_in_a_name_of_its_own_case(phantom):
    sheet = openpyxl.load_workbook(phantom / MORE / f"{MORE}.xlsx")["Data"]
    header, *rows = sheet.iter_rows(values_only=True)
    assert len(rows) == 48
    there, more = (
        {str(path.relative_to(tree)).lower() for path in tree.rglob("*.*") if "_mask" in path.name.lower()}
        for tree in (phantom / JPEG, phantom / MORE)
    )
    listed = [[str(cell).replace("\\", "/").lower() for cell in row[7:] if cell not in ("-", None)] for row in rows]
    assert {name for row in listed for name in row[:2]} == there
    assert more
    assert {name.replace(".jpg", ".png") for row in listed for name in row[2:]} == more
    statuses = [row[header.index("Status")] for row in rows]
    assert [bool(names) and status == "Normal" for names, status in zip(listed, statuses, strict=True)] == [False] * 48
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_second_masks_are_named_by_status(phantom):
    for status, other in (("Benign", "_Mask2"), ("Cancer", "_MASK2")):
        assert not list((phantom / JPEG / status).rglob(f"*{other}.jpg"))


def test_masks_are_of_their_views_size_and_inside_it(phantom):
    masks = [path for path in (phantom / JPEG).rglob("*.jpg") if "_mask" in path.name.lower()]
    assert len(masks) > 8
    for path in masks:
        stem = path.name[: path.name.lower().index("_mask")]
        mask, view = (cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in (path, path.with_name(f"{stem}.jpg")))
        assert mask.shape == view.shape
        assert (mask > 127).sum() > 10
        assert path.with_name(f"{stem}.OVERLAY").is_file()


def test_it_says_that_it_is_a_phantom(phantom):
    about = json.loads((phantom / "phantom.json").read_text())
    assert "Synthetic" in about["notice"]
    assert (about["exams"], about["seed"], about["height_px"], about["tree"]) == (12, 1, 160, "jpeg8")


def test_nothing_temporary_is_left(phantom):
    assert not [path for path in phantom.rglob("*") if path.name.startswith(".") or "partial" in path.name]


def test_same_seed_same_bytes_with_any_number_of_workers_and_exams(phantom, tmp_path):
    layout.write_exams(tmp_path / "two", 12, seed=1, height_px=160, workers=2)
    assert _contents(tmp_path / "two") == _contents(phantom)
    layout.write_exams(tmp_path / "few", 5, seed=1, height_px=160)
    whole, few = _of_exams(_contents(phantom)), _of_exams(_contents(tmp_path / "few"))
    assert len(few) > 20
    assert few.items() <= whole.items()


def test_another_seed_gives_other_exams(phantom, tmp_path):
    layout.write_exams(tmp_path / "other", 2, seed=3, height_px=160)
    whole = _contents(phantom)
    views = {
        name: data
        for name, data in _contents(tmp_path / "other").items()
        if name.endswith(".jpg") and "ask" not in name.lower()
    }
    assert len(views) == 8
    assert all(whole[name] != data for name, data in views.items())


def test_png_tree_is_of_16_bits_and_has_the_fuller_sheet_only(tmp_path):
    layout.write_exams(tmp_path / "png", 3, seed=2, height_px=160, tree="png16")
    names = set(_contents(tmp_path / "png"))
    assert {name for name in names if name.endswith(".xlsx")} == {f"{MORE}/{MORE}.xlsx"}
    assert not [name for name in names if name.endswith(".jpg")]
    view = next(path for path in (tmp_path / "png" / PNG).rglob("*.LEFT_CC.png"))
    pixels = cv2.imread(str(view), cv2.IMREAD_UNCHANGED)
    assert pixels.dtype == np.uint16
    assert len(np.unique(pixels)) > 1000


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"exams": 0}, "--exams"),
        ({"exams": 100_000}, "--exams"),
        ({"seed": -1}, "--seed"),
        ({"height_px": 20}, "--height_px"),
        ({"height_px": 100_000}, "--height_px"),
        ({"tree": "tiff"}, "jpeg8"),
        ({"workers": 0}, "--workers"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, wrong, words):
    with pytest.raises(InputError, match=words):
        layout.write_exams(tmp_path / "new", **{"exams": 2, "seed": 0, **wrong})
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="already holds something"):
        layout.write_exams(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(InputError, match="is a file"):
        layout.write_exams(tmp_path / "mine.txt", 2)
