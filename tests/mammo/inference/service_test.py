"""From files to JSON, table, overlays and page, with networks of known behaviour."""

import csv
import json

import cv2
import numpy as np
import pytest

from mammo.common.errors import InputError
from mammo.inference import listing, service
from mammo.inference.predictor import Predictor
from mammo.inference.service import Answering, AnswerOptions
from tests import dicoms, drawing
from tests.mammo.inference import bright_disc

DISC = (150, 320, 24)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return bright_disc.write(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def asked(opened):
    return Predictor(opened)


def draw(*discs, seed=0):
    view = drawing.draw_view(640, 416, seed=seed)
    view[view > 60] -= 40
    for x, y, radius in discs:
        cv2.circle(view, (x, y), radius, (250,), -1)
    return view


def write_exam(folder, **discs):
    """Writes views by name, such as LEFT_CC."""
    for number, (name, given) in enumerate(discs.items()):
        drawing.write(folder / f"C_0001_1.{name}.png", draw(*given, seed=number))
    return folder


def answer(opened, asked, given, output_dir, **options):
    work = Answering(opened, AnswerOptions(**options), output_dir)
    return work.run(listing.list_exams([given]), lambda: asked)


def rows_of(output_dir):
    with (output_dir / service.CSV_NAME).open(newline="") as table:
        return list(csv.DictReader(table))


def test_an_exam_is_answered_as_the_interface_says(opened, asked, tmp_path):
    folder = write_exam(tmp_path / "exam", LEFT_CC=[DISC], LEFT_MLO=[DISC], RIGHT_CC=[], RIGHT_MLO=[])
    (exam,) = answer(opened, asked, folder, tmp_path / "out")
    made = json.loads((tmp_path / "out" / "exam.json").read_text())
    assert made["exam_id"] == "exam"
    assert made["model"] == {"name": "bright disc", "sha256": opened.sha256, "pixel_path_version": 1}
    assert made["seconds"] > 0
    assert "patient" not in made
    of_view = {(view["laterality"], view["projection"]): view for view in made["views"]}
    assert len(of_view) == 4
    (finding,) = of_view["left", "cc"]["findings"]
    np.testing.assert_allclose(finding["box_xyxy_px"], [126, 296, 174, 344], atol=3)
    assert finding["benign"] + finding["cancer"] == pytest.approx(finding["score"], abs=1e-5)
    assert of_view["right", "mlo"]["status"] == "ok"
    assert of_view["right", "mlo"]["findings"] == []
    breasts = {breast["laterality"]: breast["score"] for breast in made["breasts"]}
    left = [of_view["left", projection]["scores"]["cancer"] for projection in ("cc", "mlo")]
    assert breasts["left"] == pytest.approx(np.mean(left), abs=1e-5)
    assert made["exam_score"] == max(breasts.values()) == breasts["left"]
    assert made["operating_point"] == {"name": "screening", "threshold": 0.3, "is_above": True}
    assert exam.is_above
    assert [row["findings"] for row in rows_of(tmp_path / "out")] == ["1", "1", "0", "0"]
    overlays = sorted(path.name for path in (tmp_path / "out" / "exam").iterdir())
    assert overlays == [f"C_0001_1.{name}.png" for name in ("LEFT_CC", "LEFT_MLO", "RIGHT_CC", "RIGHT_MLO")]
    page = (tmp_path / "out" / service.PAGE_NAME).read_text()
    assert all(f"exam/{name}" in page for name in overlays)


def test_a_finding_in_both_projections_counts_twice_one_in_one(opened, asked, tmp_path):
    both = write_exam(tmp_path / "both", LEFT_CC=[DISC], LEFT_MLO=[DISC])
    one = write_exam(tmp_path / "one", LEFT_CC=[DISC], LEFT_MLO=[])
    (in_both,), (in_one,) = (answer(opened, asked, given, tmp_path / "out") for given in (both, one))
    assert in_both.exam_score == pytest.approx(2 * in_one.exam_score, abs=0.01)


def test_views_that_fail_are_told_and_the_others_answered(opened, asked, tmp_path):
    folder = write_exam(tmp_path / "exam", LEFT_CC=[DISC], LEFT_MLO=[])
    (folder / "C_0001_1.RIGHT_CC.png").write_bytes(b"no image at all")
    drawing.write(folder / "C_0001_1.RIGHT_MLO.png", np.full((640, 416), 30, np.uint8))
    (exam,) = answer(opened, asked, folder, tmp_path / "out")
    assert [view.path.name.split(".")[1] for view in exam.failed] == ["RIGHT_CC", "RIGHT_MLO"]
    assert set(exam.breasts) == {"left"}
    rows = {row["projection"] + row["laterality"]: row for row in rows_of(tmp_path / "out")}
    assert rows["mloleft"]["status"] == "ok"
    assert rows["mloleft"]["findings"] == "0"  # nothing found
    assert rows["mloright"]["status"] == "failed"
    assert rows["mloright"]["findings"] == rows["mloright"]["cancer"] == ""  # nothing known
    assert "shows no breast" in rows["mloright"]["reason"]
    assert not (tmp_path / "out" / "exam" / "C_0001_1.RIGHT_MLO.png").exists()


def test_an_exam_of_which_nothing_can_be_read_has_no_score(opened, asked, tmp_path):
    (tmp_path / "exam").mkdir()
    (tmp_path / "exam" / "view.png").write_bytes(b"")
    (exam,) = answer(opened, asked, tmp_path / "exam", tmp_path / "out")
    made = json.loads((tmp_path / "out" / "exam.json").read_text())
    assert exam.exam_score is made["exam_score"] is None
    assert made["operating_point"]["is_above"] is None
    assert made["breasts"] == []


def test_many_exams_of_any_number_of_views_are_answered_in_order(opened, asked, tmp_path):
    lines = ["exam_id,path"]
    for number in range(3):
        lines += [f"e{number},{number}_{view}.png" for view in range(2 + 4 * (number == 1))]
    for number, line in enumerate(lines[1:]):
        drawing.write(tmp_path / line.partition(",")[2], draw(seed=number))
    (tmp_path / "many.csv").write_text("\n".join(lines))
    made = answer(opened, asked, tmp_path / "many.csv", tmp_path / "out")
    assert [(exam.exam_id, len(exam.views), len(exam.failed)) for exam in made] == [
        ("e0", 2, 0),
        ("e1", 6, 0),
        ("e2", 2, 0),
    ]
    assert made[1].breasts == {}  # of unknown laterality
    assert made[1].exam_score == max(view.scores["cancer"] for view in made[1].views)
    assert len(rows_of(tmp_path / "out")) == 10


def test_one_image_given_twice_counts_once_however_far_apart(opened, asked, tmp_path):
    for number in range(service.MOST_VIEWS + 1):
        drawing.write(tmp_path / "exam" / f"{number}.png", draw(seed=number % service.MOST_VIEWS))
    (exam,) = answer(opened, asked, tmp_path / "exam", tmp_path / "out")
    (failed,) = exam.failed
    assert failed.path.name == "4.png"
    assert failed.reason == "is the same image as 0.png"


def test_two_files_of_one_name_have_overlays_of_their_own(opened, asked, tmp_path):
    for folder, seed in (("a", 0), ("b", 1)):
        drawing.write(tmp_path / folder / "view.png", draw(seed=seed))
    (tmp_path / "exam.csv").write_text("exam_id,path\ne,a/view.png\ne,b/view.png\n")
    answer(opened, asked, tmp_path / "exam.csv", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out" / "e").iterdir()} == {"view.png", "view_2.png"}


def test_who_the_patient_is_comes_out_only_if_asked_for(opened, asked, tmp_path):
    dicom = dicoms.make_image(
        draw(DISC), 8, PatientName="Featherstone^Jane", PatientID="47110815"
    )  # not in a PNG by chance
    dicoms.write(tmp_path / "exam" / "view.dcm", dicom)
    answer(opened, asked, tmp_path / "exam", tmp_path / "out")
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) == 4
    assert not any(secret in path.read_bytes() for path in written for secret in (b"Featherstone", b"47110815"))
    answer(opened, asked, tmp_path / "exam", tmp_path / "told", with_identity=True)
    patient = json.loads((tmp_path / "told" / "exam.json").read_text())["patient"]
    assert (patient["id"], patient["name"]) == ("47110815", "Featherstone^Jane")


def test_a_run_that_is_stopped_keeps_what_was_answered(opened, asked, tmp_path):
    for name in ("a", "b", "c"):
        write_exam(tmp_path / "all" / name, LEFT_CC=[DISC])

    class _Stopped:
        calls = 0

        def predict(self, views):
            self.calls += 1
            if self.calls > 2:
                raise KeyboardInterrupt
            return asked.predict(views)

    work = Answering(opened, AnswerOptions(), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        work.run(listing.list_exams([tmp_path / "all"]), _Stopped)  # type: ignore[arg-type]
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {"a.json", "b.json"}
    assert len(rows_of(tmp_path / "out")) == 2
    assert (tmp_path / "out" / service.PAGE_NAME).is_file()
    assert not list((tmp_path / "out").rglob("*.partial"))


@pytest.mark.parametrize(("least", "count"), [(0.0, 1), (0.9, 0), (None, 1)])
def test_findings_below_the_threshold_are_not_reported(opened, asked, tmp_path, least, count):
    folder = write_exam(tmp_path / "exam", LEFT_CC=[DISC])
    (exam,) = answer(opened, asked, folder, tmp_path / "out", min_finding_score=least)
    assert len(exam.views[0].findings) == count


def test_an_operating_point_that_is_not_there_is_told_with_those_that_are(opened, tmp_path):
    with pytest.raises(InputError, match=r"has no operating point 'best'; it has screening"):
        Answering(opened, AnswerOptions(operating_point="best"), tmp_path)
