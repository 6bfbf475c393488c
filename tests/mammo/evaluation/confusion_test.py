import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from mammo.evaluation import confusion

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


def test_classes_that_do_not_occur_count_for_nothing():
    made = _summary([0, 0, 1], [0, 0, 1])
    assert [made[name]["value"] for name in confusion.FIGURES] == [1, 1, 1]
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
        figure = made[name]
        assert 0 <= figure["value"] <= 1
        if figure["low"] is not None:
            assert 0 <= figure["low"] <= figure["high"] <= 1


def test_images_of_one_patient_widen_the_interval():
    truth = np.tile([0, 1, 2, 0], 30)
    predicted = np.repeat(np.random.default_rng(0).random(12) < 0.5, 10).astype(int) * truth
    alone = _summary(truth, predicted, resamples=500)["accuracy"]
    grouped = _summary(truth, predicted, np.repeat(np.arange(12), 10), resamples=500)["accuracy"]
    assert grouped["value"] == alone["value"]
    assert grouped["high"] - grouped["low"] > 1.5 * (alone["high"] - alone["low"])
