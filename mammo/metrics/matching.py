"""Which detection finds which lesion of an image, and which is a false alarm."""

import dataclasses
from typing import Literal

import numpy as np

from mammo.metrics.image_results import ImageResult


@dataclasses.dataclass(frozen=True)
class Rule:
    """When a detection lies on a lesion.

    Attributes:
        kind: "centre": the detection's centre lies inside the lesion's box, borders included, as is usual for FROC
            curves of mammograms (Ribli et al. 2018, "Detecting and classifying lesions in mammograms with deep
            learning"). "iou": the two boxes overlap enough, as in COCO.
        minimum_iou: For "iou", the least intersection over union. 0.5 is COCO's (and PASCAL VOC's); 0.1 to 0.3 is
            what work on mammograms often takes, since the outlines are drawn generously.
        class_aware: Whether the two must also have the same class.
    """

    kind: Literal["centre", "iou"]
    minimum_iou: float = 0.5
    class_aware: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Matches:
    """The lesion, if any, of each detection of one image.

    Attributes:
        lesions: The lesion that each detection is the first to find, int64 [M]; -1: none.
        is_repeat: Which detections lie on a lesion that one with a higher score has found, bool [M]. For a FROC curve
            they count neither as hits nor as false alarms (the convention of LUNA16, Setio et al. 2017, and of JAFROC,
            which takes the highest rating of each lesion: Chakraborty & Berbaum 2004); for average precision they are
            false alarms.
    """

    lesions: np.ndarray
    is_repeat: np.ndarray

    @property
    def is_hit(self) -> np.ndarray:
        """Which detections are the first on their lesion: bool [M]."""
        return self.lesions >= 0

    @property
    def is_false_alarm(self) -> np.ndarray:
        """Which detections lie on no lesion: bool [M]."""
        return ~self.is_hit & ~self.is_repeat


def match(result: ImageResult, rule: Rule) -> Matches:
    """Matches the detections of one image with its lesions.

    The detection with the highest score chooses first. Of the lesions that it lies on and that are not found yet it
    takes the one with the largest overlap. So each lesion is found once, and each detection finds at most one lesion.
    """
    iou = pairwise_iou(result.boxes_xyxy_px, result.truth_boxes_xyxy_px)
    lies_on = _holds_centre(result) if rule.kind == "centre" else iou >= rule.minimum_iou
    if rule.class_aware:
        lies_on &= result.classes[:, None] == result.truth_classes[None, :]
    lesions = choose(iou, lies_on)
    return Matches(lesions, is_repeat=lies_on.any(axis=1) & (lesions < 0))


def choose(iou: np.ndarray, lies_on: np.ndarray) -> np.ndarray:
    """Lets each detection in turn take the free lesion with the largest overlap.

    Args:
        iou: float64 [M, N].
        lies_on: bool [M, N], which lesions a detection may take.

    Returns:
        int64 [M], the lesion that each detection takes; -1: none. Of equal overlaps the last is taken, as in COCO.
    """
    chosen = np.full(len(iou), -1, np.int64)
    is_free = np.ones(iou.shape[1], bool)
    for detection in np.flatnonzero(lies_on.any(axis=1)):
        candidates = np.flatnonzero(lies_on[detection] & is_free)
        if len(candidates):
            overlaps = iou[detection, candidates]
            chosen[detection] = candidates[np.flatnonzero(overlaps == overlaps.max())[-1]]
            is_free[chosen[detection]] = False
    return chosen


def pairwise_iou(first_xyxy_px: np.ndarray, second_xyxy_px: np.ndarray) -> np.ndarray:
    """Returns the intersection over union of each box with each other one.

    Args:
        first_xyxy_px: float64 [M, 4].
        second_xyxy_px: float64 [N, 4].

    Returns:
        float64 [M, N]; 0 where a box has no area.
    """
    first, second = first_xyxy_px[:, None, :], second_xyxy_px[None, :, :]
    shared = _area(np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:]))
    union = _area(first[..., :2], first[..., 2:]) + _area(second[..., :2], second[..., 2:]) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _area(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.maximum(high - low, 0).prod(axis=-1)


def _holds_centre(result: ImageResult) -> np.ndarray:
    """Returns whether the centre of each detection lies in each lesion's box: bool [M, N]."""
    centres = (result.boxes_xyxy_px[:, None, :2] + result.boxes_xyxy_px[:, None, 2:]) / 2
    truth = result.truth_boxes_xyxy_px[None]
    return ((centres >= truth[..., :2]) & (centres <= truth[..., 2:])).all(axis=-1)
