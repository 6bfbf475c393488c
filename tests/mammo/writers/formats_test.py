"""From files to answers: JSON, table, overlays page, with networks of known behaviour."""

import csv
import dataclasses
import itertools
import json
import signal

import numpy as np
import pytest

from mammo.clinical.rules import MissingProjection
from mammo.common.errors import InputError, StoppedError
from mammo.imaging import pixel_path
from mammo.inference import listing, naming, parts
from mammo.inference.predictor import Predictor
from mammo.inference.service import AnswerSettings, Service
from mammo.writers import formats, page, table_csv
from tests import dicoms, drawing
from tests.mammo.inference import bright_disc
from tests.mammo.inference.disc_exams import DISC, draw, write_exam


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return bright_disc.write(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def asked(opened):
    return Predictor(opened)


def answer(opened, asked, given, output_dir, **options):
    answering = Service(opened, AnswerSettings(**options), lambda _: asked)
    return formats.write_all(answering, listing.list_exams([given]).exams, output_dir).results


def rows_of(output_dir):
    with (output_dir / table_csv.NAME).open(newline="") as table:
        return list(csv.DictReader(table))


def test_an_exam_is_answered_as_the_interface_says(opened, asked, tmp_path):
    folder = write_exam(tmp_path / "exam", LEFT_CC=[DISC], LEFT_MLO=[DISC], RIGHT_CC=[], RIGHT_MLO=[])
    (exam,) = answer(opened, asked, folder, tmp_path / "out")
    made = json.loads((tmp_path / "out" / "exam.json").read_text())
    assert made["exam_id"] == "exam"
    assert made["model"] == {
        "name": "bright disc",
        "sha256": opened.sha256,
        "pixel_path_version": pixel_path.PIXEL_PATH_VERSION,
        "signed_by": None,
        "is_trusted": False,
        "trained_on": "phantoms",
    }
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
    assert made["is_complete"]
    assert made["exam_score"] == max(breasts.values()) == breasts["left"]
    assert made["operating_point"] == {"name": "screening", "threshold": 0.3, "is_above": True}
    assert exam.is_above
    assert [row["findings"] for row in rows_of(tmp_path / "out")] == ["1", "1", "0", "0"]
    overlays = sorted(path.name for path in (tmp_path / "out" / "exam").iterdir())
    assert overlays == [f"C_0001_1.{name}.png" for name in ("LEFT_CC", "LEFT_MLO", "RIGHT_CC", "RIGHT_MLO")]
    text = (tmp_path / "out" / page.NAME).read_text()
    assert all(f"exam/{name}" in text for name in overlays)


def test_a_finding_in_both_projections_counts_twice_one_in_one(opened, asked, tmp_path):
    both = write_exam(tmp_path / "both", LEFT_CC=[DISC], LEFT_MLO=[DISC])
    one = write_exam(tmp_path / "one", LEFT_CC=[DISC], LEFT_MLO=[])
    (in_both,), (in_one,) = (answer(opened, asked, given, tmp_path / "out" / given.name) for given in (both, one))
    assert in_both.score == pytest.approx(2 * in_one.score, abs=0.01)


def test_views_that_fail_are_told_and_the_others_answered(opened, asked, tmp_path):
    folder = write_exam(tmp_path / "exam", LEFT_CC=[DISC], LEFT_MLO=[])
    (folder / "C_0001_1.RIGHT_CC.png").write_bytes(b"no image at all")
    drawing.write(folder / "C_0001_1.RIGHT_MLO.png", np.full((640, 416), 30, np.uint8))
    (exam,) = answer(opened, asked, folder, tmp_path / "out")
    assert [view.view.path.name.split(".")[1] for view in exam.failed] == ["RIGHT_CC", "RIGHT_MLO"]
    assert set(exam.breasts) == {"left"}
    rows = {row["projection"] + row["laterality"]: row for row in rows_of(tmp_path / "out")}
    assert rows["mloleft"]["status"] == "ok"
    assert rows["mloleft"]["findings"] == "0"  # nothing found
    assert rows["mloright"]["status"] == "failed"
    assert rows["mloright"]["findings"] == rows["mloright"]["cancer"] == ""  # nothing known
    assert "shows no breast" in rows["mloright"]["reason"]
    assert not (tmp_path / "out" / "exam" / "C_0001_1.RIGHT_MLO.png").exists()


def test_a_view_apart_is_drawn_and_told_as_such_in_every_format(opened, asked, tmp_path):
    folder = write_exam(tmp_path / "exam", LEFT_CC=[DISC], LEFT_MLO=[])
    (exam,) = listing.list_exams([folder]).exams
    views = (dataclasses.replace(exam.views[0], apart="a spot view"), exam.views[1])
    answering = Service(opened, make_predictor=lambda _: asked)
    formats.write_all(answering, [dataclasses.replace(exam, views=views)], tmp_path / "out")
    made = json.loads((tmp_path / "out" / "exam.json").read_text())
    apart, judged = made["views"]
    assert (apart["status"], apart["reason"]) == ("apart", "is a spot view: shown, not judged")
    assert (apart["scores"], apart["findings"], judged["status"]) == (None, [], "ok")
    assert made["exam_score"] == pytest.approx(judged["scores"]["cancer"], abs=1e-5)
    row = rows_of(tmp_path / "out")[0]
    assert (row["status"], row["cancer"], row["findings"]) == ("apart", "", "")
    assert (tmp_path / "out" / "exam" / "C_0001_1.LEFT_CC.png").is_file()


def test_an_exam_of_which_nothing_can_be_read_has_no_score(opened, asked, tmp_path):
    (tmp_path / "exam").mkdir()
    (tmp_path / "exam" / "view.png").write_bytes(b"")
    (exam,) = answer(opened, asked, tmp_path / "exam", tmp_path / "out")
    made = json.loads((tmp_path / "out" / "exam.json").read_text())
    assert exam.score is made["exam_score"] is None
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
    assert made[1].score == max(view.scores["cancer"] for view in made[1].views)
    assert len(rows_of(tmp_path / "out")) == 10


def test_one_image_given_twice_counts_once_however_far_apart(opened, asked, tmp_path):
    for number in range(parts.MOST_VIEWS + 1):
        drawing.write(tmp_path / "exam" / f"{number}.png", draw(seed=number % parts.MOST_VIEWS))
    (exam,) = answer(opened, asked, tmp_path / "exam", tmp_path / "out")
    (failed,) = exam.failed
    assert failed.view.path.name == "4.png"
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
    assert len(written) == 7  # the mark, the journal and the lock with them
    assert not any(secret in path.read_bytes() for path in written for secret in (b"Featherstone", b"47110815"))
    answer(opened, asked, tmp_path / "exam", tmp_path / "told", with_identity=True)
    patient = json.loads((tmp_path / "told" / "exam.json").read_text())["patient"]
    assert (patient["id"], patient["name"]) == ("47110815", "Featherstone^Jane")


def test_a_run_that_is_stopped_keeps_what_was_answered(opened, asked, tmp_path):
    for name in ("a", "b", "c"):
        write_exam(tmp_path / "all" / name, LEFT_CC=[DISC])

    class _Stopped:
        calls = 0
        batch_views = asked.batch_views

        def predict(self, views, *rest, **how):
            self.calls += 1
            if self.calls > 2:
                raise KeyboardInterrupt(signal.SIGTERM)
            return asked.predict(views, *rest, **how)

    answering = Service(opened, make_predictor=lambda _: _Stopped())  # type: ignore[arg-type, return-value]
    exams = listing.list_exams([tmp_path / "all"]).exams
    with pytest.raises(StoppedError, match=r"Stopped after 2 of 3 exams; .* holds what was answered") as stopped:
        formats.write_all(answering, exams, tmp_path / "out")
    assert stopped.value.signal_number == signal.SIGTERM
    assert {path.name for path in (tmp_path / "out").glob("[!.]*.json")} == {"a.json", "b.json"}
    assert len(rows_of(tmp_path / "out")) == 2
    assert (tmp_path / "out" / page.NAME).is_file()
    assert not list((tmp_path / "out").rglob("*.partial"))


@pytest.mark.parametrize(("least", "count"), [(0.0, 1), (0.9, 0), (None, 1)])
def test_findings_below_the_threshold_are_not_reported(opened, asked, tmp_path, least, count):
    folder = write_exam(tmp_path / "exam", LEFT_CC=[DISC])
    (exam,) = answer(opened, asked, folder, tmp_path / "out", min_finding_score=least)
    assert len(exam.views[0].findings) == count


def test_an_exam_that_lacks_a_projection_says_so_and_keeps_its_scale(opened, asked, tmp_path):
    """An unreadable CC must not double what MLO alone shows."""
    line = MissingProjection(0.01, 0.3)
    filling = dataclasses.replace(opened, facts=dataclasses.replace(opened.facts, missing_projection=line))
    folder = write_exam(tmp_path / "exam", LEFT_MLO=[DISC], RIGHT_CC=[], RIGHT_MLO=[])
    (folder / "C_0001_1.LEFT_CC.png").write_bytes(b"no image at all")
    (exam,) = answer(filling, asked, folder, tmp_path / "out")
    (seen,) = [view.scores["cancer"] for view in exam.views if view.view.name.endswith("LEFT_MLO")]
    assert exam.score == pytest.approx((seen + line.expected(seen)) / 2)
    made = json.loads((tmp_path / "out" / "exam.json").read_text())
    assert not made["is_complete"]
    assert {breast["laterality"]: breast["is_complete"] for breast in made["breasts"]} == {"left": False, "right": True}
    assert {row["is_complete"] for row in rows_of(tmp_path / "out")} == {"False"}
    assert "Incomplete" in (tmp_path / "out" / page.NAME).read_text()


def test_a_repeated_projection_dilutes_nothing(opened, asked, tmp_path):
    views = {"LEFT_CC": [], "LEFT_MLO": [DISC], "RIGHT_CC": [], "RIGHT_MLO": []}
    once = write_exam(tmp_path / "once", **views)
    repeated = write_exam(tmp_path / "repeated", **views, **{"LEFT_CC-2": [], "LEFT_CC-3": []})
    (of_four,), (of_six,) = (answer(opened, asked, given, tmp_path / "out" / given.name) for given in (once, repeated))
    assert len(of_six.views) == 6
    assert of_six.is_complete
    assert of_six.score == pytest.approx(of_four.score, abs=0.01)


@pytest.mark.parametrize("name", formats.OF_ALL_EXAMS)
def test_no_exam_is_called_as_what_is_written_for_all(name):
    assert naming.of_exams().take(name, "exam") == f"{name}_2"


def test_exams_and_views_of_any_name_have_files_of_their_own(opened, asked, tmp_path):
    ids = ["report.html", "x", "x.json", "X", "١٢", "a/b"]
    names = ["1.2.3.1", "1.2.3.2", "1.2.3.3.dcm.png"]
    lines = ["exam_id,path"]
    for number, (exam_id, name) in enumerate(itertools.product(ids, names)):
        drawing.write(tmp_path / "view.png", draw(seed=number)).rename(tmp_path / f"{number}_{name}")
        lines.append(f"{exam_id},{number}_{name}")
    (tmp_path / "exams.csv").write_text("\n".join(lines), encoding="utf-8")
    made = answer(opened, asked, tmp_path / "exams.csv", tmp_path / "out")
    assert [exam.exam_id for exam in made] == ["report.html_2", "x", "x.json_2", "X_2", "١٢", "a_b"]
    for exam, exam_id in zip(made, ids, strict=True):
        fields = json.loads((tmp_path / "out" / f"{exam.exam_id}.json").read_text())
        assert (fields["exam_id"], fields["exam_id_given"]) == (exam.exam_id, exam_id)
        overlays = [view["overlay"] for view in fields["views"]]
        assert len(set(overlays)) == 3 and all((tmp_path / "out" / overlay).is_file() for overlay in overlays)
    assert {row["exam_id_given"] for row in rows_of(tmp_path / "out")} == set(ids)


def test_a_second_run_asks_only_what_is_new_and_writes_the_same(opened, asked, tmp_path):
    for name in ("a", "b"):
        write_exam(tmp_path / "all" / name, LEFT_CC=[DISC])
    first = answer(opened, asked, tmp_path / "all", tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("[!.]*") if path.is_file()}

    def must_not_load(_):
        raise AssertionError("all exams are answered")

    written = formats.write_all(
        Service(opened, make_predictor=must_not_load), listing.list_exams([tmp_path / "all"]).exams, tmp_path / "out"
    )
    assert (written.taken_over, written.earlier, list(written.results)) == (2, None, list(first))
    assert {path: path.read_bytes() for path in before} == before


def test_networks_that_cannot_be_loaded_leave_the_answers_that_are_there(opened, asked, tmp_path):
    answer(opened, asked, write_exam(tmp_path / "a", LEFT_CC=[DISC]), tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}

    def refuse(_):
        raise InputError("the network is damaged")

    exams = listing.list_exams([write_exam(tmp_path / "b", LEFT_CC=[])]).exams
    with pytest.raises(InputError, match="the network is damaged"):
        formats.write_all(Service(opened, make_predictor=refuse), exams, tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", formats.FORMATS)
def test_each_format_can_be_written_alone(opened, asked, tmp_path, name):
    answering = Service(opened, make_predictor=lambda _: asked)
    exams = listing.list_exams([write_exam(tmp_path / "exam", LEFT_CC=[DISC])]).exams
    formats.write_all(answering, exams, tmp_path / "out", [name])
    paths = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file()]
    written = [path.as_posix() for path in paths if not path.name.startswith(".")]
    expected = {"json": "exam.json", "csv": "predictions.csv", "overlays": "exam/C_0001_1.LEFT_CC.png"}
    assert written == [expected.get(name, "report.html")]
