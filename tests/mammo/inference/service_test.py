import dataclasses

import numpy as np
import pytest

from mammo.common.errors import InputError
from mammo.inference import listing
from mammo.inference.predictor import Predictor
from mammo.inference.service import MOST_VIEWS, AnswerSettings, Service
from tests import dicoms
from tests.mammo.inference import bright_disc
from tests.mammo.writers.formats_test import DISC, draw, write_exam


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return bright_disc.write(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def service(opened):
    predictor = Predictor(opened)
    return Service(opened, make_predictor=lambda _: predictor)


def test_an_exam_of_paths_or_bytes_gets_one_and_the_same_answer_and_nothing_is_written(service, tmp_path):
    folder = write_exam(tmp_path / "exam", LEFT_CC=[DISC], LEFT_MLO=[])
    paths = sorted(folder.iterdir())
    of_paths = service.answer(paths, "seven")
    of_bytes = service.answer([path.read_bytes() for path in paths], "seven")
    assert of_paths.exam_id == of_bytes.exam_id == "seven"
    assert [view.view.path for view in of_bytes.views] == [None, None]
    for one, other in zip(of_paths.views, of_bytes.views, strict=True):
        assert one.scores == pytest.approx(other.scores)
        np.testing.assert_allclose(
            [finding.box_xyxy_px for finding in one.findings], [finding.box_xyxy_px for finding in other.findings]
        )
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == paths


def test_an_answer_keeps_study_series_and_instance(service, tmp_path):
    uids = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": "1.2.3.4.5"}
    dicom = dicoms.make_image(draw(DISC), 8, ImageLaterality="L", ViewPosition="CC", **uids)
    result = service.answer([dicoms.write(tmp_path / "view.dcm", dicom)])
    assert result.study_uids == ("1.2.3",)
    (view,) = result.views
    assert (view.view.uids.series, view.view.uids.instance) == ("1.2.3.4", "1.2.3.4.5")
    assert (view.view.laterality, view.view.projection) == ("left", "cc")


def test_findings_of_a_view_that_lies_on_its_head_are_in_the_pixels_of_its_file(service, tmp_path):
    upright = dicoms.make_image(draw(DISC), 8, ImageLaterality="L", ViewPosition="MLO")
    turned = draw(DISC)[::-1, ::-1]
    on_head = dicoms.make_image(turned, 8, ImageLaterality="L", ViewPosition="MLO", PatientOrientation=["P", "H"])
    boxes = []
    for name, dicom in (("upright", upright), ("on_head", on_head)):
        (view,) = service.answer([dicoms.write(tmp_path / f"{name}.dcm", dicom)]).views
        (finding,) = view.findings
        boxes.append(finding.box_xyxy_px)
    height_px, width_px = turned.shape
    x_min, y_min, x_max, y_max = boxes[0]
    np.testing.assert_allclose(boxes[1], [width_px - x_max, height_px - y_max, width_px - x_min, height_px - y_min])


def test_an_exam_of_many_views_comes_in_parts_and_its_result_with_the_last(service, tmp_path):
    names = [f"LEFT_CC-{number}" for number in range(MOST_VIEWS + 1)]
    folder = write_exam(tmp_path / "exam", **dict.fromkeys(names, ()))
    parts = list(service.stream(listing.list_exams([folder]).exams))
    assert [len(part.views) for part in parts] == [MOST_VIEWS, 1]
    assert parts[0].result is None
    assert parts[1].result is not None
    assert len(parts[1].result.views) == MOST_VIEWS + 1


def test_an_operating_point_that_is_not_there_is_told_with_those_that_are(opened):
    with pytest.raises(InputError, match=r"has no operating point 'best'; it has screening"):
        Service(opened, AnswerSettings(operating_point="best"))


def test_networks_are_loaded_once_for_all_exams(opened, tmp_path):
    made = []

    def make(bundle):
        made.append(Predictor(bundle))
        return made[-1]

    service = Service(opened, make_predictor=make)
    paths = sorted(write_exam(tmp_path / "exam", LEFT_CC=[DISC]).iterdir())
    for _ in range(2):
        service.answer(paths)
    assert len(made) == 1


def apart_exam(folder, *, whole=True):
    """An exam of a left CC, and of a magnification view of the same with a lesion that the networks would see."""
    paths = sorted(write_exam(folder, LEFT_CC=[], LEFT_CC_2=[DISC]).iterdir())
    if not whole:
        paths[1].write_bytes(paths[1].read_bytes()[:500])
    (exam,) = listing.list_exams([folder]).exams
    view, other = exam.views
    return dataclasses.replace(exam, views=(view, dataclasses.replace(other, apart="a magnification view")))


def test_a_view_that_is_shown_apart_counts_in_nothing(service, tmp_path):
    exam = apart_exam(tmp_path / "both")
    (part,) = service.stream([exam])
    alone = service.answer([exam.views[0].path])
    assert part.result.score == pytest.approx(alone.score)
    assert part.result.breasts == alone.breasts
    assert (part.result.failed, [view.status for view in part.result.views]) == ((), ["ok", "apart"])
    (apart,) = part.result.apart
    assert apart.reason == "is a magnification view: shown, not judged"
    assert (apart.scores, apart.findings) == (None, ())
    assert part.views[1].read.pixels is not None  # for whoever draws it


def test_a_view_apart_that_cannot_be_shown_is_no_failure_and_says_so(service, tmp_path):
    (part,) = service.stream([apart_exam(tmp_path, whole=False)])
    (apart,) = part.result.apart
    assert part.result.failed == ()
    assert apart.reason.startswith("is a magnification view: neither judged nor shown, as it is truncated")


def test_an_exam_of_nothing_but_views_apart_has_no_score(service, tmp_path):
    exam = apart_exam(tmp_path)
    (part,) = service.stream([dataclasses.replace(exam, views=exam.views[1:])])
    assert (part.result.score, part.result.is_complete, part.result.failed) == (None, False, ())
