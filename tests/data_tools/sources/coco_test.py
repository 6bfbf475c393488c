import csv
import json

import pytest

from data_tools.sources.coco import Coco
from mammo.clinical.labels import Label
from mammo.common.errors import ImageError, InputError

HEADER = ["file_name", "patient_id", "laterality", "view", "density", "pathology", "subtlety"]
ROWS = [
    ["1_LEFT_CC.jpg", "P_1", "LEFT", "CC", "3", "BENIGN|CANCER", "4"],
    ["1_LEFT_MLO.jpg", "P_1", "LEFT", "MLO", "3", "BENIGN", ""],
    ["2_RIGHT_CC.jpg", "P_2", "RIGHT", "CC", "0", "NORMAL", ""],
]
BOXES = [(0, [10, 20, 30, 40]), (0, [50, 60, 5, 6]), (1, [0, 0, 100, 120])]


def _write(folder, rows=ROWS, boxes=BOXES, header=HEADER):
    with (folder / "cases.csv").open("w", newline="") as sheet:
        csv.writer(sheet).writerows([header, *rows])
    content = {
        "images": [{"id": index, "file_name": row[0]} for index, row in enumerate(rows)],
        "annotations": [{"image_id": image, "bbox": box} for image, box in boxes],
    }
    (folder / "_annotations.coco.json").write_text(json.dumps(content))
    return Coco(folder)


def test_the_views_of_a_patient_are_one_exam(tmp_path):
    first, second = _write(tmp_path).list_exams()
    assert (first.patient_id, first.status, first.density) == ("P_1", Label.CANCER, 3)
    assert [view.projection for view in first.views] == ["cc", "mlo"]
    assert (second.status, second.density, second.views[0].laterality) == (Label.NORMAL, None, "right")


def test_boxes_become_xyxy_and_take_the_worst_pathology(tmp_path):
    source = _write(tmp_path)
    exam = source.list_exams()[0]
    annotation = source.annotate(exam, exam.views[0], 120, 100)
    assert [lesion.box_xyxy_px for lesion in annotation.lesions] == [(10, 20, 40, 60), (50, 60, 55, 66)]
    assert annotation.label == Label.CANCER
    assert annotation.lesions[0].subtlety == 4
    assert annotation.spacing_mm is None


@pytest.mark.parametrize("file_name", ["images/1.png", "./1.png", "a/../b/1.png", "/elsewhere/1.png"])
def test_an_image_may_lie_in_another_folder(tmp_path, file_name):
    source = _write(tmp_path, [[file_name, *ROWS[1][1:]]], [(0, [1, 2, 3, 4])])
    (exam,) = source.list_exams()
    (lesion,) = source.annotate(exam, exam.views[0], 120, 100).lesions
    assert lesion.box_xyxy_px == (1, 2, 4, 6)


def test_an_image_that_nobody_judged_is_unknown_with_and_without_boxes(tmp_path):
    told = ["UNKNOWN", "BENIGN|UNKNOWN", "NORMAL"]
    rows = [[*row[:5], pathology, ""] for row, pathology in zip(ROWS, told, strict=True)]
    source = _write(tmp_path, rows=rows, boxes=BOXES[2:])
    first, second = source.list_exams()
    assert (first.status, second.status) == (Label.UNKNOWN, Label.NORMAL)
    bare, outlined = (source.annotate(first, view, 120, 100) for view in first.views)
    assert (bare.lesions, bare.label) == ((), Label.UNKNOWN)
    assert (len(outlined.lesions), outlined.label) == (1, Label.UNKNOWN)
    assert source.annotate(second, second.views[0], 120, 100).label == Label.NORMAL


@pytest.mark.parametrize("box", [[10, 20, 0, 5], [90, 20, 30, 5], [-1, 0, 5, 5]])
def test_a_box_that_is_not_inside_its_image_is_refused(tmp_path, box):
    source = _write(tmp_path, boxes=[(0, box)])
    exam = source.list_exams()[0]
    with pytest.raises(ImageError, match="is not inside it"):
        source.annotate(exam, exam.views[0], 120, 100)


def test_a_box_on_a_normal_view_is_refused(tmp_path):
    source = _write(tmp_path, boxes=[(2, [1, 1, 5, 5])])
    exam = source.list_exams()[1]
    with pytest.raises(ImageError, match="said to be NORMAL"):
        source.annotate(exam, exam.views[0], 120, 100)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"header": ["name", *HEADER[1:]]}, "has no column file_name"),
        ({"rows": [*ROWS, ROWS[0]]}, "row 5: 1_LEFT_CC.jpg stands in an earlier row"),
        ({"rows": []}, "has no rows"),
        ({"rows": [[*ROWS[0][:2], "BOTH", *ROWS[0][3:]]]}, "row 2: laterality 'BOTH' is none of LEFT, RIGHT"),
        (
            {"rows": [[*ROWS[0][:5], "MAYBE", ""]]},
            "row 2: pathology 'MAYBE' is none of UNKNOWN, NORMAL, BENIGN, CANCER",
        ),
    ],
)
def test_a_sheet_that_cannot_be_used_has_its_sentence(tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        _write(tmp_path, **{"boxes": [], **changes}).list_exams()


def test_boxes_without_a_row_are_refused(tmp_path):
    source = _write(tmp_path)
    with (tmp_path / "cases.csv").open("w", newline="") as sheet:
        csv.writer(sheet).writerows([HEADER, *ROWS[1:]])
    with pytest.raises(InputError, match=r"has no row for 1_LEFT_CC\.jpg"):
        source.list_exams()


@pytest.mark.parametrize("name", ["cases.csv", "_annotations.coco.json"])
def test_a_missing_file_is_named(tmp_path, name):
    source = _write(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        source.list_exams()


def test_boxes_that_are_no_coco_file_are_refused(tmp_path):
    source = _write(tmp_path)
    (tmp_path / "_annotations.coco.json").write_text('{"images": 3}')
    with pytest.raises(InputError, match="is no COCO file"):
        source.list_exams()
