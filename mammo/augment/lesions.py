"""Drops lesions that augmentation has moved out of the frame or hidden."""

import tensorflow as tf

from mammo.data.batch import PADDING, Batch


def keep_visible(batch: Batch, visible_share: tf.Tensor, min_visible_share: float) -> Batch:
    """Drops lesions of which too little is visible.

    Args:
        batch: With boxes as they are after the operation.
        visible_share: float32 [B, N], visible share of each box's area.
        min_visible_share: Lesions with a smaller share are dropped; those with 0 always.

    Returns:
        The batch, with `PADDING` in place of the boxes and classes that are dropped. The label of an image
        that lost a lesion is that of its worst remaining lesion.
    """
    was = batch.classes != PADDING
    stays = was & (visible_share > 0) & (visible_share >= min_visible_share)
    classes = tf.where(stays, batch.classes, PADDING)
    label = tf.reduce_max(classes, axis=-1) + 1  # padding is -1: no lesion gives 0, normal
    return batch._replace(
        boxes=tf.where(stays[..., None], batch.boxes, float(PADDING)),
        classes=classes,
        label=tf.where(tf.reduce_any(was & ~stays, axis=-1), label, batch.label),
    )
