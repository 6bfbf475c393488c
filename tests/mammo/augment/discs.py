"""Batches of discs at known places, and where they are found again."""

import numpy as np
import tensorflow as tf

from mammo.data.batch import PADDING, Batch

HEIGHT_PX, WIDTH_PX = 96, 64
TISSUE = 0.3


def draw(center_xy_px, radius_px, shape_px=(HEIGHT_PX, WIDTH_PX), background=0.0):
    """A disc of 1 with a soft edge, float32 [H, W, 1]; its box is exactly center ± radius."""
    y, x = np.mgrid[: shape_px[0], : shape_px[1]] + 0.5
    inside = np.clip(radius_px + 0.5 - np.hypot(x - center_xy_px[0], y - center_xy_px[1]), 0, 1)
    return (background + (1 - background) * inside).astype(np.float32)[..., None]


def box_of(center_xy_px, radius_px):
    x, y = center_xy_px
    return [x - radius_px, y - radius_px, x + radius_px, y + radius_px]


def find(image, threshold=0.5):
    """The box around what is brighter than `threshold`, of float32 [H, W, 1]."""
    y, x = np.nonzero(np.asarray(image)[..., 0] > threshold)
    return [x.min(), y.min(), x.max() + 1, y.max() + 1]


def batch(images, boxes, classes, position=None):
    """A batch as the pipeline makes them; boxes [B, N, 4], classes [B, N]."""
    count = len(images)
    classes = np.asarray(classes, np.int32).reshape(count, -1)
    position = range(count) if position is None else position
    return Batch(
        image=tf.constant(np.asarray(images, np.float32)),
        boxes=tf.constant(np.asarray(boxes, np.float32).reshape(*classes.shape, 4)),
        classes=tf.constant(classes),
        label=tf.constant(classes.max(axis=1) + 1),
        is_real=tf.ones([count], tf.bool),
        key=tf.constant(list(range(100, 100 + count)), tf.int64),
        position=tf.constant(list(position), tf.int64),
    )


def breasts(count, seed=0):
    """Half ellipses of tissue at the chest wall, black around, each with one disc as its lesion and one padding box."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT_PX, :WIDTH_PX] + 0.5
    breast = (x / (0.75 * WIDTH_PX)) ** 2 + ((y - HEIGHT_PX / 2) / (0.45 * HEIGHT_PX)) ** 2 < 1
    images, boxes, classes = [], [], []
    for index in range(count):
        center, radius = random.uniform([10, 25], [30, 70]), random.uniform(3, 6)
        tissue = random.uniform(TISSUE - 0.1, TISSUE + 0.1, (HEIGHT_PX, WIDTH_PX, 1))
        images.append(np.where(breast[..., None], np.maximum(tissue, 0.8 * draw(center, radius)), 0))
        boxes.append([box_of(center, radius), [PADDING] * 4])
        classes.append([index % 2, PADDING])
    return batch(images, boxes, classes)


def assert_same(first, second, atol=0.0):
    """Compares two batches: floats within `atol`, all else exactly."""
    for name, one, other in zip(first._fields, first, second, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=0, atol=atol, err_msg=name)
