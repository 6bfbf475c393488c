"""How well scores tell positive cases from negative ones: ROC curves, their area, and tests between two of them."""

import dataclasses
import math
from typing import Any

import numpy as np

from mammo.metrics import bootstrap

_MOST_POINTS = 200


@dataclasses.dataclass(frozen=True, eq=False)
class Cases:
    """What was scored: images, breasts or exams.

    Attributes:
        scores: float64 [N], higher is more likely positive.
        is_positive: bool [N].
        patients: int64 [N], which patient each is of, from 0.

    Raises:
        ValueError: The three do not have one length, or a score is not finite.
    """

    scores: np.ndarray
    is_positive: np.ndarray
    patients: np.ndarray

    def __post_init__(self) -> None:
        lengths = {name: np.shape(getattr(self, name)) for name in ("scores", "is_positive", "patients")}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"expected one score, truth and patient a case, got the shapes {lengths}")
        if not np.isfinite(self.scores).all():
            raise ValueError("scores must be finite")

    @property
    def patient_count(self) -> int:
        """How many patients there are, from the largest number."""
        return int(self.patients.max(initial=-1)) + 1

    def subset(self, is_kept: np.ndarray) -> "Cases":
        """Returns some of them, bool [N], with the patients that are left numbered anew."""
        patients = np.unique(self.patients[is_kept], return_inverse=True)[1].astype(np.int64)
        return Cases(self.scores[is_kept], self.is_positive[is_kept], patients)


def auc(cases: Cases, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the area under the ROC curve: how often a positive case has the higher score, half for equal ones.

    Args:
        cases: What was scored.
        weights: float64 [K, P], how often each patient counts in each of K samples; without them each counts once.

    Returns:
        float64 [K]; NaN where a sample lacks positive or negative cases.
    """
    weights = np.ones((1, cases.patient_count)) if weights is None else weights
    order = np.argsort(cases.scores, kind="stable")
    of_cases = weights[:, cases.patients[order]]
    positive = _sums_of_equals(of_cases * cases.is_positive[order], cases.scores[order])
    negative = _sums_of_equals(of_cases * ~cases.is_positive[order], cases.scores[order])
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return np.divide((positive * below).sum(axis=1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _sums_of_equals(values: np.ndarray, sorted_scores: np.ndarray) -> np.ndarray:
    """Adds up the columns [K, N] whose scores are equal."""
    if not len(sorted_scores):
        return np.zeros((len(values), 0))
    starts = np.flatnonzero(np.append(True, np.diff(sorted_scores) != 0))
    return np.add.reduceat(values, starts, axis=1)


def interval(cases: Cases, *, resamples: int, seed: int) -> dict[str, Any]:
    """Returns the area with its interval by patient, as report.json holds it: {"value", "low", "high", "n"}.

    "n" counts the "positive" and the "negative" cases. Values are null where either is missing.
    """
    figures = bootstrap.by_patient(
        lambda weights: auc(cases, weights)[:, None], cases.patient_count, resamples=resamples, seed=seed
    )
    positive = int(cases.is_positive.sum())
    return {**figures.to_json(0), "n": {"positive": positive, "negative": len(cases.scores) - positive}}


def curve(cases: Cases) -> dict[str, list[float]]:
    """Returns the corners of the curve, from (0, 0) to (1, 1), thinned to some 200.

    Returns:
        "false_positive_rate" and "sensitivity", both ascending. Nothing where positive or negative cases are missing.
    """
    positives = int(cases.is_positive.sum())
    negatives = len(cases.scores) - positives
    if not positives or not negatives:
        return {"false_positive_rate": [], "sensitivity": []}
    order = np.argsort(-cases.scores, kind="stable")
    last_of_equals = np.append(np.diff(cases.scores[order]) != 0, True)
    hits = np.cumsum(cases.is_positive[order])[last_of_equals]
    alarms = np.cumsum(~cases.is_positive[order])[last_of_equals]
    points = np.stack([np.append(0, alarms) / negatives, np.append(0, hits) / positives])
    kept = np.unique(np.linspace(0, points.shape[1] - 1, _MOST_POINTS).round().astype(int))
    return {"false_positive_rate": points[0, kept].tolist(), "sensitivity": points[1, kept].tolist()}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two ways of scoring the same cases.

    Attributes:
        difference: Of the areas, first minus second.
        standard_error: Of the difference.
        p_value: Two-sided, of no difference.
    """

    difference: float
    standard_error: float
    p_value: float


def compare(first: Cases, second: Cases) -> Comparison:
    """Tests whether two areas differ: DeLong et al. 1988, with the cases of a patient as one cluster.

    The clusters are those of Obuchowski 1997 ("Nonparametric analysis of clustered ROC curve data", equations 5 and
    6): with one case a patient that is DeLong's test itself.

    Raises:
        ValueError: The two are not of the same cases, or positive or negative cases are missing.
    """
    same = np.array_equal(first.is_positive, second.is_positive) and np.array_equal(first.patients, second.patients)
    if not same:
        raise ValueError("two ways of scoring are compared on the same cases, in the same order")
    areas = np.array([auc(first)[0], auc(second)[0]])
    if not np.isfinite(areas).all():
        raise ValueError("a test between areas takes positive and negative cases")
    of_positive, of_negative = (
        np.stack(parts) for parts in zip(*(_components(cases) for cases in (first, second)), strict=True)
    )
    positive, negative = _by_cluster(first)
    # What each patient adds to how far the areas are from what they are on average: [2, P].
    from_positive = of_positive @ positive - areas[:, None] * positive.sum(axis=0)
    from_negative = of_negative @ negative - areas[:, None] * negative.sum(axis=0)
    count_positive, count_negative = positive.sum(), negative.sum()
    covariance = (
        _corrected(positive) * from_positive @ from_positive.T / count_positive**2
        + _corrected(negative) * from_negative @ from_negative.T / count_negative**2
    )
    shared = _corrected(np.concatenate([positive, negative])) * from_positive @ from_negative.T
    covariance += (shared + shared.T) / (count_positive * count_negative)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    difference, error = float(areas[0] - areas[1]), math.sqrt(max(float(variance), 0.0))
    if error == 0:
        return Comparison(difference, 0.0, 1.0 if difference == 0 else 0.0)
    return Comparison(difference, error, math.erfc(abs(difference) / error / math.sqrt(2)))


def _components(cases: Cases) -> tuple[np.ndarray, np.ndarray]:
    """Which share of the other kind each case stands on the right side of: of positive cases, and of negative ones."""
    positive, negative = cases.scores[cases.is_positive], cases.scores[~cases.is_positive]
    return _share_below(positive, negative), 1 - _share_below(negative, positive)


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    others = np.sort(others)
    below = np.searchsorted(others, scores, side="left") + np.searchsorted(others, scores, side="right")
    return below / (2 * len(others))


def _by_cluster(cases: Cases) -> tuple[np.ndarray, np.ndarray]:
    """Whose each positive case is, and each negative one: float64 [cases, P] of zeros and ones."""
    owners = np.eye(cases.patient_count)[cases.patients]
    return owners[cases.is_positive], owners[~cases.is_positive]


def _corrected(owners: np.ndarray) -> float:
    """Corrects a variance for the number of clusters that it was estimated from."""
    clusters = int((owners.sum(axis=0) > 0).sum())
    return clusters / (clusters - 1) if clusters > 1 else 1.0
