"""Losses of a detector: unnormalised sums; the training step normalises them."""

import tensorflow as tf

from mammo.data import box_ops
from mammo.data.batch import Batch
from mammo.models.targets import IGNORED, Targets


def focal(logits: tf.Tensor, classes: tf.Tensor, alpha: float, gamma: float) -> tf.Tensor:
    """Focal loss, summed over anchors and classes: Lin et al. 2017, equation 5.

    Args:
        logits: float32 [B, A, C].
        classes: int32 [B, A], as of `targets.Targets`; ignored anchors add nothing.
        alpha: Weight of the positive class; background has 1 - alpha.
        gamma: Exponent that lowers the weight of easy anchors.

    Returns:
        float32 [B], the sum of each image.
    """
    truth = tf.one_hot(classes, logits.shape[-1])  # all zero for negative classes
    # Only -log p can overflow, and TensorFlow's own cross-entropy does not; the weight is a plain power.
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits)
    missing = tf.abs(truth - tf.sigmoid(logits))
    weight = (truth * alpha + (1 - truth) * (1 - alpha)) * missing**gamma
    counted = tf.cast(classes != IGNORED, tf.float32)[..., None]
    return tf.reduce_sum(counted * weight * cross_entropy, axis=[1, 2])


def smooth_l1(deltas: tf.Tensor, targets: Targets, beta: float) -> tf.Tensor:
    """Smooth L1 of encoded boxes, summed over the anchors of lesions: Girshick 2015, equation 3, with its bend at beta.

    Returns:
        float32 [B].
    """
    difference = tf.abs(deltas - targets.deltas)
    loss = tf.where(difference < beta, 0.5 * difference**2 / beta, difference - 0.5 * beta)
    return tf.reduce_sum(tf.where(targets.classes >= 0, tf.reduce_sum(loss, axis=-1), 0.0), axis=1)


def generalized_iou(boxes_xyxy_px: tf.Tensor, targets: Targets) -> tf.Tensor:
    """One minus the generalised IoU, summed over the anchors of lesions: Rezatofighi et al. 2019, algorithm 1.

    Returns:
        float32 [B].
    """
    truth = targets.boxes_xyxy_px
    low, high = tf.maximum(boxes_xyxy_px[..., :2], truth[..., :2]), tf.minimum(boxes_xyxy_px[..., 2:], truth[..., 2:])
    shared = tf.reduce_prod(tf.nn.relu(high - low), axis=-1)
    union = box_ops.area(boxes_xyxy_px) + box_ops.area(truth) - shared
    low, high = tf.minimum(boxes_xyxy_px[..., :2], truth[..., :2]), tf.maximum(boxes_xyxy_px[..., 2:], truth[..., 2:])
    hull = tf.reduce_prod(high - low, axis=-1)
    loss = 1 - tf.math.divide_no_nan(shared, union) + tf.math.divide_no_nan(hull - union, hull)
    return tf.reduce_sum(tf.where(targets.classes >= 0, loss, 0.0), axis=1)


def positives(targets: Targets, batch: Batch) -> tf.Tensor:
    """Returns the number of positive anchors in images that are no padding, float32 []: the normaliser."""
    is_counted = (targets.classes >= 0) & batch.is_real[:, None]
    return tf.reduce_sum(tf.cast(is_counted, tf.float32))
