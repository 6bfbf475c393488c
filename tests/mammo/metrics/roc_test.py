import math

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from sklearn import metrics

from mammo.metrics import roc
from mammo.metrics.roc import Cases, Comparison

FEW = hypothesis.settings(deadline=None, max_examples=60, derandomize=True)


def _cases(scores, truth, patients=None):
    patients = np.arange(len(scores)) if patients is None else np.asarray(patients)
    return Cases(np.asarray(scores, np.float64), np.asarray(truth, bool), patients)


def _drawn(seed, count=60, levels=20, patients=25, shift=2.0):
    """Scores of few levels, so that many are equal; several cases a patient."""
    random = np.random.default_rng(seed)
    truth = np.append([True, False], random.random(count - 2) < 0.4)
    scores = random.integers(0, levels, count) + shift * truth
    return _cases(scores, truth, random.integers(0, patients, count))


def _auc_by_pairs(scores, truth):
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[truth] for n in scores[~truth]]
    return np.mean(pairs)


@pytest.mark.parametrize("seed", range(20))
def test_the_area_is_the_share_of_pairs_in_the_right_order(seed):
    cases = _drawn(seed)
    assert roc.auc(cases)[0] == pytest.approx(_auc_by_pairs(cases.scores, cases.is_positive), abs=1e-12)


def test_the_area_of_weighted_patients_is_that_of_patients_repeated():
    cases = _drawn(3)
    weights = np.random.default_rng(0).integers(0, 4, (5, cases.patient_count)).astype(float)
    for row, found in zip(weights, roc.auc(cases, weights), strict=True):
        chosen = np.repeat(np.arange(len(cases.scores)), row[cases.patients].astype(int))
        expected = _auc_by_pairs(cases.scores[chosen], cases.is_positive[chosen])
        assert found == pytest.approx(expected, abs=1e-12)


@hypothesis.given(st.integers(0, 10**6))
@FEW
def test_the_area_stays_under_any_rising_map_and_turns_round_with_the_scores(seed):
    cases = _drawn(seed, levels=6)
    stretched = _cases(np.exp(cases.scores / 3), cases.is_positive, cases.patients)
    turned = _cases(-cases.scores, cases.is_positive, cases.patients)
    area = roc.auc(cases)[0]
    assert roc.auc(stretched)[0] == area
    assert roc.auc(turned)[0] == pytest.approx(1 - area, abs=1e-12)


@hypothesis.given(st.integers(0, 10**6))
@FEW
def test_the_curve_rises_from_corner_to_corner_and_holds_the_area(seed):
    cases = _drawn(seed)
    made = roc.curve(cases)
    x, y = np.array(made["false_positive_rate"]), np.array(made["sensitivity"])
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert (np.diff(x) >= 0).all() and (np.diff(y) >= 0).all()
    assert np.trapz(y, x) == pytest.approx(roc.auc(cases)[0], abs=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_area_and_corners_are_those_of_scikit_learn(seed):
    cases = _drawn(seed, levels=[3, 20, 1000][seed % 3])
    assert roc.auc(cases)[0] == pytest.approx(metrics.roc_auc_score(cases.is_positive, cases.scores), abs=1e-9)
    x, y, _ = metrics.roc_curve(cases.is_positive, cases.scores, drop_intermediate=False)
    made = roc.curve(cases)  # of fewer cases than points are kept
    np.testing.assert_allclose(made["false_positive_rate"], x, atol=1e-9)
    np.testing.assert_allclose(made["sensitivity"], y, atol=1e-9)


def test_some_of_the_cases_have_the_area_they_have_alone():
    cases = _drawn(2)
    is_kept = cases.patients % 2 == 0
    made = cases.subset(is_kept)
    assert roc.auc(made)[0] == _auc_by_pairs(cases.scores[is_kept], cases.is_positive[is_kept])
    assert made.patient_count == len(set(cases.patients[is_kept]))


def test_perfect_random_and_constant_scores():
    truth = [True, True, False, False]
    assert roc.auc(_cases([4, 3, 2, 1], truth))[0] == 1
    assert roc.auc(_cases([1, 1, 1, 1], truth))[0] == 0.5
    report = roc.interval(_cases([4, 3, 2, 1], truth), resamples=100, seed=0)
    assert report == {"value": 1.0, "low": 1.0, "high": 1.0, "n": {"positive": 2, "negative": 2}}


def test_without_positive_or_negative_cases_there_is_no_area():
    for truth in ([True, True], [False, False]):
        cases = _cases([1, 2], truth)
        assert roc.interval(cases, resamples=10, seed=0)["value"] is None
        assert roc.curve(cases) == {"false_positive_rate": [], "sensitivity": []}
        with pytest.raises(ValueError, match="takes positive and negative cases"):
            roc.compare(cases, cases)
    assert np.isnan(roc.auc(_cases([], []))[0])


def _delong_by_definition(first, second):
    """DeLong et al. 1988, equations 3 to 6, pair by pair: variance of the difference, each case on its own."""
    parts = []
    for cases in (first, second):
        positive, negative = cases.scores[cases.is_positive], cases.scores[~cases.is_positive]
        order = np.sign(positive[:, None] - negative[None]) / 2 + 0.5
        parts.append((order.mean(axis=1), order.mean(axis=0)))
    of_positive, of_negative = (np.cov(np.stack(part)) / len(part[0]) for part in zip(*parts, strict=True))
    covariance = of_positive + of_negative
    return covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]


