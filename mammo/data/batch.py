"""What flows from the data to the stages: one batch of images with their lesions."""

from typing import NamedTuple

import tensorflow as tf

PADDING = -1
"""Fills boxes and classes where an image has fewer lesions than the batch has room for."""


class Batch(NamedTuple):
    """Images of one size with their lesions, of one replica.

    Attributes:
        image: float32 [B, H, W, 1] in [0, 1].
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
