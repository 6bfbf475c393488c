"""The free-response curve (FROC): which fraction of lesions is found at how many false alarms an image.

False alarms are counted over all images, those with lesions included. A threshold admits every detection whose score is
at least as high, so equal scores are admitted together. Sensitivity at a rate is the highest that any threshold reaches
without exceeding that rate: nothing is interpolated, and past the end of the curve its last value holds.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np

from mammo.metrics import bootstrap, image_results, matching
from mammo.metrics.figures import FrocCurve, FrocSummary
from mammo.metrics.image_results import ImageResult
from mammo.metrics.matching import Rule

RATES = {"0.125": 0.125, "0.25": 0.25, "0.5": 0.5, "1": 1.0, "2": 2.0, "4": 4.0, "8": 8.0}
"""False positives an image by their name in report.json; their mean sensitivity is the score of LUNA16 and ANODE09
(Setio et al. 2017; van Ginneken et al. 2010)."""

BAND_RATES = np.geomspace(1 / 8, 8, 49)
"""Where the interval around the curve is computed."""

_MOST_POINTS = 200


@dataclasses.dataclass(frozen=True, eq=False)
class Events:
    """What the curve is made of: P patients, H lesions found, F false alarms.

    Attributes:
        images: Number of images of each patient, int64 [P].
        lesions: Number of lesions of each patient, int64 [P].
        hit_scores: Scores of the hits, float64 [H], descending.
        hit_patients: The patient of each hit, int64 [H].
        alarm_scores: Scores of the false alarms, float64 [F], descending.
        alarm_patients: The patient of each false alarm, int64 [F].
    """

    images: np.ndarray
    lesions: np.ndarray
    hit_scores: np.ndarray
    hit_patients: np.ndarray
    alarm_scores: np.ndarray
    alarm_patients: np.ndarray

    @functools.cached_property
    def alarms_between_hits(self) -> np.ndarray:
        """False alarms of each patient that score below the previous hit and not below this one: float64 [P, H]."""
        return count_before(
            np.searchsorted(-self.hit_scores, -self.alarm_scores, side="left"),
            self.alarm_patients,
            (len(self.images), len(self.hit_scores)),
        )


def collect(results: Sequence[ImageResult], rule: Rule) -> Events:
    """Matches the detections of every image, and sorts hits and false alarms by score."""
    count, patients = image_results.patients(results)
    matches = [matching.match(result, rule) for result in results]
    scores = np.concatenate([np.zeros(0), *(result.scores for result in results)])
    owners = np.repeat(patients, [len(result.scores) for result in results])
    is_hit = np.concatenate([np.zeros(0, bool), *(match.is_hit for match in matches)])
    is_alarm = np.concatenate([np.zeros(0, bool), *(match.is_false_alarm for match in matches)])
    order = np.argsort(-scores, kind="stable")
    hits, alarms = order[is_hit[order]], order[is_alarm[order]]
    return Events(
        images=np.bincount(patients, minlength=count),
        lesions=np.bincount(patients, [len(result.truth_classes) for result in results], count).astype(np.int64),
        hit_scores=scores[hits],
        hit_patients=owners[hits],
        alarm_scores=scores[alarms],
        alarm_patients=owners[alarms],
    )


def count_before(next_hits: np.ndarray, alarm_patients: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Counts false alarms by patient and by the hit that they come before.

    Sensitivity and precision at a hit depend on the false alarms before it only. With these counts, a product of
    matrices evaluates all samples of patients, however many false alarms there are.

    Args:
        next_hits: The first hit that comes after each false alarm, int64 [F]; H where there is none.
        alarm_patients: The patient of each false alarm, int64 [F].
        shape: P, H.

    Returns:
        float64 [P, H].
    """
    counts = np.zeros((shape[0], shape[1] + 1))
    np.add.at(counts, (alarm_patients, next_hits), 1)
    return counts[:, :-1]


