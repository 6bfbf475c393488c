import json

import numpy as np
import pytest

from mammo.clinical.questions import TUMOUR
from mammo.metrics.matching import Rule
from mammo.stages.classification_evaluator import ClassificationEvaluator
from mammo.stages.detection_evaluator import DetectionEvaluator
from tests.mammo.metrics import drawing
from tests.mammo.stages.detected import BATCHES, NORMAL, A, B, evaluate, make_batch, make_detections


def test_padding_of_batch_boxes_and_detections_is_left_out():
    report = evaluate(BATCHES).report()
    assert report["n"] == {"patients": 2, "images": 3, "lesions": 3}
    # Of three lesions the first and the second are found, before any false alarm.
    assert report["froc"]["centre"]["sensitivity_at"]["0.125"]["value"] == pytest.approx(2 / 3)
    assert report["froc"]["iou"]["score"]["value"] == pytest.approx(2 / 3)
    assert report["froc"]["iou"]["rule"] == {"kind": "iou", "minimum_iou": 0.5, "class_aware": False}
    # Both false alarms of three images are allowed, so that every detection counts; the normal image has one.
    normal = report["false_positives_per_normal_image"]
    assert (normal["value"], normal["images"], normal["rule"]) == (1.0, 1, "centre")
    assert normal["threshold"] == pytest.approx(0.5)


def test_the_results_carry_the_facts_in_the_order_of_the_keys():
    results = evaluate(BATCHES[::-1]).results
    assert [result.path for result in results] == ["0.png", "1.png", "2.png"]
    assert results[0].projection == "cc"
    assert results[2].truth_boxes_xyxy_px.tolist() == [list(A), list(B)]
    assert results[1].label == 0


def test_how_images_were_put_into_batches_does_not_matter():
    assert evaluate(BATCHES).report() == evaluate(BATCHES[::-1]).report()


def test_the_report_is_json_and_the_scalars_agree_with_it():
    evaluator = evaluate(BATCHES)
    report = json.loads(json.dumps(evaluator.report(), allow_nan=False))
    scalars = evaluator.scalars()
    for rule in ("centre", "iou"):
        for rate, figure in report["froc"][rule]["sensitivity_at"].items():
            assert scalars[f"froc_{rule}/sensitivity_at_{rate}"] == pytest.approx(figure["value"])
        assert scalars[f"froc_{rule}/score"] == pytest.approx(report["froc"][rule]["score"]["value"])
    assert scalars["average_precision_50"] == pytest.approx(report["average_precision"]["0.5"]["value"])


def test_an_image_that_comes_twice_is_refused():
    evaluator = evaluate(BATCHES)
    with pytest.raises(ValueError, match=r"0\.png \(key 0\) came again"):
        evaluator.update(make_batch([[A]], [0]), make_detections([[]]))


def test_an_image_of_another_split_is_refused():
    with pytest.raises(ValueError, match="key 99 is none of the 8 images"):
        evaluate([([[A]], [[]], [99])])


def test_without_lesions_figures_are_null_and_scalars_left_out():
    evaluator = evaluate([([[], []], [[(0.7, B)], []], [0, 1])])
    report = evaluator.report()
    assert report["froc"]["centre"]["score"]["value"] is None
    assert report["average_precision"]["0.5"]["value"] is None
    assert report["false_positives_per_normal_image"]["value"] == 0.5
    assert evaluator.scalars() == {}


def test_without_normal_images_or_any_detection_that_figure_is_null():
    report = evaluate([([[A]], [[]], [0])]).report()
    normal = report["false_positives_per_normal_image"]
    assert (normal["value"], normal["threshold"], normal["images"]) == (None, None, 0)


def test_no_image_at_all():
    evaluator = DetectionEvaluator({}, 1)
    assert evaluator.scalars() == {}
    with pytest.raises(ValueError, match="nothing to report"):
        evaluator.report()


def test_a_detector_of_two_classes_has_a_mean_over_them():
    evaluator = DetectionEvaluator({0: drawing.make_facts([A])}, 2, resamples=0)
    evaluator.update(make_batch([[A]], [0]), make_detections([[(0.9, A)]], classes=0))
    precision = evaluator.report()["average_precision"]
    assert precision["0.5"]["value"] == 1  # found, under the wrong name
    assert precision["mean_over_classes"]["0.5"]["value"] == 0


def test_rules_can_be_chosen():
    found = [[(0.9, (10, 10, 30, 60))]]  # IoU 0.4
    rules = {"loose": Rule("iou", 0.2), "strict": Rule("iou", 0.5)}
    froc = evaluate([([[A]], found, [0])], rules=rules).report()["froc"]
    assert froc["loose"]["score"]["value"] == 1
    assert froc["strict"]["score"]["value"] == pytest.approx(0)


def test_pictures_are_the_first_images_with_a_lesion():
    assert evaluate(BATCHES).pictures().shape == (2, 8, 8, 3)
    assert evaluate(BATCHES, picture_count=1).pictures().shape == (1, 8, 8, 3)
    assert len(evaluate([([[]], [[]], [0])]).pictures()) == 0


def test_the_groups_are_judged_at_the_same_threshold_as_all():
    report = evaluate(BATCHES).report()
    group = report["by"]["density"]["2"]
    assert group["n"] == report["n"]
    assert group["sensitivity"] == report["froc"]["centre"]["sensitivity_at"]["1"]


def test_joined_evaluators_report_what_one_reports_that_has_seen_all_images():
    joined, other = (evaluate([batch]) for batch in BATCHES)
    joined.join(other)
    one = evaluate(BATCHES)
    assert joined.report() == one.report()
    assert joined.scalars() == one.scalars()
    assert joined.image_count == 2 * one.image_count  # of which each split had eight
    assert len(joined.pictures()) > 0


def test_images_of_the_same_numbers_are_others_in_a_joined_evaluator():
    joined = evaluate(BATCHES[:1])
    joined.join(evaluate(BATCHES[:1]))
    assert joined.report()["n"] == {"patients": 1, "images": 4, "lesions": 2}
    assert [result.path for result in joined.results] == ["0.png", "1.png"] * 2
    assert len({result.key for result in joined.results}) == 4


def test_an_evaluator_of_another_kind_is_not_joined():
    with pytest.raises(TypeError, match="a detector's evaluator cannot be joined with a ClassificationEvaluator"):
        evaluate(BATCHES).join(ClassificationEvaluator({}, TUMOUR))


def test_probabilities_are_refused():
    with pytest.raises(TypeError, match="takes Detections, got ndarray"):
        DetectionEvaluator(NORMAL, 1).update(make_batch([[]], [0]), np.zeros((1, 2)))
