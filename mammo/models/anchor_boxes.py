"""Anchors: the boxes that a detector's answers are relative to, fitted to the lesions of a data set."""

import keras_cv
import numpy as np
import tensorflow as tf

from mammo.data import box_ops
from mammo.models import precision
from mammo.models.anchor_grid import SCALES_A_LEVEL, Anchors

_FIRST_LEVEL = 3  # P3, of stride 8
_BOX_VARIANCE = (0.1, 0.1, 0.2, 0.2)  # brings the targets to about one: Faster R-CNN's, kept by RetinaNet
_SIZE_QUANTILES = (0.02, 0.98)  # of the lesions, between the smallest anchor and the largest
_RATIO_QUANTILES = (0.1, 0.5, 0.9)
_MOST_COMPARED = 64  # boxes with all anchors at once: some tens of thousands


def generator(anchors: Anchors) -> keras_cv.layers.AnchorGenerator:
    """Returns KerasCV's generator of anchors, in float32 whatever the precision of the model."""
    with precision.single():
        return keras_cv.layers.AnchorGenerator(
            bounding_box_format="xyxy",
            sizes=list(anchors.sizes_px),
            scales=list(anchors.scales),
            aspect_ratios=list(anchors.aspect_ratios),
            strides=[2**level for level in anchors.levels],
            clip_boxes=False,
        )


def all_boxes(anchors: Anchors, height_px: int, width_px: int) -> tf.Tensor:
    """Returns all anchors for images of one size: float32 [A, 4], in the order of the detector's answers."""
    return tf.concat(list(generator(anchors)(image_shape=(height_px, width_px, 1)).values()), axis=0)


def fit(boxes_xyxy_px: np.ndarray, height_px: int, width_px: int, max_levels: int) -> Anchors:
    """Fits anchors to lesions: sizes in even steps of their logarithm, ratios at quantiles.

    With more levels sizes stand closer, but large anchors stand on a coarser grid; as many are taken as make lesions
    overlap best, on average, with the anchor that fits each best.

    Args:
        boxes_xyxy_px: float [N, 4], the lesions of the training split.
        height_px: Of the images.
        width_px: Of the images.
        max_levels: At most so many, from P3.

    Returns:
        Anchors with three ratios and three scales a level. Without a lesion, RetinaNet's own, which were made for
        photographs: 32 px at stride 8 and so on.
    """
    if len(boxes_xyxy_px) == 0:
        levels = tuple(range(_FIRST_LEVEL, _FIRST_LEVEL + max_levels))
        return Anchors(levels, tuple(4.0 * 2**level for level in levels), (0.5, 1.0, 2.0))
    candidates = [_fit_levels(boxes_xyxy_px, count) for count in range(1, max_levels + 1)]
    return max(candidates, key=lambda anchors: mean_best_iou(anchors, boxes_xyxy_px, height_px, width_px))


def mean_best_iou(anchors: Anchors, boxes_xyxy_px: np.ndarray, height_px: int, width_px: int) -> float:
    """Returns how well each box overlaps with the anchor that fits it best, on average."""
    grid, boxes = all_boxes(anchors, height_px, width_px), tf.constant(boxes_xyxy_px, tf.float32)
    parts = [boxes[first : first + _MOST_COMPARED] for first in range(0, len(boxes), _MOST_COMPARED)]
    best = [tf.reduce_max(box_ops.pairwise_iou(part, grid), axis=1) for part in parts]
    return float(tf.reduce_mean(tf.concat(best, axis=0)))


def _fit_levels(boxes_xyxy_px: np.ndarray, count: int) -> Anchors:
    width_px, height_px = (boxes_xyxy_px[:, 2:] - boxes_xyxy_px[:, :2]).T
    smallest, largest = np.quantile(np.log(np.sqrt(width_px * height_px)), _SIZE_QUANTILES)
    # The largest anchor is the last scale of the last level, one step below what a next level would begin with.
    step = (largest - smallest) / (count - 1 / SCALES_A_LEVEL)
    return Anchors(
        tuple(range(_FIRST_LEVEL, _FIRST_LEVEL + count)),
        _rounded(np.exp(smallest + step * np.arange(count))),
        _rounded(np.exp(np.quantile(np.log(width_px / height_px), _RATIO_QUANTILES))),
        _rounded(np.exp(step * np.arange(SCALES_A_LEVEL) / SCALES_A_LEVEL)),
    )


def encode(boxes_xyxy_px: tf.Tensor, anchors_xyxy_px: tf.Tensor) -> tf.Tensor:
    """Expresses boxes by how they differ from anchors.

    Args:
        boxes_xyxy_px: float32 [..., 4].
        anchors_xyxy_px: float32 [..., 4], that broadcasts with them.

    Returns:
        float32 [..., 4]: shifts of the centre over the anchor's size, and logarithms of the ratio of sizes, each over
        its variance. Girshick et al. 2014, appendix C.
    """
    center, size = _center_size(boxes_xyxy_px)
    anchor_center, anchor_size = _center_size(anchors_xyxy_px)
    deltas = tf.concat([(center - anchor_center) / anchor_size, tf.math.log(tf.maximum(size, 1e-3) / anchor_size)], -1)
    return deltas / tf.constant(_BOX_VARIANCE)


def decode(deltas: tf.Tensor, anchors_xyxy_px: tf.Tensor) -> tf.Tensor:
    """The inverse of `encode`: float32 [..., 4], xyxy in pixels."""
    deltas = deltas * tf.constant(_BOX_VARIANCE)
    anchor_center, anchor_size = _center_size(anchors_xyxy_px)
    center = deltas[..., :2] * anchor_size + anchor_center
    half = tf.exp(tf.minimum(deltas[..., 2:], 4.0)) * anchor_size / 2  # e**4: no lesion is so far from every anchor
    return tf.concat([center - half, center + half], -1)


def _center_size(boxes_xyxy_px: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    low, high = boxes_xyxy_px[..., :2], boxes_xyxy_px[..., 2:]
    return (low + high) / 2, high - low


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), 3) for value in values)
