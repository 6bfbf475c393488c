import json

import numpy as np
import pytest
import sklearn.metrics

from mammo.clinical.calibration import Calibration
from mammo.clinical.questions import WHOLE_IMAGE
from mammo.metrics import calibration_fitting, classification
from mammo.metrics.scoring import Scored
from tests.mammo.metrics import drawing

SCORED = drawing.random_scored(0)


def _report(scored=SCORED, resamples=20, **options):
    return classification.report(scored, resamples=resamples, **options)


@pytest.mark.parametrize("seed", range(5))
def test_the_report_agrees_with_scikit_learn(seed):
    scored = drawing.random_scored(seed, levels=2)
    made = _report(scored, resamples=0)
    is_cancer = scored.labels == 2
    assert made["auc"]["image"]["cancer"]["value"] == pytest.approx(
        sklearn.metrics.roc_auc_score(is_cancer, scored.probabilities[:, 2]), abs=1e-9
    )
    assert made["auc"]["image"]["tumour"]["value"] == pytest.approx(
        sklearn.metrics.roc_auc_score(scored.labels > 0, 1 - scored.probabilities[:, 0]), abs=1e-9
    )
    predicted = scored.probabilities.argmax(axis=1)
    assert made["accuracy"]["value"] == pytest.approx(sklearn.metrics.accuracy_score(scored.labels, predicted))
    expected = sklearn.metrics.confusion_matrix(scored.labels, predicted, labels=[0, 1, 2])
    assert made["confusion"] == {"labels": ["normal", "benign", "cancer"], "counts": expected.tolist()}


def test_the_report_is_json_with_an_interval_and_a_count_beside_each_figure():
    made = json.loads(json.dumps(_report(), allow_nan=False))
    lesions = sum(len(fact.boxes_xyxy_px) for fact in SCORED.facts)
    assert made["n"] == {"patients": 12, "images": 48, "lesions": lesions}
    for unit, count in (("image", 48), ("breast", 24), ("exam", 12)):
        for task in ("tumour", "cancer"):
            area = made["auc"][unit][task]
            assert area["n"]["positive"] + area["n"]["negative"] == count
            assert area["low"] <= area["value"] <= area["high"]
            assert made["roc"][unit][task]["sensitivity"][-1] == 1
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa"):
        assert made[name]["low"] < made[name]["value"] < made[name]["high"]
    assert made["calibration"]["temperature"] == 1
    assert sum(row["n"] for row in made["calibration"]["bins"]) == 48
    assert list(made["by"]) == ["density", "age", "projection", "volume", "lesion_size"]


def test_whether_a_lesion_is_malignant_is_judged_among_lesions_alone():
    made = _report(resamples=0)
    is_lesion = SCORED.labels > 0
    benign, cancer = SCORED.probabilities[is_lesion, 1], SCORED.probabilities[is_lesion, 2]
    expected = sklearn.metrics.roc_auc_score(SCORED.labels[is_lesion] == 2, cancer / (benign + cancer))
    area = made["auc"]["image"]["malignancy"]
    assert area["value"] == pytest.approx(expected, abs=1e-9)
    assert area["n"]["positive"] + area["n"]["negative"] == is_lesion.sum()
    assert sum(row["n"] for row in made["calibration"]["by_task"]["malignancy"]["bins"]) == is_lesion.sum()
    for group in made["by"]["lesion_size"].values():
        assert group["auc"]["malignancy"]["n"]["negative"] == (SCORED.labels == 1).sum()


def test_groups_share_out_the_images():
    by = _report()["by"]
    for kind in ("density", "age", "projection", "volume"):
        assert sum(group["n"]["images"] for group in by[kind].values()) == 48
    assert by["projection"]["cc"]["auc"]["cancer"]["n"]["positive"] * 2 == (SCORED.labels == 2).sum()
    is_cc = np.array([fact.projection == "cc" for fact in SCORED.facts])
    right = SCORED.probabilities.argmax(axis=1) == SCORED.labels
    assert by["projection"]["cc"]["accuracy"]["value"] == pytest.approx(right[is_cc].mean())


