"""Thresholds from which a score is an alarm: chosen on one split, measured on another."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from mammo.common.json_types import Interval
from mammo.metrics import bootstrap
from mammo.metrics.figures import OperatingFigures
from mammo.metrics.roc import Cases

SCREENING_SENSITIVITY = 0.9  # about what radiologists reach in screening: Lehman et al. 2017 found 86.9 %


def screening(cases: Cases) -> float:
    """Returns the highest threshold, which has the highest specificity, with a sensitivity of at least 0.9."""
    positive = np.sort(cases.scores[cases.is_positive])[::-1]
    return float(positive[math.ceil(SCREENING_SENSITIVITY * len(positive)) - 1])


def balanced(cases: Cases) -> float:
    """Returns the highest threshold with the largest sum of sensitivity and specificity (Youden 1950)."""
    order = np.argsort(-cases.scores, kind="stable")
    last_of_equals = np.flatnonzero(np.append(np.diff(cases.scores[order]) != 0, True))
    hits = np.cumsum(cases.is_positive[order])[last_of_equals]
    alarms = last_of_equals + 1 - hits
    # In whole numbers, so that equals are equal.
    gain = hits * np.count_nonzero(~cases.is_positive) - alarms * np.count_nonzero(cases.is_positive)
    return float(cases.scores[order][last_of_equals[gain.argmax()]])


RULES: Mapping[str, Callable[[Cases], float]] = {"screening": screening, "balanced": balanced}
"""How a threshold is chosen, by its name in report.json."""


def choose(cases: Cases) -> dict[str, float]:
    """Returns the threshold of each rule; nothing where positive or negative cases are missing.

    A case is positive if its score is at least the threshold.
    """
    if cases.is_positive.all() or not cases.is_positive.any():
        return {}
    return {name: rule(cases) for name, rule in RULES.items()}


def apply(cases: Cases, threshold: float, *, resamples: int, seed: int) -> OperatingFigures:
    """Measures a threshold that was chosen on another split.

    Args:
        cases: The cases to measure it on.
        threshold: The least score that is an alarm.
        resamples: How many samples of patients the intervals are made from; they take the threshold as given.
        seed: Seed of those samples.

    Returns:
        Figures whose values are None where no case counts for them. The predictive values depend on "prevalence", the
        fraction of positive cases.
    """
    is_positive, is_alarm = cases.is_positive, cases.scores >= threshold

    def share(part: np.ndarray, whole: np.ndarray) -> Interval:
        return bootstrap.share(part, whole, cases.patients, resamples=resamples, seed=seed)

    positive = int(is_positive.sum())
    return {
        "threshold": threshold,
        "sensitivity": share(is_alarm & is_positive, is_positive),
        "specificity": share(~is_alarm & ~is_positive, ~is_positive),
        "positive_predictive_value": share(is_alarm & is_positive, is_alarm),
        "negative_predictive_value": share(~is_alarm & ~is_positive, ~is_alarm),
        "prevalence": positive / len(is_positive) if len(is_positive) else None,
        "n": {"positive": positive, "negative": len(is_positive) - positive},
    }
