"""Intervals by patient: the images of one patient are alike, so patients are resampled, not images."""

import dataclasses
from collections.abc import Callable

import numpy as np

from mammo.common.json_types import Interval

LEVEL = 0.95
_RESAMPLES_AT_ONCE = 128  # bounds the memory, and changes no figure


@dataclasses.dataclass(frozen=True, eq=False)
class Intervals:
    """Figures with their intervals, NaN where there is none.

    Attributes:
        value: float64 [F], from all patients.
        low: Lower ends of the intervals, float64 [F].
        high: Upper ends, float64 [F].
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def to_json(self, index: int) -> Interval:
        """Returns one figure as report.json holds it: {"value", "low", "high"}, null where there is none."""
        value, low, high = (
            float(part[index]) if np.isfinite(part[index]) else None for part in (self.value, self.low, self.high)
        )
        return {"value": value, "low": low, "high": high}


def by_patient(
    statistic: Callable[[np.ndarray], np.ndarray], patient_count: int, *, resamples: int, seed: int
) -> Intervals:
    """Computes figures and their 95 % percentile intervals (Efron & Tibshirani 1993, chapter 13).

    Args:
        statistic: Takes float64 [K, P], how often each patient counts in each of K samples, and returns float64
            [K, F], the figures of each sample; NaN where a sample has none.
        patient_count: P.
        resamples: How many samples of patients to draw; 0 gives no intervals.
        seed: Seed of the draws.

    Returns:
        The figures. There is no interval from fewer than two patients. A sample without a figure, such as one that
        drew no patient with a lesion, is left out.
    """
    value = statistic(np.ones((1, patient_count)))[0]
    if patient_count < 2 or not resamples:  # noqa: PLR2004
        return Intervals(value, np.full_like(value, np.nan), np.full_like(value, np.nan))
    generator = np.random.default_rng(seed)
    equal = np.full(patient_count, 1 / patient_count)
    samples = np.concatenate(
        [
            statistic(generator.multinomial(patient_count, equal, min(_RESAMPLES_AT_ONCE, resamples - start)) * 1.0)
            for start in range(0, resamples, _RESAMPLES_AT_ONCE)
        ]
    )
    low, high = np.transpose([_percentiles(column) for column in samples.T])
    return Intervals(value, low, high)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divides elementwise; NaN where the divisor is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def share(part: np.ndarray, whole: np.ndarray, patients: np.ndarray, *, resamples: int, seed: int) -> Interval:
    """Returns the sum of `part` over that of `whole` with its interval: {"value", "low", "high"}.

    Args:
        part: float64 or bool [N], such as whether a lesion was found.
        whole: float64 or bool [N], such as whether it is counted.
        patients: int64 [N], the patient of each, from 0. Patients whose `whole` is 0 are not drawn.
        resamples: How many samples of patients the interval is made from.
        seed: Seed of those samples.
    """
    is_counted = np.asarray(whole, np.float64) > 0
    names, owners = np.unique(patients[is_counted], return_inverse=True)
    parts = np.bincount(owners, np.asarray(part, np.float64)[is_counted], len(names))
    wholes = np.bincount(owners, np.asarray(whole, np.float64)[is_counted], len(names))
    return by_patient(
        lambda weights: ratio(weights @ parts, weights @ wholes)[:, None], len(names), resamples=resamples, seed=seed
    ).to_json(0)


def _percentiles(column: np.ndarray) -> np.ndarray:
    known = column[np.isfinite(column)]
    tail = 100 * (1 - LEVEL) / 2
    return np.percentile(known, [tail, 100 - tail]) if len(known) else np.full(2, np.nan)
