"""Whether a probability of 0.7 comes true seven times in ten, and what to divide logits by so that it does."""

import dataclasses
import math
from typing import Any

import numpy as np

BINS = 15  # Guo et al. 2017, "On Calibration of Modern Neural Networks", section 3
_TEMPERATURES = (0.02, 50.0)  # searched between
_SEARCH_STEPS = 60  # of golden sections: to a part in 10**12 of the range
_GOLDEN = (math.sqrt(5) - 1) / 2
_LEAST = 1e-12  # of a probability whose logarithm is taken


@dataclasses.dataclass(frozen=True)
class Temperature:
    """Scales logits: softmax(log p / value), chosen on one split and applied to others. Guo et al. 2017, section 4.2.

    The order of cases by score stays as it was, between two classes at least, and so does the class that is predicted.
    """

    value: float = 1.0

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns float64 [N, C], calibrated, of float64 [N, C]."""
        logits = np.log(np.maximum(probabilities, _LEAST)) / self.value
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def fit(probabilities: np.ndarray, truth: np.ndarray) -> Temperature:
    """Finds the temperature under which the truth is most likely.

    Args:
        probabilities: float64 [N, C], each row sums to 1.
        truth: int64 [N].

    Returns:
        A temperature from 0.02 to 50; 1 where there is nothing to learn from.
    """
    if not len(truth):
        return Temperature()
    low, high = (math.log(bound) for bound in _TEMPERATURES)
    # The mean negative log-likelihood has one minimum in 1 / T, being convex there, and so it has in log T.
    for _ in range(_SEARCH_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _mean_loss(probabilities, truth, left) < _mean_loss(probabilities, truth, right):
            high = right
        else:
            low = left
    return Temperature(math.exp((low + high) / 2))


def _mean_loss(probabilities: np.ndarray, truth: np.ndarray, log_temperature: float) -> float:
    calibrated = Temperature(math.exp(log_temperature)).apply(probabilities)
    return float(-np.log(np.maximum(calibrated[np.arange(len(truth)), truth], _LEAST)).mean())


def reliability(confidence: np.ndarray, is_right: np.ndarray, bins: int = BINS) -> dict[str, Any]:
    """Sorts predictions into bins of equal width by their confidence.

    Args:
        confidence: float64 [N] in [0, 1]: the probability of the class that was predicted.
        is_right: bool [N].
        bins: How many.

    Returns:
        "expected_calibration_error": the mean gap between confidence and the share that is right, by how many fall
        into each bin; null of nothing. "bins": for those that hold any, {"confidence", "right_share", "n"}.
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = [
        {
            "confidence": float(confidence[place == index].mean()),
            "right_share": float(is_right[place == index].mean()),
            "n": int((place == index).sum()),
        }
        for index in np.unique(place)
    ]
    gaps = [abs(row["confidence"] - row["right_share"]) * row["n"] for row in rows]
    return {"expected_calibration_error": sum(gaps) / len(confidence) if rows else None, "bins": rows}
