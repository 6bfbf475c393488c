import dataclasses

import pytest

from mammo.clinical.operating_points import OperatingPoint

POINT = OperatingPoint(
    "screening",
    0.31,
    {"value": 0.91, "low": 0.84, "high": 0.96},
    {"value": 0.7, "low": 0.61, "high": 0.78},
    positive=21,
    negative=34,
)


def test_the_positive_predictive_value_is_that_of_bayes():
    assert POINT.prevalence == pytest.approx(21 / 55)
    expected = 0.0059 * 0.91 / (0.0059 * 0.91 + 0.9941 * 0.3)
    assert POINT.positive_predictive_value(0.0059) == pytest.approx(expected)
    certain = dataclasses.replace(POINT, specificity={"value": 1.0, "low": 1.0, "high": 1.0})
    assert certain.positive_predictive_value(0.0059) == 1
    blind = dataclasses.replace(POINT, sensitivity={"value": 0.0, "low": 0.0, "high": 0.1})
    assert blind.positive_predictive_value(0.0059) == 0


def test_a_point_without_figures_was_not_tested():
    assert POINT.is_tested
    assert not OperatingPoint("screening", 0.3).is_tested
    assert not dataclasses.replace(POINT, sensitivity={"value": None, "low": None, "high": None}).is_tested
