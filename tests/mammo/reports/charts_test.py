import xml.etree.ElementTree as ET

import numpy as np
import pytest

from mammo.common.json_types import Interval
from mammo.metrics import calibration_error, froc
from mammo.metrics.figures import RocCurve
from mammo.metrics.matching import Rule
from mammo.reports import charts
from tests.mammo.metrics import drawing


def _texts(svg):
    return [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def _summary(results, resamples=20):
    return froc.summarise(froc.collect(results, Rule("centre")), resamples=resamples, seed=0)


def test_the_curve_is_an_svg_with_its_name_and_rates():
    texts = _texts(charts.froc({"centre": _summary(drawing.random_results(0))}, {"centre": "by the centre"}))
    assert {"by the centre", "1/8", "8", "sensitivity", "100 %"} <= set(texts)


def test_the_same_curve_is_the_same_text():
    curves = {"a": _summary(drawing.random_results(0)), "b": _summary(drawing.random_results(1))}
    assert charts.froc(curves, {}) == charts.froc(curves, {})


@pytest.mark.parametrize(
    "results",
    [
        [drawing.make_result()],  # no lesion
        [drawing.make_result([(0, 0, 9, 9)])],  # none found, and one patient: no interval
        [drawing.make_result([(0, 0, 9, 9)], [(0.5, (0, 0, 9, 9))])],  # a curve of one point
    ],
)
def test_curves_with_little_to_draw(results):
    assert "sensitivity" in _texts(charts.froc({"centre": _summary(results)}, {}))


CURVE: RocCurve = {"false_positive_rate": [0.0, 0.0, 0.5, 1.0], "sensitivity": [0.0, 0.6, 1.0, 1.0]}
EMPTY: RocCurve = {"false_positive_rate": [], "sensitivity": []}
NOTHING: Interval = {"value": None, "low": None, "high": None}


def test_roc_curves_have_their_areas_with_intervals_in_the_legend():
    areas: dict[str, Interval] = {
        "a": {"value": 0.9, "low": 0.8123, "high": 0.95},
        "b": {"value": 0.5, "low": None, "high": None},
    }
    texts = _texts(charts.roc({"a": CURVE, "b": CURVE}, areas, {"a": "by image"}))
    assert {"by image: 0.90 (0.81 to 0.95)", "b: 0.50", "sensitivity"} <= set(texts)


def test_a_roc_curve_of_nothing_is_left_out():
    texts = _texts(charts.roc({"a": EMPTY}, {"a": NOTHING}, {}))
    assert not any(text.startswith("a") for text in texts)


def test_a_confusion_shows_counts_with_their_share_of_the_true_class():
    texts = _texts(charts.confusion({"counts": [[3, 1], [0, 1200]], "labels": ["normal", "cancer"]}))
    assert {"3", "75 %", "1", "25 %", "1,200", "100 %", "normal (4)", "cancer (1,200)", "predicted"} <= set(texts)


def test_a_class_that_never_occurs_has_counts_without_shares():
    texts = _texts(charts.confusion({"counts": [[0, 0], [1, 1]], "labels": ["normal", "cancer"]}))
    assert texts.count("0") == 2
    assert sum("%" in text for text in texts) == 2


@pytest.mark.parametrize(("resamples", "count"), [(20, 300), (0, 300), (20, 1), (0, 0)])
def test_reliability_is_drawn_of_many_predictions_of_one_and_of_none(resamples, count):
    random = np.random.default_rng(0)
    confidence = random.random(count)
    made = calibration_error.reliability(
        confidence, random.random(count) < confidence, np.arange(count), resamples=resamples, seed=0
    )
    svg = charts.reliability(made["bins"])
    assert {"probability given", "fraction that is true"} <= set(_texts(svg))
    assert svg == charts.reliability(made["bins"])


def test_history_is_sorted_into_panels_and_the_rest_left_out():
    rows = [
        {"step": step, "loss/total": 1 / (step + 1), "learning_rate": 0.1, "images_per_s": 5.0} for step in range(40)
    ]
    rows += [{"step": 20, "validation/froc_centre/score": 0.5, "validation/froc_centre/sensitivity_at_0.125": 0.4}]
    panels = dict(charts.history(rows))
    assert list(panels) == ["Loss", "Learning rate", "Validation"]
    assert "loss/total" in _texts(panels["Loss"])
    assert "validation/froc_centre/score" in _texts(panels["Validation"])
    assert "validation/froc_centre/sensitivity_at_0.125" not in _texts(panels["Validation"])


def test_what_is_no_number_is_left_out():
    rows: list[dict] = [{"step": 0, "loss": None}, {"step": 1, "loss": float("nan")}, {"step": 2, "stage": "loss"}]
    assert charts.history(rows) == []
    assert charts.history([]) == []


def test_a_long_history_stays_small():
    rows = [{"step": step, "loss": float(np.sin(step))} for step in range(50_000)]
    assert len(dict(charts.history(rows))["Loss"]) < 60_000