@pytest.mark.parametrize("seed", range(10))
def test_with_one_case_a_patient_the_test_is_delongs(seed):
    first = _drawn(seed, patients=1)
    first = _cases(first.scores, first.is_positive)
    noise = np.random.default_rng(seed + 100).normal(0, 3, len(first.scores)).round()
    second = _cases(first.scores + noise, first.is_positive)
    made = roc.compare(first, second)
    error = math.sqrt(_delong_by_definition(first, second))
    assert made.difference == pytest.approx(roc.auc(first)[0] - roc.auc(second)[0], abs=1e-12)
    assert made.standard_error == pytest.approx(error, abs=1e-12)
    assert made.p_value == pytest.approx(math.erfc(abs(made.difference) / error / math.sqrt(2)), abs=1e-12)
    back = roc.compare(second, first)
    assert [back.difference, back.p_value] == pytest.approx([-made.difference, made.p_value])


def test_cases_that_are_copies_of_each_other_prove_nothing_more():
    one = _drawn(1, count=40, patients=1)
    first = _cases(one.scores, one.is_positive)
    second = _cases(one.scores + np.random.default_rng(5).normal(0, 4, 40), one.is_positive)
    once = roc.compare(first, second)
    thrice = roc.compare(*(_cases(np.tile(c.scores, 3), np.tile(c.is_positive, 3), np.tile(c.patients, 3))
                           for c in (first, second)))  # fmt: skip
    assert thrice.difference == pytest.approx(once.difference)
    assert thrice.standard_error == pytest.approx(once.standard_error)


def test_the_error_of_clustered_cases_is_that_of_drawing_patients_anew():
    cases = _drawn(11, count=600, levels=1000, patients=150, shift=300)
    other = _cases(cases.scores + np.random.default_rng(1).normal(0, 200, 600), cases.is_positive, cases.patients)
    made = roc.compare(cases, other)
    draws = np.random.default_rng(2).multinomial(150, np.full(150, 1 / 150), 2000).astype(float)
    drawn = (roc.auc(cases, draws) - roc.auc(other, draws)).std()
    assert made.standard_error == pytest.approx(drawn, rel=0.1)


def test_the_same_scores_do_not_differ_from_themselves():
    cases = _drawn(4)
    assert roc.compare(cases, cases) == Comparison(0.0, 0.0, 1.0)


def test_other_cases_and_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="on the same cases"):
        roc.compare(_cases([1, 2], [True, False]), _cases([1, 2], [False, True]))
    with pytest.raises(ValueError, match="finite"):
        _cases([1, np.nan], [True, False])
    with pytest.raises(ValueError, match="one score, truth and patient a case"):
        _cases([1, 2], [True])
