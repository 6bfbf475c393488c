"""Training targets of a detector: which anchors stand for which lesion.

KerasCV's label encoder does the same, but it leaves a lesion without any anchor when none overlaps it by half, and it
fails under mixed precision.
"""

from typing import NamedTuple

import tensorflow as tf

from mammo.data import box_ops
from mammo.models import anchor_boxes

BACKGROUND = -1
IGNORED = -2


class Targets(NamedTuple):
    """What each anchor should say.

    Attributes:
        classes: int32 [B, A]: the lesion's class, `BACKGROUND` or `IGNORED`.
        deltas: float32 [B, A, 4], as `anchors.encode` gives them; only those of lesions mean something.
        boxes_xyxy_px: float32 [B, A, 4], of that lesion.
    """

    classes: tf.Tensor
    deltas: tf.Tensor
    boxes_xyxy_px: tf.Tensor


def match(
    boxes_xyxy_px: tf.Tensor,
    classes: tf.Tensor,
    anchors_xyxy_px: tf.Tensor,
    positive_iou: float,
    negative_iou: float,
) -> Targets:
    """Matches anchors to lesions by overlap, as in Lin et al. 2017, section 4, and each lesion to its best anchors.

    Args:
        boxes_xyxy_px: float32 [B, N, 4], padded.
        classes: int32 [B, N].
        anchors_xyxy_px: float32 [A, 4].
        positive_iou: An anchor stands for the lesion that it overlaps most, from here on.
        negative_iou: Below it is background; in between it is ignored.

    Returns:
        The targets. An anchor that overlaps a lesion as well as any does stands for it, however little that is: a
        lesion goes untaught only where its best anchors are also another's that they fit better.
    """
    is_lesion = box_ops.is_box(boxes_xyxy_px)
    iou = box_ops.pairwise_iou(anchors_xyxy_px, boxes_xyxy_px)  # [B, A, N], 0 for padding
    best_of_lesion = tf.reduce_max(iou, axis=1, keepdims=True)
    is_best = (iou >= best_of_lesion) & (best_of_lesion > 0) & is_lesion[:, None, :]
    # One above any overlap, so that being a lesion's best comes before overlapping another one more.
    score = tf.where(is_best, iou + 1.0, iou)
    lesion = tf.argmax(score, axis=-1, output_type=tf.int32)  # [B, A]
    overlap = tf.reduce_max(score, axis=-1)
    label = tf.where(overlap >= positive_iou, tf.gather(classes, lesion, batch_dims=1), IGNORED)
    label = tf.where(overlap < negative_iou, BACKGROUND, label)
    matched = tf.gather(boxes_xyxy_px, lesion, batch_dims=1)
    return Targets(label, anchor_boxes.encode(matched, anchors_xyxy_px), matched)
