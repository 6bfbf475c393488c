import numpy as np

from mammo.clinical import findings
from mammo.clinical.findings import Findings


def _findings(scores):
    boxes = np.arange(4.0 * len(scores)).reshape(-1, 4)
    return Findings(boxes, np.array(scores, float), np.zeros(len(scores)))


def test_each_detection_counts_wholly_as_its_own_class():
    made = findings.of_detections(np.ones((2, 4), np.float32), np.array([0.9, 0.5]), np.array([1, 0]))
    np.testing.assert_array_equal(made.scores, [0.9, 0.5])
    np.testing.assert_array_equal(made.cancer_shares, [1, 0])
    assert made.boxes_xyxy_px.dtype == np.float64


def test_a_crop_classifier_lowers_what_is_background_and_sorts_anew():
    found = _findings([0.9, 0.8])
    made = findings.judged(found, np.array([[0.9, 0.05, 0.05], [0.0, 0.25, 0.75]]))
    np.testing.assert_allclose(made.scores, [0.8, 0.09])
    np.testing.assert_allclose(made.cancer_shares, [0.75, 0.5])
    np.testing.assert_array_equal(made.boxes_xyxy_px, found.boxes_xyxy_px[::-1])


def test_without_a_class_for_background_scores_stay():
    found = _findings([0.9, 0.8])
    kept = findings.judged(found, np.array([[0.4, 0.6], [1.0, 0.0]]))
    np.testing.assert_allclose(kept.scores, found.scores)
    np.testing.assert_allclose(kept.cancer_shares, [0.6, 0])


def test_the_surest_are_the_first():
    assert _findings([0.9, 0.8, 0.1]).best(2).scores.tolist() == [0.9, 0.8]
    assert len(Findings.none()) == 0


def test_a_second_opinion_has_an_equal_say_in_what_is_cancer_and_none_in_what_is_found():
    found = findings.judged(_findings([0.9, 0.8]), np.array([[0.4, 0.6], [1.0, 0.0]]))
    made = findings.with_second_opinion(found, 0.8)
    np.testing.assert_allclose(made.cancer_shares, [0.7, 0.4])
    np.testing.assert_array_equal(made.scores, found.scores)
    np.testing.assert_array_equal(made.boxes_xyxy_px, found.boxes_xyxy_px)
    assert len(findings.with_second_opinion(Findings.none(), 0.8)) == 0
