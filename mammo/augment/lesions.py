"""What becomes of lesions that augmentation moves out of the frame or hides."""

import tensorflow as tf

from mammo.data.batch import PADDING, Batch


def keep_visible(batch: Batch, visible_share: tf.Tensor, min_visible_share: float) -> Batch:
    """Drops lesions of which too little is left.

    Args:
        batch: Its boxes are those after the operation.
        visible_share: float32 [B, N], of each box's area.
        min_visible_share: A lesion with less is dropped; one with nothing left always is.

    Returns:
        The batch, with `PADDING` in place of the boxes and classes that are dropped. The label of an image
        that lost a lesion is that of the worst one left.
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
