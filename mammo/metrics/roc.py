"""How well scores tell positive cases from negative ones: ROC curves, their area, and tests between two of them."""

import dataclasses
import math

import numpy as np

from mammo.metrics import bootstrap
from mammo.metrics.figures import Area, RocCurve

_MOST_POINTS = 200


@dataclasses.dataclass(frozen=True, eq=False)
class Cases:
    """Scored cases: images, breasts or exams.

    Attributes:
        scores: float64 [N]; a higher score means more likely positive.
        is_positive: bool [N].
        patients: The patient of each case, int64 [N], from 0.

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
        """Number of patients: one more than the largest of `patients`."""
        return int(self.patients.max(initial=-1)) + 1

    def subset(self, is_kept: np.ndarray) -> "Cases":
        """Returns the cases of a mask, bool [N]; their patients are numbered anew."""
        patients = np.unique(self.patients[is_kept], return_inverse=True)[1].astype(np.int64)
        return Cases(self.scores[is_kept], self.is_positive[is_kept], patients)


def auc(cases: Cases, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the area under the ROC curve: how often a positive case has the higher score, half for equal ones.

    Args:
        cases: The scored cases.
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
    """Adds up the columns of values [K, N] whose scores are equal."""
    if not len(sorted_scores):
        return np.zeros((len(values), 0))
    starts = np.flatnonzero(np.append(True, np.diff(sorted_scores) != 0))
    return np.add.reduceat(values, starts, axis=1)


def interval(cases: Cases, *, resamples: int, seed: int) -> Area:
    """Returns the area with its interval by patient, and how many cases are positive and negative.

    Values are None where either is missing.
    """
    figures = bootstrap.by_patient(
        lambda weights: auc(cases, weights)[:, None], cases.patient_count, resamples=resamples, seed=seed
    )
    positive = int(cases.is_positive.sum())
    return {**figures.to_json(0), "n": {"positive": positive, "negative": len(cases.scores) - positive}}


def curve(cases: Cases) -> RocCurve:
    """Returns the corners of the curve, from (0, 0) to (1, 1), thinned to some 200.

    Returns:
        False positive rate and sensitivity, both ascending; empty where positive or negative cases are missing.
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
        difference: First area minus second.
        standard_error: Standard error of the difference.
        p_value: Two-sided p-value of the hypothesis that the areas are equal.
    """

    difference: float
    standard_error: float
    p_value: float


def compare(first: Cases, second: Cases) -> Comparison:
    """Tests whether two areas differ: DeLong et al. 1988, with the cases of a patient as one cluster.

    The variance is that of Obuchowski 1997 ("Nonparametric analysis of clustered ROC curve data", equations 5 and 6);
    with one case a patient it is DeLong's own.

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
    # Each patient's contribution to the deviation of the two areas from their means: [2, P].
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
    """For each case, the fraction of opposite-class cases that it is ranked correctly against; positive cases first."""
    positive, negative = cases.scores[cases.is_positive], cases.scores[~cases.is_positive]
    return _share_below(positive, negative), 1 - _share_below(negative, positive)


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    others = np.sort(others)
    below = np.searchsorted(others, scores, side="left") + np.searchsorted(others, scores, side="right")
    return below / (2 * len(others))


def _by_cluster(cases: Cases) -> tuple[np.ndarray, np.ndarray]:
    """Returns which patient each positive case is of, and each negative one: float64 [cases, P], one-hot."""
    owners = np.eye(cases.patient_count)[cases.patients]
    return owners[cases.is_positive], owners[~cases.is_positive]


def _corrected(owners: np.ndarray) -> float:
    """Returns the factor n / (n - 1) that corrects a variance estimated from n clusters."""
    clusters = int((owners.sum(axis=0) > 0).sum())
    return clusters / (clusters - 1) if clusters > 1 else 1.0
