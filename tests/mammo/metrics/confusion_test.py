import warnings

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from sklearn import metrics

from mammo.metrics import confusion

FEW = hypothesis.settings(deadline=None, max_examples=60, derandomize=True)
LABELS = ("normal", "benign", "cancer")


def _summary(truth, predicted, patients=None, resamples=50):
    patients = np.arange(len(truth)) if patients is None else np.asarray(patients)
    return confusion.summarise(
        np.asarray(truth, np.int64), np.asarray(predicted, np.int64), patients, LABELS, resamples=resamples, seed=0
    )


def test_an_example_worked_by_hand():
    # normal: 3 of 4 right, benign: 1 of 2, cancer: 0 of 1; predicted: normal 4, benign 2, cancer 1.
    made = _summary([0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 2, 0])
    assert made["confusion"] == {"labels": list(LABELS), "counts": [[3, 1, 0], [0, 1, 1], [1, 0, 0]]}
    assert made["accuracy"]["value"] == pytest.approx(4 / 7)
    assert made["balanced_accuracy"]["value"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert made["macro_f1"]["value"] == pytest.approx((6 / 8 + 2 / 4 + 0) / 3)


def test_always_answering_normal_is_as_good_as_normals_are_many():
    # The 2022 study: 63.5 % of its validation images are normal, so that this baseline beats its classifiers.
    truth = np.repeat([0, 1, 2], [99, 30, 27])
    made = _summary(truth, np.zeros_like(truth))
    assert made["accuracy"]["value"] == pytest.approx(0.635, abs=5e-4)
    assert made["balanced_accuracy"]["value"] == pytest.approx(1 / 3)
    assert made["cohen_kappa"]["value"] == pytest.approx(0)


def test_classes_that_do_not_occur_count_for_nothing():
    made = _summary([0, 0, 1], [0, 0, 1])
    assert [made[name]["value"] for name in confusion.FIGURES] == [1, 1, 1, 1]
    assert all(made[name]["low"] == made[name]["high"] == 1 for name in confusion.FIGURES)


def test_of_nothing_there_is_no_figure():
    made = _summary([], [])
    assert all(made[name]["value"] is None for name in confusion.FIGURES)


@hypothesis.given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 5)), min_size=1, max_size=40))
@FEW
def test_figures_do_not_depend_on_order_and_lie_within_bounds(rows):
    truth, predicted, patients = np.array(rows).T
    made = _summary(truth, predicted, patients)
    turned = _summary(truth[::-1], predicted[::-1], patients[::-1])
    assert made == turned
    assert np.sum(made["confusion"]["counts"]) == len(rows)
    for name in confusion.FIGURES:
        figure, least = made[name], -1 if name == "cohen_kappa" else 0
        if figure["value"] is not None:
            assert least <= figure["value"] <= 1 + 1e-12
        if figure["low"] is not None:
            assert least <= figure["low"] <= figure["high"] <= 1 + 1e-12


def test_images_of_one_patient_widen_the_interval():
    truth = np.tile([0, 1, 2, 0], 30)
    predicted = np.repeat(np.random.default_rng(0).random(12) < 0.5, 10).astype(int) * truth
    alone = _summary(truth, predicted, resamples=500)["accuracy"]
    grouped = _summary(truth, predicted, np.repeat(np.arange(12), 10), resamples=500)["accuracy"]
    assert grouped["value"] == alone["value"]
    assert grouped["high"] - grouped["low"] > 1.5 * (alone["high"] - alone["low"])


@pytest.mark.parametrize("seed", range(30))
def test_figures_are_those_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    count = random.integers(2, 60)
    truth = random.integers(0, 3, count)
    predicted = np.where(random.random(count) < 0.5, truth, random.integers(0, 3, count))
    made = _summary(truth, predicted, resamples=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that were predicted and do not occur
        expected = {
            "accuracy": metrics.accuracy_score(truth, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
            "macro_f1": metrics.f1_score(truth, predicted, average="macro"),
            "cohen_kappa": metrics.cohen_kappa_score(truth, predicted),
        }
    counts = metrics.confusion_matrix(truth, predicted, labels=[0, 1, 2])
    assert made["confusion"]["counts"] == counts.tolist() == confusion.count(truth, predicted, 3).tolist()
    assert {name: made[name]["value"] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_kappa_is_not_defined_where_chance_is_always_right():
    made = _summary([1, 1], [1, 1])
    assert made["accuracy"]["value"] == 1
    assert made["cohen_kappa"]["value"] is None
