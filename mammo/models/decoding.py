"""From a detector's answers to boxes with scores."""

import tensorflow as tf

from mammo.config.model import DecodingConfig
from mammo.data import box_ops
from mammo.data.batch import Detections
from mammo.models import anchor_boxes


def decode(
    classification: tf.Tensor,
    deltas: tf.Tensor,
    anchors_xyxy_px: tf.Tensor,
    height_px: int,
    width_px: int,
    options: DecodingConfig,
) -> Detections:
    """Chooses detections, class by class.

    Args:
        classification: float32 [B, A, classes], logits.
        deltas: float32 [B, A, 4], as `anchors.encode` gives them.
        anchors_xyxy_px: float32 [A, 4].
        height_px: Of the image; boxes end at its borders.
        width_px: Of the image.
        options: How.

    Returns:
        The surest first.
    """
    scores = tf.sigmoid(classification)
    count = min(options.max_candidates, scores.shape[1])
    candidates = tf.math.top_k(tf.reduce_max(scores, axis=-1), count, sorted=False).indices
    scores = tf.gather(scores, candidates, batch_dims=1)
    deltas = tf.gather(deltas, candidates, batch_dims=1)
    boxes = anchor_boxes.decode(deltas, tf.gather(anchors_xyxy_px, candidates))
    kept = tf.image.combined_non_max_suppression(  # its boxes may be yxyx or xyxy alike
        box_ops.clip(boxes, height_px, width_px)[:, :, None, :],
        scores,
        max_output_size_per_class=options.max_detections,
        max_total_size=options.max_detections,
        iou_threshold=options.overlap_iou,
        score_threshold=options.min_score,
        clip_boxes=False,
    )
    return Detections(kept.nmsed_boxes, kept.nmsed_scores, tf.cast(kept.nmsed_classes, tf.int32), kept.valid_detections)
