"""What of an image is breast, and what is air on film, which has grain: seldom 0 throughout, but always dark."""

import tensorflow as tf

TISSUE_LEVEL = 0.1
"""Of the densest tissue's grey level; all but the outermost skin is brighter, and the grain of bare film darker."""


def is_tissue(image: tf.Tensor) -> tf.Tensor:
    """Tells tissue from air and padding: bool of the shape of `image`, float32 in [0, 1]."""
    return image > TISSUE_LEVEL


def tissue_weight(image: tf.Tensor) -> tf.Tensor:
    """Rises from 0 on black to 1 at `TISSUE_LEVEL`: no edge where grain is just above black. Shape of `image`."""
    return tf.minimum(image / TISSUE_LEVEL, 1.0)
