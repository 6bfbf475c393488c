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


def transform_points(points_px: tf.Tensor, linear: tf.Tensor) -> tf.Tensor:
    """Gives `linear` @ p for points, float32 [..., 2], x and y, and float32 [..., 2, 2].

    Without a matrix product, whose TensorFloat-32 on a GPU would be off by half a pixel in a thousand.
    """
    return tf.reduce_sum(linear * points_px[..., None, :], axis=-1)


def transform_ellipses(boxes_xyxy_px: tf.Tensor, linear: tf.Tensor, offset_px: tf.Tensor) -> tf.Tensor:
    """Carries the ellipses that boxes enclose through an affine map, and boxes them again: exact for ellipses.

    A point p goes to `linear` @ p + `offset_px`. The half axes a and b of an upright ellipse give the new half width
    √((l₀₀ a)² + (l₀₁ b)²), as the extent of an ellipse along a direction is the norm of that direction in its axes.

    Args:
        boxes_xyxy_px: float32 [..., N, 4].
        linear: float32 [..., 2, 2].
        offset_px: float32 [..., 2].

    Returns:
        float32 [..., N, 4], not cut off at the image; padding stays what it is.
    """
    halves = (boxes_xyxy_px[..., 2:] - boxes_xyxy_px[..., :2]) / 2
    linear, offset_px = linear[..., None, :, :], offset_px[..., None, :]
    centers = transform_points(center(boxes_xyxy_px), linear) + offset_px
    halves = tf.sqrt(transform_points(halves**2, linear**2))
    transformed = tf.concat([centers - halves, centers + halves], axis=-1)
    return tf.where(is_box(boxes_xyxy_px)[..., None], transformed, boxes_xyxy_px)


def pixel_cover(boxes_xyxy_px: tf.Tensor, height_px: int, width_px: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Tells how much of each row and of each column of an image boxes cover.

    Args:
        boxes_xyxy_px: float32 [..., 4].
        height_px: Of the image.
        width_px: Of the image.

    Returns:
        float32 [..., height_px] and [..., width_px] in [0, 1]; their outer product is the share of each pixel.
    """

    def cover(low: tf.Tensor, high: tf.Tensor, length_px: int) -> tf.Tensor:
        starts = tf.range(length_px, dtype=tf.float32)
        return tf.nn.relu(tf.minimum(high[..., None], starts + 1) - tf.maximum(low[..., None], starts))

    x_min, y_min, x_max, y_max = tf.unstack(boxes_xyxy_px, axis=-1)
    return cover(y_min, y_max, height_px), cover(x_min, x_max, width_px)
