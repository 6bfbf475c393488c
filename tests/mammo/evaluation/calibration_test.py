import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from mammo.evaluation import calibration

FEW = hypothesis.settings(deadline=None, max_examples=40, derandomize=True)


def _drawn(seed, count=4000, temperature=1.0):
    """Probabilities of three classes, sharpened or flattened by a temperature, and the truth drawn from before that."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet([1.0, 1.0, 1.0], count)
    truth = (random.random((count, 1)) > honest.cumsum(axis=1)).sum(axis=1)
    return calibration.Temperature(temperature).apply(honest), truth.clip(max=2)


@pytest.mark.parametrize("sharpened", [0.3, 0.7, 1.0, 2.5])
def test_what_was_sharpened_is_found_and_undone(sharpened):
    probabilities, truth = _drawn(0, temperature=sharpened)
    found = calibration.fit(probabilities, truth)
    assert found.value == pytest.approx(1 / sharpened, rel=0.06)
    before, after = (_error(values, truth) for values in (probabilities, found.apply(probabilities)))
    assert after < 0.025
    if sharpened != 1.0:
        assert after < before / 2


def _error(probabilities, truth):
    is_right = probabilities.argmax(axis=1) == truth
    return calibration.reliability(probabilities.max(axis=1), is_right)["expected_calibration_error"]


@hypothesis.given(st.integers(0, 10**6), st.floats(0.05, 20))
@FEW
def test_probabilities_stay_probabilities_and_the_surest_class_stays(seed, temperature):
    probabilities, _ = _drawn(seed, count=20)
    made = calibration.Temperature(temperature).apply(probabilities)
    np.testing.assert_allclose(made.sum(axis=1), 1)
    np.testing.assert_array_equal(made.argmax(axis=1), probabilities.argmax(axis=1))


def test_a_temperature_of_one_changes_nothing():
    probabilities, _ = _drawn(1, count=50)
    np.testing.assert_allclose(calibration.Temperature().apply(probabilities), probabilities, rtol=1e-9)


def test_certainty_that_is_wrong_is_cooled_and_stays_finite():
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = calibration.fit(probabilities, np.array([1, 0]))
    assert found.value == pytest.approx(50, rel=1e-3)  # the end of the search: nothing else is less wrong
    assert np.isfinite(found.apply(probabilities)).all()
    assert calibration.fit(np.zeros((0, 2)), np.zeros(0, np.int64)).value == 1


def test_the_error_of_an_example_worked_by_hand():
    # Bins of a fifth: (0.61, 0.69) has one of two right, (0.95) has one of one.
    made = calibration.reliability(np.array([0.61, 0.69, 0.95]), np.array([True, False, True]), bins=5)
    assert made["bins"] == [
        {"confidence": pytest.approx(0.65), "right_share": 0.5, "n": 2},
        {"confidence": pytest.approx(0.95), "right_share": 1.0, "n": 1},
    ]
    assert made["expected_calibration_error"] == pytest.approx((2 * 0.15 + 0.05) / 3)
    assert calibration.reliability(np.array([1.0]), np.array([True]))["expected_calibration_error"] == 0
    assert calibration.reliability(np.zeros(0), np.zeros(0, bool)) == {"expected_calibration_error": None, "bins": []}
