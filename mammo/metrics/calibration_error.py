"""How far probabilities are from how often they come true: of 100 that say 0.7, some 70 should be right."""

import numpy as np

from mammo.clinical import calibration
from mammo.metrics import bootstrap
from mammo.metrics.figures import Reliability, ReliabilityBin

BINS = 15  # Guo et al. 2017, "On Calibration of Modern Neural Networks", section 3


def negative_log_likelihood(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns float64 [N], at most 27.6, of probabilities, float64 [N, C], and true classes, int64 [N]."""
    return -calibration.logs(probabilities[np.arange(len(truth)), truth])


def reliability(
    confidence: np.ndarray,
    is_right: np.ndarray,
    patients: np.ndarray,
    *,
    resamples: int,
    seed: int,
    bins: int = BINS,
) -> Reliability:
    """Sorts predictions into bins of equal width by their confidence.

    Args:
        confidence: float64 [N] in [0, 1]: the probability of the predicted class, or of "yes" to one question.
        is_right: bool [N], whether that class is the true one, or "yes" the right answer.
        patients: int64 [N], which patient each is of, from 0.
        resamples: How many samples of patients the intervals are made from.
        seed: Seed of those samples.
        bins: Number of bins.

    Returns:
        "expected_calibration_error": the gap between mean confidence and the fraction that is right, averaged over the
        bins by how many predictions each holds. Chance alone opens gaps, and resampling patients opens more: the
        interval lies high, and may lie above the value. "bins": those that hold any prediction.
    """
    held, sums = _sums_by_bin(confidence, is_right, patients, bins)

    def statistic(weights: np.ndarray) -> np.ndarray:
        count, sure, right = weights @ sums
        total = count.sum(axis=1, keepdims=True)
        error = np.abs(sure - right).sum(axis=1, keepdims=True)
        return np.concatenate([bootstrap.ratio(right, count), bootstrap.ratio(error, total)], axis=1)

    figures = bootstrap.by_patient(statistic, sums.shape[1], resamples=resamples, seed=seed)
    count, sure, _ = sums.sum(axis=1)
    rows: list[ReliabilityBin] = [
        {
            "from": float(number / bins),
            "to": float((number + 1) / bins),
            "confidence": float(sure[index] / count[index]),
            "right_share": figures.to_json(index),
            "n": int(count[index]),
        }
        for index, number in enumerate(held)
    ]
    return {"expected_calibration_error": figures.to_json(len(held)), "bins": rows}


def _sums_by_bin(
    confidence: np.ndarray, is_right: np.ndarray, patients: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the B bins that hold any prediction, and for each patient and bin three sums, float64 [3, P, B].

    They are the number of predictions, their confidence, and how many are right.
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    sums = np.zeros((3, int(patients.max(initial=-1)) + 1, bins))
    for part, values in zip(sums, (np.ones_like(confidence), confidence, is_right), strict=True):
        np.add.at(part, (patients, place), values)
    held = np.unique(place)
    return held, sums[..., held]
