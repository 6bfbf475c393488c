"""Where a score becomes an alarm: thresholds chosen on one split, and what they bring on another."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mammo.metrics import bootstrap
from mammo.metrics.roc import Cases

SCREENING_SENSITIVITY = 0.9  # about what radiologists reach in screening: Lehman et al. 2017 found 86.9 %


def screening(cases: Cases) -> float:
    """Returns the highest threshold, and so that of the highest specificity, of a sensitivity of at least 0.9."""
    positive = np.sort(cases.scores[cases.is_positive])[::-1]
    return float(positive[math.ceil(SCREENING_SENSITIVITY * len(positive)) - 1])


def balanced(cases: Cases) -> float:
    """Returns the threshold of the largest sum of sensitivity and specificity: Youden 1950; the highest of equals."""
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
    """Returns a threshold by rule; none where there are no positive or no negative cases to choose by.

    A case is positive if its score is at least the threshold.
    """
    if cases.is_positive.all() or not cases.is_positive.any():
        return {}
    return {name: rule(cases) for name, rule in RULES.items()}


def apply(cases: Cases, threshold: float, *, resamples: int, seed: int) -> dict[str, Any]:
    """Returns what a threshold that was chosen elsewhere brings.

    Args:
        cases: Of another split.
        threshold: The least score that is an alarm.
        resamples: Of the intervals, which take the threshold as given.
        seed: Of the intervals.

    Returns:
        "threshold"; "sensitivity", "specificity", "positive_predictive_value" and "negative_predictive_value", each
        {"value", "low", "high"}, null where nothing is there to be counted; "prevalence", the share of positive cases,
        on which the predictive values depend; "n", how many cases are "positive" and "negative".
    """
    is_positive, is_alarm = cases.is_positive, cases.scores >= threshold
    counted = {
        "sensitivity": (is_alarm & is_positive, is_positive),
        "specificity": (~is_alarm & ~is_positive, ~is_positive),
        "positive_predictive_value": (is_alarm & is_positive, is_alarm),
        "negative_predictive_value": (~is_alarm & ~is_positive, ~is_alarm),
    }
    positive = int(is_positive.sum())
    return {
        "threshold": threshold,
        **{
            name: bootstrap.share(part, whole, cases.patients, resamples=resamples, seed=seed)
            for name, (part, whole) in counted.items()
        },
        "prevalence": positive / len(is_positive) if len(is_positive) else None,
        "n": {"positive": positive, "negative": len(is_positive) - positive},
    }
