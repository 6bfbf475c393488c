"""Average precision as COCO computes it: 101 recalls, all areas, at most 100 detections an image and class.

Lin et al. 2014, "Microsoft COCO: common objects in context", and the code of pycocotools, whose figures these equal.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mammo.metrics import bootstrap, froc, image_results, matching
from mammo.metrics.figures import AveragePrecisionAt
from mammo.metrics.image_results import ImageResult

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0.0, 1.0, 101)
_MOST_DETECTIONS = 100


@dataclasses.dataclass(frozen=True, eq=False)
class Ranking:
    """The detections of all images in order of score, at one overlap: P patients, H hits.

    Attributes:
        lesions: Number of lesions of each patient, int64 [P].
        hit_patients: The patient of each hit, int64 [H], the highest score first.
        alarms_between_hits: Number of false alarms of each patient between the previous hit and this one, float64
            [P, H].
    """

    lesions: np.ndarray
    hit_patients: np.ndarray
    alarms_between_hits: np.ndarray


def average_precision(rankings: Sequence[Ranking], weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the mean average precision of rankings.

    Args:
        rankings: One for each class and overlap.
        weights: float64 [K, P], how often each patient counts in each of K samples; without them each counts once.

    Returns:
        float64 [K]. Rankings of a class of which a sample has no lesion are left out; NaN without any lesion.
    """
    weights = np.ones((1, len(rankings[0].lesions))) if weights is None else weights
    values = np.stack([_of_one(ranking, weights) for ranking in rankings])
    is_known = np.isfinite(values)
    counts = is_known.sum(axis=0)
    sums = np.where(is_known, values, 0).sum(axis=0)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def rank(
    results: Sequence[ImageResult], iou_thresholds: Sequence[float] | np.ndarray, class_index: int | None = None
) -> list[Ranking]:
    """Ranks the detections of all images, once for each overlap.

    Args:
        results: The images.
        iou_thresholds: The least intersection over union of a hit, for each ranking.
        class_index: The class to look at; None looks at all lesions and detections, whatever their classes.
    """
    count, patients = image_results.patients(results)
    chosen = [_of_class(result, class_index) for result in results]
    lesions = np.bincount(patients, [len(truth) for truth, _, _ in chosen], count).astype(np.int64)
    scores = np.concatenate([np.zeros(0), *(kept for _, _, kept in chosen)])
    owners = np.repeat(patients, [len(kept) for _, _, kept in chosen])
    order = np.argsort(-scores, kind="stable")
    overlaps = [matching.pairwise_iou(boxes, truth) for truth, boxes, _ in chosen]
    rankings = []
    for minimum in iou_thresholds:
        taken = [matching.choose(overlap, overlap >= minimum) for overlap in overlaps]
        is_hit = (np.concatenate([np.zeros(0, int), *taken]) >= 0)[order]
        hits_before = np.cumsum(is_hit)[~is_hit]
        hit_patients = owners[order][is_hit]
        alarms = froc.count_before(hits_before, owners[order][~is_hit], (count, len(hit_patients)))
        rankings.append(Ranking(lesions, hit_patients, alarms))
    return rankings


def intervals(
    results: Sequence[ImageResult], class_indices: Sequence[int | None], *, resamples: int, seed: int
) -> AveragePrecisionAt:
    """Returns average precision at an overlap of 0.5, and its mean over 0.5 to 0.95, with their intervals.

    Args:
        results: The images.
        class_indices: The classes to take the mean over; [None] looks at all lesions, whatever their classes.
        resamples: How many samples of patients the intervals are made from.
        seed: Seed of those samples.
    """
    by_class = [rank(results, IOU_THRESHOLDS, index) for index in class_indices]
    at_half = [rankings[0] for rankings in by_class]
    at_all = [ranking for rankings in by_class for ranking in rankings]
    figures = bootstrap.by_patient(
        lambda weights: np.stack([average_precision(at_half, weights), average_precision(at_all, weights)], axis=1),
        image_results.patients(results)[0],
        resamples=resamples,
        seed=seed,
    )
    return {"0.5": figures.to_json(0), "0.5:0.95": figures.to_json(1)}


def _of_one(ranking: Ranking, weights: np.ndarray) -> np.ndarray:
    """Returns the average precision of one ranking in each sample: float64 [K].

    Precision need only be known at the hits: between two hits it falls, and COCO takes at each recall the best
    precision at that recall or a higher one. A patient drawn twice counts as two with the same detections.
    """
    hits = np.cumsum(weights[:, ranking.hit_patients], axis=1)
    alarms = np.cumsum(weights @ ranking.alarms_between_hits, axis=1)
    precision = hits / np.maximum(hits + alarms, 1)
    best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    best_from_here = np.pad(best_from_here, ((0, 0), (0, 1)))  # recalls that are never reached have precision 0
    values = np.full(len(weights), np.nan)
    for sample, lesions in enumerate(weights @ ranking.lesions):
        if lesions:
            reached = np.searchsorted(hits[sample] / lesions, _RECALLS, side="left")
            values[sample] = best_from_here[sample, reached].mean()
    return values


def _of_class(result: ImageResult, class_index: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the true boxes, and the boxes and scores of the detections, of one class."""
    if class_index is None:
        is_truth, is_found = np.s_[:], np.s_[:]
    else:
        is_truth, is_found = result.truth_classes == class_index, result.classes == class_index
    boxes, scores = result.boxes_xyxy_px[is_found], result.scores[is_found]
    return result.truth_boxes_xyxy_px[is_truth], boxes[:_MOST_DETECTIONS], scores[:_MOST_DETECTIONS]
