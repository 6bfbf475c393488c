import csv
import json
import pickle

import pytest

from data_tools.sources import coco_boxes
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


@pytest.mark.parametrize(
    "file_name",
    ["images/1.png", "./1.png", "images\\1.png", ".\\images\\1.png", "images//1.png", "ABSOLUTE/images/1.png"],
)
def test_an_image_may_lie_in_a_folder_below(tmp_path, file_name):
    source = _write(tmp_path, [[file_name.replace("ABSOLUTE", str(tmp_path)), *ROWS[1][1:]]], [(0, [1, 2, 3, 4])])
    (exam,) = source.list_exams()
    assert exam.views[0].path in (tmp_path / "1.png", tmp_path / "images" / "1.png")
    (lesion,) = source.annotate(exam, exam.views[0], 120, 100).lesions
    assert lesion.box_xyxy_px == (1, 2, 4, 6)


@pytest.mark.parametrize("file_name", ["../1.png", "a/../../1.png", "/elsewhere/1.png", "C:\\1.png", "a\\..\\1.png"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, file_name):
    with pytest.raises(InputError, match=r"cases.csv, row 2: file_name .* leads out of the folder"):
        _write(tmp_path, [[file_name, *ROWS[1][1:]]], []).list_exams()
    _write(tmp_path, boxes=[])
    (tmp_path / "_annotations.coco.json").write_text(
        json.dumps({"images": [{"id": 0, "file_name": file_name}], "annotations": []})
    )
    with pytest.raises(InputError, match=r"coco.json: file_name .* leads out of the folder"):
        Coco(tmp_path).list_exams()


def test_the_sheet_and_the_boxes_may_write_one_name_in_two_ways(tmp_path):
    source = _write(tmp_path, [["images\\1.png", *ROWS[1][1:]]], [])
    content = {
        "images": [{"id": "a", "file_name": "./images/1.png"}],
        "annotations": [{"image_id": "a", "bbox": [1, 2, 3, 4]}],
    }
    (tmp_path / "_annotations.coco.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())
    (exam,) = source.list_exams()
    assert len(source.annotate(exam, exam.views[0], 120, 100).lesions) == 1


def test_an_image_is_found_whatever_the_case_of_its_name(tmp_path):
    source = _write(tmp_path, [["Images/1.PNG", *ROWS[1][1:]]], [(0, [1, 2, 3, 4])])
    (tmp_path / "Images").mkdir()
    (tmp_path / "Images" / "1.png").touch()
    (exam,) = source.list_exams()
    assert exam.views[0].path == tmp_path / "Images" / "1.png"
    assert len(source.annotate(exam, exam.views[0], 120, 100).lesions) == 1


def test_two_rows_of_one_file_are_refused(tmp_path):
    source = _write(tmp_path, [["1.PNG", *ROWS[1][1:]], ["1.Png", *ROWS[1][1:]]], [(0, [1, 2, 3, 4])])
    (tmp_path / "1.png").touch()
    with pytest.raises(InputError, match=r"has two rows of .*/1\.png; remove one"):
        source.list_exams()


def test_a_copy_for_a_worker_knows_the_boxes_and_is_small(tmp_path):
    rows = [[f"{index:04d}.jpg", f"P_{index:04d}", *ROWS[1][2:]] for index in range(1000)]
    source = _write(tmp_path, rows, [(index, [1, 2, 3, 4]) for index in range(1000)])
    exam = source.list_exams()[-1]
    pickled = pickle.dumps(source)
    assert len(pickled) < 1000 * 200
    (tmp_path / "cases.csv").unlink()
    (tmp_path / "_annotations.coco.json").unlink()
    (lesion,) = pickle.loads(pickled).annotate(exam, exam.views[0], 120, 100).lesions
    assert lesion.box_xyxy_px == (1, 2, 4, 6)


def test_an_image_that_nobody_judged_is_unknown_with_and_without_boxes(tmp_path):
    told = ["UNKNOWN", "BENIGN|UNKNOWN", "NORMAL"]
    rows = [[*row[:5], pathology.lower(), ""] for row, pathology in zip(ROWS, told, strict=True)]
    source = _write(tmp_path, rows=rows, boxes=BOXES[2:])
    first, second = source.list_exams()
    assert (first.status, second.status) == (Label.UNKNOWN, Label.NORMAL)
    bare, outlined = (source.annotate(first, view, 120, 100) for view in first.views)
    assert (bare.lesions, bare.label) == ((), Label.UNKNOWN)
    assert (len(outlined.lesions), outlined.label) == (1, Label.UNKNOWN)
    assert source.annotate(second, second.views[0], 120, 100).label == Label.NORMAL


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([-1e-9, -0.5, 5, 5.5], (0, 0, 5 - 1e-9, 5)),
        ([60, 80, 40.0000001, 40.9], (60, 80, 100, 120)),
        ([0, 0, 101, 121], (0, 0, 100, 120)),
    ],
)
def test_what_was_rounded_beyond_the_edge_is_cut_off(tmp_path, box, expected):
    source = _write(tmp_path, boxes=[(0, box)])
    exam = source.list_exams()[0]
    (lesion,) = source.annotate(exam, exam.views[0], 120, 100).lesions
    assert lesion.box_xyxy_px == pytest.approx(expected, abs=1e-12)


