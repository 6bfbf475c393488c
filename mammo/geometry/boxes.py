"""Boxes as tensors: float32 [..., 4], xyxy in pixels. What is padded is found by `is_box`, never by its coordinates."""

import tensorflow as tf


def is_box(boxes_xyxy_px: tf.Tensor) -> tf.Tensor:
    """Tells boxes from padding: bool [...], true where a box has a positive width and height."""
    return tf.reduce_all(boxes_xyxy_px[..., 2:] > boxes_xyxy_px[..., :2], axis=-1)


def area(boxes_xyxy_px: tf.Tensor) -> tf.Tensor:
    """Areas in square pixels, float32 [...]; 0 for padding."""
    return tf.reduce_prod(tf.nn.relu(boxes_xyxy_px[..., 2:] - boxes_xyxy_px[..., :2]), axis=-1)


def center(boxes_xyxy_px: tf.Tensor) -> tf.Tensor:
    """Centres, float32 [..., 2], x and y in pixels."""
    return (boxes_xyxy_px[..., :2] + boxes_xyxy_px[..., 2:]) / 2


def clip(boxes_xyxy_px: tf.Tensor, height_px: int, width_px: int) -> tf.Tensor:
    """Cuts boxes off at the borders of the image."""
    return tf.clip_by_value(boxes_xyxy_px, 0.0, tf.constant([width_px, height_px] * 2, tf.float32))


def pairwise_iou(first_xyxy_px: tf.Tensor, second_xyxy_px: tf.Tensor) -> tf.Tensor:
    """Intersection over union of each box with each other one.

    Args:
        first_xyxy_px: float32 [..., M, 4].
        second_xyxy_px: float32 [..., N, 4].

    Returns:
        float32 [..., M, N]; 0 where either is padding.
    """
    first, second = first_xyxy_px[..., :, None, :], second_xyxy_px[..., None, :, :]
    low = tf.maximum(first[..., :2], second[..., :2])
    high = tf.minimum(first[..., 2:], second[..., 2:])
    shared = tf.reduce_prod(tf.nn.relu(high - low), axis=-1)
    return tf.math.divide_no_nan(shared, area(first) + area(second) - shared)
