import numpy as np
import pytest

from mammo.metrics import image_results
from mammo.metrics.image_results import ImageResult
from tests.mammo.metrics import drawing


def test_patients_are_numbered_whatever_the_order():
    results = [drawing.make_result(patient_id=name) for name in ("b", "a", "b")]
    count, numbers = image_results.patients(results)
    assert count == 2
    assert numbers.tolist() == [1, 0, 1]


def test_scores_that_do_not_descend_are_refused():
    box = np.zeros((2, 4))
    none = np.zeros(0, int)
    for scores in ([0.1, 0.2], [0.5, np.nan]):
        with pytest.raises(ValueError, match=r"scores of a\.png must be finite and descend"):
            ImageResult("p", "a.png", np.zeros((0, 4)), none, box, np.array(scores), np.zeros(2, int), 0)


def test_arrays_that_do_not_fit_are_refused_by_name():
    with pytest.raises(ValueError, match=r"boxes_xyxy_px of a\.png must have shape \(1, 4\), got \(2, 4\)"):
        ImageResult("p", "a.png", np.zeros((0, 4)), np.zeros(0, int), np.zeros((2, 4)), np.ones(1), np.zeros(1, int), 0)
