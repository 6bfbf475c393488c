"""Blacks out rectangles, so that a model does not rely on one place (DeVries and Taylor 2017, arXiv:1708.04552)."""

import tensorflow as tf

from mammo.augment import lesions
from mammo.augment.seeds import Operation
from mammo.config.augmentation import AugmentationConfig
from mammo.data import box_ops
from mammo.data.batch import Batch


def vary(batch: Batch, draws: tf.Tensor, options: AugmentationConfig) -> Batch:
    """Blacks out `options.cutout_count` rectangles of each image, and drops lesions that they hide too much of.

    Args:
        batch: Of any size; the height and width must be static.
        draws: float32 [B, operations, numbers], as `seeds.uniform` gives them.
        options: Number, size and limits of the rectangles.
    """
    numbers = draws[:, Operation.CUTOUT, : 4 * options.cutout_count]
    rectangles = tf.reshape(numbers, [-1, options.cutout_count, 4])
    _, height_px, width_px, _ = batch.image.shape
    size_px = tf.constant([width_px, height_px], tf.float32)
    centers_px = rectangles[..., :2] * size_px
    halves_px = rectangles[..., 2:] * options.cutout_share * size_px / 2
    return hide(batch, tf.concat([centers_px - halves_px, centers_px + halves_px], -1), options.min_visible_share)


def hide(batch: Batch, rectangles_xyxy_px: tf.Tensor, min_visible_share: float) -> Batch:
    """Blacks out rectangles, float32 [B, K, 4], to whole pixels. The boxes of lesions that stay are not cut."""
    _, height_px, width_px, _ = batch.image.shape
    down, across = box_ops.pixel_cover(tf.round(rectangles_xyxy_px), height_px, width_px)
    hidden = tf.einsum("bkh,bkw->bhw", down, across) > 0
    visible = tf.cast(~hidden, tf.float32)
    down, across = box_ops.pixel_cover(batch.boxes, height_px, width_px)
    visible_px = tf.einsum("bnh,bnh->bn", down, tf.einsum("bhw,bnw->bnh", visible, across))
    visible_share = tf.math.divide_no_nan(visible_px, box_ops.area(batch.boxes))
    blacked_out = batch._replace(image=batch.image * visible[..., None])
    return lesions.keep_visible(blacked_out, visible_share, min_visible_share)