def sensitivity(events: Events, rates: Sequence[float] | np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the sensitivity at rates of false positives.

    Args:
        events: Hits and false alarms.
        rates: False positives an image, [R].
        weights: float64 [K, P], how often each patient counts in each of K samples; without them each counts once.

    Returns:
        float64 [K, R]; NaN where a sample has no lesion.
    """
    weights = np.ones((1, len(events.images))) if weights is None else weights
    alarms = np.cumsum(weights @ events.alarms_between_hits, axis=1)
    hits = np.pad(np.cumsum(weights[:, events.hit_patients], axis=1), ((0, 0), (1, 0)))
    lesions, image_count = weights @ events.lesions, weights @ events.images
    found = np.stack([(alarms <= (rate * image_count)[:, None]).sum(axis=1) for rate in rates], axis=1)
    counts = np.take_along_axis(hits, found, axis=1)
    return np.divide(counts, lesions[:, None], out=np.full_like(counts, np.nan), where=lesions[:, None] > 0)


def threshold(events: Events, rate: float) -> float:
    """Returns the lowest score of a hit or false alarm down to which there are at most `rate` false positives an image.

    It is infinite where even the highest score brings more false positives, or where there is no detection.
    """
    allowed = int(rate * events.images.sum())
    scores = np.concatenate([events.hit_scores, events.alarm_scores])
    if len(events.alarm_scores) > allowed:
        scores = scores[scores > events.alarm_scores[allowed]]
    return float(scores.min()) if len(scores) else float("inf")


def threshold_of(events: Events, found_share: float) -> float:
    """Returns the highest threshold at which that fraction of the lesions is found; -inf where none is low enough."""
    needed = max(math.ceil(found_share * events.lesions.sum()), 1)
    return float(events.hit_scores[needed - 1]) if needed <= len(events.hit_scores) else float("-inf")


def curve(events: Events) -> FrocCurve:
    """Returns the corners of the curve, one for each lesion found, thinned to 200 at most.

    Returns:
        False positives an image and sensitivity, both ascending, and the score that gives them; empty without a hit.
    """
    lesions = events.lesions.sum()
    if not len(events.hit_scores):
        return {"false_positives_per_image": [], "sensitivity": [], "threshold": []}
    last_of_equals = np.flatnonzero(np.append(np.diff(events.hit_scores) != 0, True))
    kept = np.unique(np.linspace(0, len(last_of_equals) - 1, _MOST_POINTS).round().astype(int))
    corners = last_of_equals[kept]
    alarms = np.searchsorted(-events.alarm_scores, -events.hit_scores[corners], side="right")
    return {
        "false_positives_per_image": (alarms / events.images.sum()).tolist(),
        "sensitivity": ((corners + 1) / lesions).tolist(),
        "threshold": events.hit_scores[corners].tolist(),
    }


def summarise(events: Events, *, resamples: int, seed: int) -> FrocSummary:
    """Returns the figures of one curve.

    Args:
        events: Hits and false alarms.
        resamples: How many samples of patients the intervals are made from.
        seed: Seed of those samples.

    Returns:
        Sensitivity at each of `RATES`, their mean, the curve, and the interval around it. Values are None where there
        is no lesion.
    """
    rates = np.concatenate([list(RATES.values()), BAND_RATES])

    def statistic(weights: np.ndarray) -> np.ndarray:
        values = sensitivity(events, rates, weights)
        return np.concatenate([values, values[:, : len(RATES)].mean(axis=1, keepdims=True)], axis=1)

    figures = bootstrap.by_patient(statistic, len(events.images), resamples=resamples, seed=seed)
    band = [figures.to_json(len(RATES) + index) for index in range(len(BAND_RATES))]
    return {
        "sensitivity_at": {name: figures.to_json(index) for index, name in enumerate(RATES)},
        "score": figures.to_json(len(rates)),
        "curve": curve(events),
        "band": {
            "false_positives_per_image": BAND_RATES.tolist(),
            "low": [point["low"] for point in band],
            "high": [point["high"] for point in band],
        },
    }