def test_boxes_of_an_image_of_another_size_are_refused_for_that_view(tmp_path):
    source = _write(tmp_path)
    path = tmp_path / "_annotations.coco.json"
    content = json.loads(path.read_text())
    content["images"][0] |= {"width": 100, "height": 120}
    path.write_text(json.dumps(content))
    exam = source.list_exams()[0]
    assert len(source.annotate(exam, exam.views[0], 120, 100).lesions) == 2
    with pytest.raises(ImageError, match="is of 100 × 120 pixels, and its boxes of an image of 120 × 100"):
        Coco(tmp_path).annotate(exam, exam.views[0], 100, 120)
    assert len(source.annotate(exam, exam.views[1], 240, 200).lesions) == 1  # of which no size is said


def test_a_view_that_is_said_to_have_a_lesion_without_a_box_is_refused(tmp_path):
    source = _write(tmp_path, boxes=BOXES[:2])
    exam = source.list_exams()[0]
    with pytest.raises(ImageError, match="has no box, but is said to be BENIGN"):
        source.annotate(exam, exam.views[1], 120, 100)


def test_boxes_of_no_image_and_of_crowds_are_counted_and_said(tmp_path, caplog):
    source = _write(tmp_path)
    path = tmp_path / "_annotations.coco.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["iscrowd"] = 1
    content["annotations"] += [{"image_id": 77, "bbox": [1, 1, 2, 2]}] * 2
    path.write_text(json.dumps(content))
    source.list_exams()
    assert "boxes of no image that it lists are left out (2)" in caplog.text
    assert "boxes of crowds are taken for one lesion each (1)" in caplog.text


@pytest.mark.parametrize(
    "box", [[10, 20, 0, 5], [90, 20, 30, 5], [-1.1, 0, 5, 5], [1e300, 0, 5, 5], [-1e308, 0, 1e308, 5]]
)
def test_a_box_that_is_not_inside_its_image_is_refused(tmp_path, box):
    source = _write(tmp_path, boxes=[(0, box)])
    exam = source.list_exams()[0]
    with pytest.raises(ImageError, match="is not inside its 120 × 100 pixels"):
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


IMAGES = '"images": [{"id": 0, "file_name": "1.png"}]'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"images": 3, "annotations": []}', r"expected `array`, got `int` - at `\$.images`"),
        ("{" + IMAGES + "}", "missing required field `annotations`"),
        (
            "{" + IMAGES + ', "annotations": [{"image_id": 0, "bbox": ["50", "100", "40", "40"]}]}',
            r"expected `float`, got `str` - at `\$.annotations\[0\].bbox",
        ),
        ("{" + IMAGES + ', "annotations": [{"image_id": 0, "bbox": [1, 2, 3]}]}', "of length 4, got 3"),
        ("{" + IMAGES + ', "annotations": [{"image_id": 0, "bbox": [NaN, 2, 3, 4]}]}', "malformed"),
        ("{" + IMAGES + ', "annotations": [{"image_id": {}, "bbox": [1, 2, 3, 4]}]}', "image_id"),
        ("[" * 100_000, "nested too deeply"),
        ("", "truncated"),
        ("\udcff", "UTF-8|malformed"),
    ],
)
def test_boxes_that_are_no_coco_file_are_refused(tmp_path, content, reason):
    source = _write(tmp_path)
    (tmp_path / "_annotations.coco.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=rf"is no COCO file \(.*({reason})"):
        source.list_exams()


def test_boxes_beyond_all_measure_are_not_read(tmp_path):
    source = _write(tmp_path)
    with (tmp_path / "_annotations.coco.json").open("wb") as file:
        file.truncate(coco_boxes.MAX_BYTES + 1)
    with pytest.raises(InputError, match="has more than 24 MiB"):
        source.list_exams()


def test_an_image_that_is_listed_twice_is_refused(tmp_path):
    source = _write(tmp_path)
    path = tmp_path / "_annotations.coco.json"
    content = json.loads(path.read_text())
    content["images"].append({"id": 99, "file_name": f"./{ROWS[0][0]}"})
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"lists 1_LEFT_CC.jpg, or an image of its id, twice"):
        source.list_exams()


@pytest.mark.parametrize("patient_id", ["", "P" * 101, "P\u202e1"])
def test_a_patient_without_a_usable_name_is_refused(tmp_path, patient_id):
    with pytest.raises(InputError, match="row 2: patient_id is no name"):
        _write(tmp_path, [["1.png", patient_id, *ROWS[0][2:]]], []).list_exams()