def test_lesions_of_one_size_are_judged_against_all_negatives():
    by_size = _report()["by"]["lesion_size"]
    assert sum(group["n"]["images"] for group in by_size.values()) == (SCORED.labels > 0).sum()
    for group in by_size.values():
        assert group["auc"]["tumour"]["n"]["negative"] == (SCORED.labels == 0).sum()
        assert group["auc"]["cancer"]["n"]["negative"] == (SCORED.labels < 2).sum()
    positives = [group["auc"]["tumour"]["n"]["positive"] for group in by_size.values()]
    assert sum(positives) == (SCORED.labels > 0).sum()


def test_crops_have_no_breasts_and_exams():
    assert set(_report(units=("image",))["auc"]) == {"image"}


def test_calibration_comes_first_and_is_told():
    chosen = Calibration(2.0, (0.0, -20.0, 0.0))
    made = _report(calibration=chosen)
    assert Calibration.from_json(made["calibration"]) == chosen
    assert np.sum(made["confusion"]["counts"], axis=0)[1] == 0  # nothing is called benign any more


def test_a_fit_on_one_half_makes_the_other_half_more_honest():
    scored = drawing.random_scored(0, patients=400)
    too_sure = Calibration(0.2, (0.0, 1.0, 2.0)).apply(scored.probabilities)
    scored = Scored(scored.facts, scored.labels, too_sure, scored.classes)
    is_first = np.arange(len(scored.facts)) < 800
    fitted = calibration_fitting.fit(scored.probabilities[is_first], scored.truth[is_first])
    rest = scored.subset(~is_first)
    before, after = (_report(rest, resamples=0, calibration=chosen) for chosen in (None, fitted))
    error = "expected_calibration_error"
    assert after["calibration"][error]["value"] < before["calibration"][error]["value"] / 3
    assert after["accuracy"]["value"] >= before["accuracy"]["value"]


def _with(probabilities, labels=SCORED.labels, facts=SCORED.facts):
    return Scored(facts, labels, probabilities, WHOLE_IMAGE)


def test_a_classifier_that_is_always_right_has_figures_of_one():
    made = _report(_with(np.eye(3)[SCORED.labels]))
    areas = [area for unit in made["auc"].values() for area in unit.values()]
    figures = [*areas, *(made[name] for name in ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa"))]
    assert all((figure["value"], figure["low"], figure["high"]) == (1, 1, 1) for figure in figures)
    assert made["calibration"]["expected_calibration_error"]["value"] == 0


def test_a_classifier_that_always_says_the_same_knows_nothing():
    made = _report(_with(np.tile([0.6, 0.3, 0.1], (48, 1))))
    assert [area["value"] for unit in made["auc"].values() for area in unit.values()] == [0.5] * 8
    assert made["cohen_kappa"]["value"] == 0
    assert made["balanced_accuracy"]["value"] == pytest.approx(1 / 3)


def test_a_classifier_that_guesses_has_an_interval_that_holds_one_half():
    area = _report(drawing.random_scored(1, patients=60, skill=0.0), resamples=200)["auc"]["image"]["cancer"]
    assert area["low"] < 0.5 < area["high"]


def test_where_a_class_is_missing_its_figures_are_null():
    made = _report(SCORED.subset(SCORED.labels < 2))
    assert made["auc"]["image"]["cancer"]["value"] is None
    assert made["auc"]["image"]["tumour"]["value"] is not None
    assert made["roc"]["exam"]["cancer"] == {"false_positive_rate": [], "sensitivity": []}
    json.dumps(made, allow_nan=False)


def test_of_one_patient_there_are_figures_without_intervals():
    made = _report(SCORED.subset(np.array([fact.patient_id == "p0" for fact in SCORED.facts])))
    assert made["n"]["patients"] == 1
    assert made["accuracy"]["low"] is None
    json.dumps(made, allow_nan=False)
