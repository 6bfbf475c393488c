"""Makes one finding of those that lie on one lesion: of either class, nested, or of an image and its mirror."""

from collections.abc import Sequence

import numpy as np

from mammo.clinical.findings import Findings

_LEAST_IOU = 0.3  # of two findings on one lesion; detections of one class that overlap more are dropped before
_LEAST_INSIDE = 0.7  # of the smaller box: a part of a lesion, found inside it, is no lesion of its own


def fuse(passes: Sequence[Findings]) -> Findings:
    """Joins findings that overlap with a surer one.

    A fused box is the mean of its boxes, weighted by their scores: Solovyev et al. 2021, "Weighted boxes fusion". Its
    score is the highest of each pass, in the mean over the passes, so that what only one of two passes has found
    counts half; benign and cancer share it out as the highest scores for either do.

    Args:
        passes: Of one view in one frame of pixels: one pass, or several looks at it, such as its mirror image.

    Returns:
        One finding for each group, the surest first.
    """
    boxes_xyxy_px = np.concatenate([found.boxes_xyxy_px for found in passes])
    scores = np.concatenate([found.scores for found in passes])
    shares = np.concatenate([found.cancer_shares for found in passes])
    pass_of = np.repeat(np.arange(len(passes)), [len(found.scores) for found in passes])
    made = []
    for members in _clusters(boxes_xyxy_px, scores):
        kinds = np.stack([scores[members], scores[members] * (1 - shares[members]), scores[members] * shares[members]])
        best = np.zeros((3, len(passes)))
        np.maximum.at(best.T, pass_of[members], kinds.T)
        score, benign, cancer = best.mean(axis=1)
        box = np.average(boxes_xyxy_px[members], axis=0, weights=np.maximum(scores[members], 1e-9))
        made.append((box, score, cancer / (benign + cancer) if benign + cancer > 0 else 0.5))
    made.sort(key=lambda finding: -finding[1])
    return Findings(
        np.array([box for box, _, _ in made], np.float64).reshape(-1, 4),
        np.array([score for _, score, _ in made], np.float64),
        np.array([share for _, _, share in made], np.float64),
    )


def _clusters(boxes_xyxy_px: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    """Groups findings about the surest that is left, time after time: indices of each group."""
    left = np.argsort(-scores, kind="stable")
    made = []
    while len(left):
        is_near = _lies_on(boxes_xyxy_px[left], boxes_xyxy_px[left[0]])
        is_near[0] = True  # a box without an area overlaps with nothing
        made.append(left[is_near])
        left = left[~is_near]
    return made


def _lies_on(boxes_xyxy_px: np.ndarray, other_xyxy_px: np.ndarray) -> np.ndarray:
    low = np.maximum(boxes_xyxy_px[:, :2], other_xyxy_px[:2])
    high = np.minimum(boxes_xyxy_px[:, 2:], other_xyxy_px[2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = (boxes_xyxy_px[:, 2:] - boxes_xyxy_px[:, :2]).prod(axis=1)
    other_area = float((other_xyxy_px[2:] - other_xyxy_px[:2]).prod())
    smaller, union = np.minimum(areas, other_area), areas + other_area - shared
    return (shared >= _LEAST_IOU * np.maximum(union, 1e-9)) | (shared >= _LEAST_INSIDE * np.maximum(smaller, 1e-9))
