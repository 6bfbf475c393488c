import contextlib
import io

import numpy as np
import pytest
from pycocotools import coco, cocoeval

from mammo.metrics import average_precision
from mammo.metrics.image_results import ImageResult
from tests.mammo.metrics import drawing

A, B, AWAY = (10, 10, 30, 30), (60, 60, 80, 80), (100, 100, 120, 120)


def _by_coco(results, *, class_aware):
    """Average precision at 0.5 and at 0.5:0.95 as pycocotools has it.

    Its own way to leave classes out (useCats = 0) sorts equal scores by class; so all are given one class instead.
    """
    truth, found = coco.COCO(), coco.COCO()
    for target, boxes_of, classes_of, scores_of in (
        (truth, "truth_boxes_xyxy_px", "truth_classes", None),
        (found, "boxes_xyxy_px", "classes", "scores"),
    ):
        rows = [
            (image, box, int(kind) if class_aware else 0, float(score))
            for image, result in enumerate(results)
            for box, kind, score in zip(
                getattr(result, boxes_of),
                getattr(result, classes_of),
                getattr(result, scores_of) if scores_of else np.ones(len(getattr(result, classes_of))),
                strict=True,
            )
        ]
        target.dataset = {
            "images": [{"id": image} for image in range(len(results))],
            "categories": [{"id": 0}, {"id": 1}],
            "annotations": [
                {
                    "id": number,
                    "image_id": image,
                    "category_id": kind,
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                    "area": (box[2] - box[0]) * (box[3] - box[1]),
                    "iscrowd": 0,
                    "score": score,
                }
                for number, (image, box, kind, score) in enumerate(rows, start=1)
            ],
        }
        with contextlib.redirect_stdout(io.StringIO()):
            target.createIndex()
    judge = cocoeval.COCOeval(truth, found, "bbox")
    with contextlib.redirect_stdout(io.StringIO()):
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][:, :, :, 0, -1]  # all areas, 100 detections
    return [float(kept[kept > -1].mean()) if (kept > -1).any() else None for kept in (precision[0], precision)]


def _figures(results, class_indices):
    intervals = average_precision.intervals(results, class_indices, resamples=0, seed=0)
    return [intervals[name]["value"] for name in ("0.5", "0.5:0.95")]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("levels", [None, 5])
def test_it_equals_pycocotools(seed, levels):
    results = drawing.random_results(seed, count=15, levels=levels)
    assert _figures(results, [None]) == pytest.approx(_by_coco(results, class_aware=False), abs=1e-6)
    assert _figures(results, [0, 1]) == pytest.approx(_by_coco(results, class_aware=True), abs=1e-6)


def _crowded():
    boxes = np.random.default_rng(0).uniform(0, 100, (150, 2))
    found = [(float(1 - index / 200), (x, y, x + 20, y + 20)) for index, (x, y) in enumerate(boxes)]
    return [drawing.make_result([found[-1][1], found[50][1]], found)]  # the first lesion lies beyond the 100th


@pytest.mark.parametrize(
    "results",
    [
        [drawing.make_result([A])],
        [drawing.make_result([A, B], [(0.9, AWAY)])],
        [drawing.make_result([A], [(0.9, A)]), drawing.make_result(), drawing.make_result([], [(0.95, B)])],
        [drawing.make_result([A], [(0.9, A), (0.9, A), (0.8, A)])],  # only the first of a lesion is a hit
        [drawing.make_result([A, A], [(0.9, A), (0.8, A)], truth_classes=[0, 1], classes=[1, 0])],
        _crowded(),
    ],
)
def test_it_equals_pycocotools_at_the_edges(results):
    assert _figures(results, [None]) == pytest.approx(_by_coco(results, class_aware=False), abs=1e-6)
    assert _figures(results, [0, 1]) == pytest.approx(_by_coco(results, class_aware=True), abs=1e-6)


def test_figures_known_without_computing():
    perfect = [drawing.make_result([A, B], [(0.9, A), (0.8, B)])]
    assert _figures(perfect, [None]) == [1.0, 1.0]
    assert _figures([drawing.make_result([A, B], [(0.9, AWAY)])], [None]) == [0.0, 0.0]
    # One of two is found, the surest first: precision is 1 up to a recall of a half, which is 51 recalls of 101.
    assert _figures([drawing.make_result([A, B], [(0.9, A)])], [None])[0] == pytest.approx(51 / 101)


def test_without_a_lesion_there_is_no_figure():
    results = [drawing.make_result([], [(0.9, A)], patient_id=str(index)) for index in range(3)]
    assert average_precision.intervals(results, [None], resamples=20, seed=0)["0.5"] == {
        "value": None, "low": None, "high": None,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_a_patient_that_counts_twice_is_two_patients(seed):
    results = drawing.random_results(seed)
    weights = np.array([[2.0, 0, 1, 3]])
    times = dict(zip(("p0", "p1", "p2", "p3"), (2, 0, 1, 3), strict=True))
    copies = [result for result in results for _ in range(times[result.patient_id])]
    for class_index in (None, 1):
        weighted, copied = (average_precision.rank(some, [0.5], class_index) for some in (results, copies))
        assert average_precision.average_precision(weighted, weights) == pytest.approx(
            average_precision.average_precision(copied)
        )


def test_the_interval_holds_the_value():
    results: list[ImageResult] = drawing.random_results(0, count=60)
    made: dict = {**average_precision.intervals(results, [None], resamples=200, seed=0)}
    for figure in made.values():
        assert figure["low"] < figure["value"] < figure["high"]
