import numpy as np
import pytest

from mammo.metrics import calibration_error


def _reliability(confidence, is_right, patients=None, resamples=0, **options):
    patients = np.arange(len(confidence)) if patients is None else patients
    return calibration_error.reliability(confidence, is_right, patients, resamples=resamples, seed=0, **options)


def _error(probabilities, truth):
    made = _reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth)
    return made["expected_calibration_error"]["value"]


def test_the_error_of_an_example_worked_by_hand():
    # Bins of a fifth: (0.61, 0.69) has one of two right, (0.95) has one of one.
    made = _reliability(np.array([0.61, 0.69, 0.95]), np.array([True, False, True]), bins=5)
    first, second = made["bins"]
    assert (first["from"], first["to"], first["n"]) == (pytest.approx(0.6), pytest.approx(0.8), 2)
    assert (first["confidence"], first["right_share"]["value"]) == (pytest.approx(0.65), 0.5)
    assert (second["confidence"], second["right_share"]["value"], second["n"]) == (pytest.approx(0.95), 1.0, 1)
    assert made["expected_calibration_error"]["value"] == pytest.approx((2 * 0.15 + 0.05) / 3)
    assert _error(np.array([[0.0, 1.0]]), np.array([1])) == 0
    nothing = {"expected_calibration_error": {"value": None, "low": None, "high": None}, "bins": []}
    assert _reliability(np.zeros(0), np.zeros(0, bool)) == nothing


def test_the_interval_is_of_patients_and_does_not_depend_on_order():
    random = np.random.default_rng(0)
    confidence = random.uniform(0.3, 1, 200)
    is_right = random.random(200) < confidence
    patients = random.integers(0, 40, 200)
    made = _reliability(confidence, is_right, patients, resamples=200)
    turned = _reliability(confidence[::-1], is_right[::-1], patients[::-1], resamples=200)
    error = made["expected_calibration_error"]
    assert error == pytest.approx(turned["expected_calibration_error"])
    assert 0 < error["low"] < error["high"] < 1
    assert sum(row["n"] for row in made["bins"]) == 200
    assert (
        _reliability(confidence, is_right, np.zeros(200, int), resamples=200)["bins"][-1]["right_share"]["low"] is None
    )
