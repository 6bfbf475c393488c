import json

import numpy as np
import pytest
from sklearn import metrics

from mammo.metrics import thresholds as thresholds_lib
from mammo.metrics.roc import Cases


def _cases(scores, truth, patients=None):
    patients = np.arange(len(scores)) if patients is None else np.asarray(patients)
    return Cases(np.asarray(scores, np.float64), np.asarray(truth, bool), patients)


def _drawn(seed, count=80, levels=8):
    random = np.random.default_rng(seed)
    truth = np.append([True, False], random.random(count - 2) < 0.3)
    return _cases(random.integers(0, levels, count) + 2 * truth, truth, random.integers(0, 30, count))


@pytest.mark.parametrize("seed", range(20))
def test_no_other_threshold_does_better(seed):
    cases = _drawn(seed)
    fpr, tpr, thresholds = metrics.roc_curve(cases.is_positive, cases.scores, drop_intermediate=False)
    chosen = thresholds_lib.choose(cases)
    made: dict[str, dict] = {
        name: {**thresholds_lib.apply(cases, value, resamples=0, seed=0)} for name, value in chosen.items()
    }
    screening, balanced = made["screening"], made["balanced"]
    assert screening["sensitivity"]["value"] >= 0.9
    assert screening["specificity"]["value"] == pytest.approx(1 - fpr[tpr >= 0.9].min())
    assert balanced["sensitivity"]["value"] + balanced["specificity"]["value"] == pytest.approx(1 + (tpr - fpr).max())
    assert balanced["threshold"] == thresholds[np.isclose(tpr - fpr, (tpr - fpr).max())].max()


def test_an_example_worked_by_hand():
    cases = _cases([0.9, 0.8, 0.4, 0.3, 0.3, 0.1], [True, False, True, False, False, False])
    made: dict = {**thresholds_lib.apply(cases, 0.4, resamples=0, seed=0)}
    figures = ("sensitivity", "specificity", "positive_predictive_value", "negative_predictive_value")
    assert [made[name]["value"] for name in figures] == pytest.approx([1, 3 / 4, 2 / 3, 1])
    assert made["prevalence"] == pytest.approx(1 / 3)
    assert made["n"] == {"positive": 2, "negative": 4}


def test_nine_of_ten_are_enough_and_eight_of_nine_are_not():
    for count, found in ((10, 9), (9, 9)):
        scores = np.append(np.arange(count) + 1.0, 0.0)
        threshold = thresholds_lib.choose(_cases(scores, [True] * count + [False]))["screening"]
        assert (scores[:count] >= threshold).sum() == found


def test_a_threshold_may_be_carried_to_cases_that_lack_a_kind_or_any_alarm():
    made = thresholds_lib.apply(_cases([0.1, 0.2], [False, False]), 0.5, resamples=50, seed=0)
    assert made["sensitivity"]["value"] is made["positive_predictive_value"]["value"] is None
    assert made["specificity"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    nothing = thresholds_lib.apply(_cases([], []), 0.5, resamples=50, seed=0)
    json.dumps([made, nothing], allow_nan=False)
    assert nothing["prevalence"] is None


def test_without_positive_or_negative_cases_nothing_is_chosen():
    assert thresholds_lib.choose(_cases([1, 2], [True, True])) == {}
    assert thresholds_lib.choose(_cases([1, 2], [False, False])) == {}
    assert thresholds_lib.choose(_cases([], [])) == {}


def test_scores_that_are_all_equal_leave_one_threshold():
    assert thresholds_lib.choose(_cases([1, 1, 1], [True, False, False])) == {"screening": 1.0, "balanced": 1.0}


def test_intervals_are_by_patient():
    alone = _drawn(0, count=600)
    cases = _cases(np.tile(alone.scores, 3), np.tile(alone.is_positive, 3), np.tile(np.arange(600), 3))
    once = thresholds_lib.apply(_cases(alone.scores, alone.is_positive), 4.0, resamples=300, seed=0)
    thrice = thresholds_lib.apply(cases, 4.0, resamples=300, seed=0)
    assert once["sensitivity"] == pytest.approx(thrice["sensitivity"])
