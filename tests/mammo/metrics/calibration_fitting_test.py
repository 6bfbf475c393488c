import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import sklearn.linear_model

from mammo.clinical.calibration import Calibration
from mammo.metrics import calibration_error, calibration_fitting

FEW = hypothesis.settings(deadline=None, max_examples=40, derandomize=True)


def _drawn(seed, count=4000, temperature=1.0, biases=()):
    """Probabilities of three classes, distorted, and the truth drawn from them before that."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet([1.0, 1.0, 1.0], count)
    truth = (random.random((count, 1)) > honest.cumsum(axis=1)).sum(axis=1)
    return Calibration(temperature, biases).apply(honest), truth.clip(max=2)


def _loss(probabilities, truth):
    return calibration_error.negative_log_likelihood(probabilities, truth).mean()


def _error(probabilities, truth):
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    made = calibration_error.reliability(confidence, is_right, np.arange(len(truth)), resamples=0, seed=0)
    return made["expected_calibration_error"]["value"]


@pytest.mark.parametrize("sharpened", [0.3, 0.7, 1.0, 2.5])
@pytest.mark.parametrize("biases", [(), (0.0, 1.5, -1.0)])
def test_what_was_distorted_is_found_and_undone(sharpened, biases):
    probabilities, truth = _drawn(0, temperature=sharpened, biases=biases)
    found = calibration_fitting.fit(probabilities, truth)
    assert found.temperature == pytest.approx(1 / sharpened, rel=0.06)
    expected = -np.array(biases or (0.0,) * 3) * sharpened  # log p = (made - biases) * sharpened, but for a constant
    np.testing.assert_allclose(found.biases, expected, atol=0.12)
    before, after = (_error(values, truth) for values in (probabilities, found.apply(probabilities)))
    assert after < 0.025
    if biases or sharpened != 1.0:
        assert after < before / 2


@pytest.mark.parametrize("seed", range(5))
def test_of_two_classes_it_is_a_logistic_regression_on_the_log_odds(seed):
    random = np.random.default_rng(seed)
    positive = random.uniform(0.05, 0.95, 300)
    truth = (random.random(300) < positive**2).astype(int)
    probabilities = np.stack([1 - positive, positive], axis=1)
    log_odds = np.log(positive / (1 - positive))[:, None]
    expected = sklearn.linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(log_odds, truth)
    found = calibration_fitting.fit(probabilities, truth)
    assert 1 / found.temperature == pytest.approx(expected.coef_[0, 0], rel=1e-3)
    assert found.biases == pytest.approx((0.0, expected.intercept_[0]), abs=1e-3)
    np.testing.assert_allclose(found.apply(probabilities), expected.predict_proba(log_odds), atol=1e-3)


@pytest.mark.parametrize("absent", range(3))
def test_a_class_that_the_data_lacks_keeps_its_probability(absent):
    probabilities, truth = _drawn(0, temperature=0.5, biases=(0.0, 1.0, -1.0))
    there = truth != absent
    found = calibration_fitting.fit(probabilities[there], truth[there])
    assert found.untouched == (absent,)
    made = found.apply(probabilities)
    np.testing.assert_allclose(made[:, absent], probabilities[:, absent], atol=1e-12)
    np.testing.assert_allclose(made.sum(axis=1), 1)
    # Among the others it is the calibration of those two alone.
    others = [label for label in range(3) if label != absent]
    shares = probabilities[:, others] / probabilities[:, others].sum(axis=1, keepdims=True)
    of_two = calibration_fitting.fit(shares[there], np.searchsorted(others, truth[there]))
    expected = of_two.apply(shares) * probabilities[:, others].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made[:, others], expected, atol=1e-6)


@pytest.mark.parametrize("truth", [[], [1, 1, 1]])
def test_cases_of_one_class_or_none_calibrate_nothing(truth):
    probabilities = np.full((len(truth), 3), 1 / 3)
    assert calibration_fitting.fit(probabilities, np.array(truth, np.int64)) == Calibration()


@hypothesis.given(st.integers(0, 10**6), st.floats(0.05, 20), st.integers(1, 60))
@FEW
def test_the_truth_never_becomes_less_likely(seed, temperature, count):
    probabilities, truth = _drawn(seed, count, temperature)
    found = calibration_fitting.fit(probabilities, truth)
    assert found.temperature * (1 + 1e-9) >= 0.02 and found.temperature <= 50 * (1 + 1e-9)
    assert _loss(found.apply(probabilities), truth) <= _loss(probabilities, truth) + 1e-10


@pytest.mark.parametrize("seed", range(5))
def test_where_the_search_ends_a_step_to_any_side_is_worse(seed):
    probabilities, truth = _drawn(seed, 200, 3.0, (0.0, 1.0, -2.0))
    found = calibration_fitting.fit(probabilities, truth)
    best = _loss(found.apply(probabilities), truth)
    for index in range(3):
        for step in (-0.02, 0.02):
            biases = np.array(found.biases) + step * (np.arange(3) == index)
            temperature = found.temperature * (1 + step if index == 0 else 1)
            moved = Calibration(temperature, tuple(biases))
            assert _loss(moved.apply(probabilities), truth) > best


def test_training_on_balanced_classes_is_corrected_for_the_natural_prevalence():
    random = np.random.default_rng(0)
    truth = (random.random(20_000) < 0.05).astype(int)
    score = random.normal(0, 1, 20_000) + 1.5 * truth
    odds = np.exp(1.5 * score - 1.5**2 / 2)  # those of a model that was trained with as many positives as negatives
    balanced = np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)
    found = calibration_fitting.fit(balanced, truth)
    assert found.temperature == pytest.approx(1, abs=0.1)
    assert found.biases[1] == pytest.approx(np.log(0.05 / 0.95), abs=0.1)
    assert found.apply(balanced)[:, 1].mean() == pytest.approx(truth.mean(), rel=1e-3)
    assert balanced[:, 1].mean() > 0.2


def test_without_cases_there_is_no_calibration():
    assert calibration_fitting.fit(np.zeros((0, 2)), np.zeros(0, np.int64)) == Calibration()


@pytest.mark.parametrize("truth", [[1, 0], [0, 1], [0, 0]])
def test_certainty_right_or_wrong_and_a_class_that_never_occurs_stay_finite(truth):
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = calibration_fitting.fit(probabilities, np.array(truth))
    assert np.isfinite([found.temperature, *found.biases]).all()
    assert np.isfinite(found.apply(probabilities)).all()
    if truth == [1, 0]:
        assert found.temperature == pytest.approx(50, rel=1e-3)  # the end of the search: nothing else is less wrong
