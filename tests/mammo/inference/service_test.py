import dataclasses
import functools

import numpy as np
import pytest

from mammo.common.errors import InputError
from mammo.inference import listing, reading
from mammo.inference.acceleration import Acceleration
from mammo.inference.parts import MOST_VIEWS
from mammo.inference.predictor import Predictor
from mammo.inference.service import AnswerSettings, Service
from tests import dicoms
from tests.mammo.inference import bright_disc
from tests.mammo.inference.disc_exams import DISC, draw, write_exam


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


def test_views_come_in_the_order_in_which_they_were_given_however_they_were_dealt(service, tmp_path):
    given = {"RIGHT_CC": [DISC], "LEFT_CC": [], "LEFT_MLO": [DISC], "RIGHT_MLO": [], "RIGHT_CC-2": [DISC]}
    folder = write_exam(tmp_path / "exam", **given)
    paths = [folder / f"C_0001_1.{name}.png" for name in given]
    exam = listing.exam_of(paths, "exam")
    parts = list(service.stream([exam]))
    assert [len(part.views) for part in parts] == [3, 2]  # a breast each
    (result,) = [part.result for part in parts if part.result]
    assert [view.view.path for view in result.views] == paths
    assert [len(view.findings) for view in result.views] == [len(discs) for discs in given.values()]


def _given(predictor, bundle):
    return predictor


def test_a_concept_that_asks_about_breasts_gets_both_views_in_whatever_parts(tmp_path):
    """Of one exam in two parts, of two in one batch, and beside a view that cannot be read."""
    bundle = bright_disc.write_joint(tmp_path / "bundle")
    predictors = [
        Predictor(bundle, accelerated=accelerated) for accelerated in (None, Acceleration(BATCH_VIEWS, from_views=1))
    ]
    folder = tmp_path / "exams"
    write_exam(folder / "a", RIGHT_CC=[DISC], LEFT_CC=[], LEFT_MLO=[DISC], RIGHT_MLO=[], RIGHT_CC2=[DISC])
    write_exam(folder / "b", LEFT_CC=[DISC], LEFT_MLO=[], RIGHT_CC=[], RIGHT_MLO=[DISC])
    damaged = folder / "b" / "C_0001_1.LEFT_CC.png"
    damaged.write_bytes(damaged.read_bytes()[:500])
    listed = listing.list_exams([folder]).exams
    for predictor in predictors:
        service = Service(bundle, make_predictor=functools.partial(_given, predictor))
        results = [part.result for part in service.stream(listed) if part.result]
        shares = [
            {view.view.name: view.findings[0].cancer / view.findings[0].score for view in result.views if view.findings}
            for result in results
        ]
        crop = 0.9 / 0.95  # of which it says cancer
        assert shares[0] == pytest.approx(
            {
                "C_0001_1.RIGHT_CC": (crop + 0.6) / 2,  # the breast shows it in CC
                "C_0001_1.LEFT_MLO": (crop + 0.35) / 2,  # in MLO
                "C_0001_1.RIGHT_CC2": (crop + 0.6) / 2,
            },
            abs=1e-3,
        )
        assert shares[1] == pytest.approx({"C_0001_1.RIGHT_MLO": (crop + 0.35) / 2}, abs=1e-3)
        assert len(results[1].failed) == 1


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


BATCH_VIEWS = 6


@pytest.fixture(scope="module")
def accelerated(opened):
    """Answers in batches over exams, compiled, as on a GPU."""
    predictor = Predictor(opened, accelerated=Acceleration(BATCH_VIEWS, from_views=10))
    return Service(opened, make_predictor=lambda _: predictor)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Five exams of 2, 1, 4, 5 and 1 views; one view of the second last is damaged, and the only one of the last."""
    folder = tmp_path_factory.mktemp("many")
    for number, count in enumerate((2, 1, 4, 5, 1)):
        names = [f"LEFT_CC-{view}" for view in range(count)]
        write_exam(folder / f"exam{number}", **{name: [DISC] if number % 2 else [] for name in names})
    for damaged in (sorted((folder / "exam3").iterdir())[1], *(folder / "exam4").iterdir()):
        damaged.write_bytes(damaged.read_bytes()[:500])
    return listing.list_exams([folder]).exams


def batch_sizes(monkeypatch):
    """Returns a list that grows by the number of views of each batch that is predicted."""
    sizes, predict = [], Predictor.predict

    def watched(self, views, exams, **how):
        sizes.append(len(views))
        return predict(self, views, exams, **how)

    monkeypatch.setattr(Predictor, "predict", watched)
    return sizes


def test_many_exams_in_batches_get_the_answers_of_one_after_another_in_their_order(
    service, accelerated, many, monkeypatch
):
    expected = [part.result for part in service.stream(many) if part.result]
    sizes = batch_sizes(monkeypatch)
    parts = list(accelerated.stream(many))
    assert sizes == [2, 5, 4]  # the first exam alone; then exams of no more than six views, of which two are damaged
    assert [part.exam_id for part in parts] == ["exam0", "exam1", "exam2", "exam3", "exam3", "exam4"]
    results = [part.result for part in parts if part.result]
    assert [len(result.failed) for result in results] == [0, 0, 0, 1, 1]
    for one, other in zip(results, expected, strict=True):
        assert (one.exam_id, one.failed) == (other.exam_id, other.failed)
        assert one.score == (None if other.score is None else pytest.approx(other.score, abs=1e-5))
        assert one.seconds > 0
        for view, alone in zip(one.views, other.views, strict=True):
            assert [finding.score for finding in view.findings] == pytest.approx(
                [finding.score for finding in alone.findings], abs=1e-5
            )
            for finding, same in zip(view.findings, alone.findings, strict=True):
                np.testing.assert_allclose(finding.box_xyxy_px, same.box_xyxy_px, atol=0.01)
    assert any(view.findings for view in results[1].views)


def test_few_exams_are_answered_one_by_one(accelerated, many, monkeypatch):
    sizes = batch_sizes(monkeypatch)
    assert len(list(accelerated.stream(many[:3]))) == 3
    assert sizes == [2, 1, 4]


def test_no_more_than_two_batches_are_read_ahead_of_who_takes_the_answers(accelerated, many, monkeypatch):
    read, begin = [], reading.begin

    def watched(files, *rest):
        read.append(len(files))
        return begin(files, *rest)

    monkeypatch.setattr(reading, "begin", watched)
    taken = accelerated.stream([exam for exam in many[:3] for _ in range(4)])
    next(taken)
    next(taken)  # of the second batch, so that the third is read as well
    taken.close()  # waits for what is being read
    assert 2 < sum(read) <= 2 + 2 * BATCH_VIEWS


def test_a_network_that_fails_at_one_exam_answers_its_neighbours(accelerated, many, monkeypatch):
    predict = Predictor.predict

    def failing(self, views, exams, **how):
        if any("exam2" in str(view.file.path) for view in views):
            raise InputError("gives no answer")
        return predict(self, views, exams, **how)

    monkeypatch.setattr(Predictor, "predict", failing)
    parts = accelerated.stream(many)
    assert [next(parts).exam_id, next(parts).exam_id] == ["exam0", "exam1"]
    with pytest.raises(InputError, match="gives no answer"):
        next(parts)
