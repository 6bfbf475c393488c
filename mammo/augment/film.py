"""Tells breast tissue from air. On film, air is dark, but has grain: its grey levels are seldom all 0."""

import tensorflow as tf

TISSUE_LEVEL = 0.1
"""Grey level, the densest tissue being near 1: tissue is brighter, but for the outermost skin; bare film is darker."""


def is_tissue(image: tf.Tensor) -> tf.Tensor:
    """Tells tissue from air and padding: bool in the shape of `image`, which is float32 in [0, 1]."""
    return image > TISSUE_LEVEL


def tissue_weight(image: tf.Tensor) -> tf.Tensor:
    """Returns a weight that rises from 0 on black to 1 at `TISSUE_LEVEL`, in the shape of `image`.

    A threshold would draw edges where film grain is just above black.
    """
    return tf.minimum(image / TISSUE_LEVEL, 1.0)
