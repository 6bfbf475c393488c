"""What flows from the data to the stages: one batch of images with their lesions."""

from typing import NamedTuple

import tensorflow as tf

PADDING = -1
"""Fills boxes and classes where an image has fewer lesions than the batch has room for."""


class Batch(NamedTuple):
    """Images of one size with their lesions, of one replica.

    Attributes:
        image: [B, H, W, 1]; of crops, a channel for each of their squares. Whole views are uint8 or uint16 as the
            shards hold them, so that a half or a quarter of the bytes cross to the device, where `grey_levels` makes
            float32 of them. Crops, which the pipeline resamples, and what was augmented are float32 in [0, 1].
        boxes: float32 [B, N, 4], xyxy in pixels of `image`, padded with `PADDING`.
        classes: int32 [B, N], 0 benign, 1 cancer, padded with `PADDING`.
        label: int32 [B], a `Label`: -1 unknown, 0 normal, 1 benign, 2 cancer.
        is_real: bool [B], false for the padding of a last batch, so that evaluation counts every image once, and for
            images whose label is not among those that are told apart.
        key: int64 [B], which record this is, see `mammo.data.shards.Shards.describe`.
        position: int64 [B], where in the stream of training data it stands. Resume at max(position) + 1.
    """

    image: tf.Tensor
    boxes: tf.Tensor
    classes: tf.Tensor
    label: tf.Tensor
    is_real: tf.Tensor
    key: tf.Tensor
    position: tf.Tensor


def grey_levels(image: tf.Tensor) -> tf.Tensor:
    """Returns the grey levels of `Batch.image`, or of a part of it, as networks and pictures take them.

    Args:
        image: uint8 or uint16 of any shape, or float32 in [0, 1], which is returned as it is.

    Returns:
        float32 in [0, 1]: 1 is the largest value of the type.
    """
    image = tf.convert_to_tensor(image)
    if image.dtype.is_floating:
        return image
    # Were it a constant, TensorFlow would multiply by its reciprocal, and some levels would be a bit off. XLA sees
    # through this: of 65,536 levels, 512 are then 6e-8 off, a 250th of the step from one to the next.
    white = tf.compat.v1.placeholder_with_default(float(image.dtype.max), [])
    return tf.cast(image, tf.float32) / white


class Detections(NamedTuple):
    """What a detector found, the surest first.

    Attributes:
        boxes_xyxy_px: float32 [B, M, 4], in pixels of the image.
        scores: float32 [B, M] in [0, 1].
        classes: int32 [B, M].
        num_valid: int32 [B]; what stands behind so many is padding.
    """

    boxes_xyxy_px: tf.Tensor
    scores: tf.Tensor
    classes: tf.Tensor
    num_valid: tf.Tensor
