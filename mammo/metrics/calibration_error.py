"""Whether a probability of 0.7 comes true seven times in ten, and what to do to probabilities so that it does."""

from typing import Any

import numpy as np
import scipy.optimize

from mammo.clinical import calibration
from mammo.clinical.calibration import Calibration
from mammo.metrics import bootstrap

BINS = 15  # Guo et al. 2017, "On Calibration of Modern Neural Networks", section 3
_TEMPERATURES = (0.02, 50.0)  # searched between
_RIDGE = 1e-3  # on the biases, as if so much of a case spoke for 0: where a class never occurs they stay finite


def fit(probabilities: np.ndarray, truth: np.ndarray) -> Calibration:
    """Finds the temperature and the biases under which the truth is most likely.

    Args:
        probabilities: float64 [N, C], each row sums to 1.
        truth: int64 [N].

    Returns:
        A temperature from 0.02 to 50, and biases of which the first is 0, under which the truth is no less likely than
        it was; temperature 1 and no biases where there is nothing to learn from.
    """
    if not len(truth):
        return Calibration()
    logs, classes = calibration.logs(probabilities), probabilities.shape[1]
    is_true = np.eye(classes)[truth]

    # In 1 / T and the biases the loss is convex, so that where the search starts does not matter.
    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        inverse, biases = parameters[0], np.append(0.0, parameters[1:])
        calibrated = calibration.softmax(logs * inverse + biases)
        error = (calibrated - is_true) / len(truth)
        ridge = _RIDGE * biases / len(truth)
        gradient = np.append((error * logs).sum(), (error.sum(axis=0) + 2 * ridge)[1:])
        return negative_log_likelihood(calibrated, truth).mean() + (ridge * biases).sum(), gradient

    start = np.append(1.0, np.zeros(classes - 1))
    bounds = [(1 / _TEMPERATURES[1], 1 / _TEMPERATURES[0]), *[(None, None)] * (classes - 1)]
    options = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000}
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return Calibration(1 / float(found[0]), (0.0, *found[1:].tolist()))


def negative_log_likelihood(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns float64 [N], at most 27.6, of probabilities, float64 [N, C], and int64 [N]."""
    return -calibration.logs(probabilities[np.arange(len(truth)), truth])


def reliability(
    confidence: np.ndarray,
    is_right: np.ndarray,
    patients: np.ndarray,
    *,
    resamples: int,
    seed: int,
    bins: int = BINS,
) -> dict[str, Any]:
    """Sorts predictions into bins of equal width by their confidence.

    Args:
        confidence: float64 [N] in [0, 1]: the probability of the class that was predicted, or of one question.
        is_right: bool [N], whether that class, or the answer yes, is true.
        patients: int64 [N], which patient each is of, from 0.
        resamples: Of the intervals.
        seed: Of the intervals.
        bins: How many.

    Returns:
        "expected_calibration_error": the mean gap between confidence and the share that is right, by how many fall
        into each bin, as {"value", "low", "high"}. Chance alone opens gaps, and drawing patients anew opens more: the
        interval lies high, and may lie above the value. "bins": for those that hold any, {"from", "to": the borders,
        "confidence": the mean, "right_share": {"value", "low", "high"}, "n"}.
    """
    held, sums = _sums_by_bin(confidence, is_right, patients, bins)

    def statistic(weights: np.ndarray) -> np.ndarray:
        count, sure, right = weights @ sums
        total = count.sum(axis=1, keepdims=True)
        error = np.abs(sure - right).sum(axis=1, keepdims=True)
        return np.concatenate([bootstrap.ratio(right, count), bootstrap.ratio(error, total)], axis=1)

    figures = bootstrap.by_patient(statistic, sums.shape[1], resamples=resamples, seed=seed)
    count, sure, _ = sums.sum(axis=1)
    rows = [
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
    """The B bins that hold any, and how many of each patient, how sure and how many right: float64 [3, P, B]."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    sums = np.zeros((3, int(patients.max(initial=-1)) + 1, bins))
    for part, values in zip(sums, (np.ones_like(confidence), confidence, is_right), strict=True):
        np.add.at(part, (patients, place), values)
    held = np.unique(place)
    return held, sums[..., held]
