"""What a crop classifier sees: squares about a focus, in one way in training and about what a detector found."""

import tensorflow as tf

from mammo.config.data import CropConfig

DRAWS = 3
"""Random numbers that one crop takes: its shift across and down, and its size."""


def cut(
    image: tf.Tensor, focus_xyxy_px: tf.Tensor, options: CropConfig, draws: tf.Tensor | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts the squares about a focus out of an image, and resizes them, without aliasing.

    Args:
        image: float32 [H, W, 1] in [0, 1], since it is resampled, of any size; what a square has beyond it is black.
        focus_xyxy_px: float32 [4], in its pixels.
        options: How.
        draws: float32 [DRAWS] in [0, 1), for training: one move for all squares; None: the focus is in the middle.

    Returns:
        float32 [side_px, side_px, contexts], and where the focus is in the first of them, float32 [4].
    """
    longest_px = tf.maximum(tf.reduce_max(focus_xyxy_px[2:] - focus_xyxy_px[:2]), 1.0)
    center_px = (focus_xyxy_px[:2] + focus_xyxy_px[2:]) / 2
    magnification = 1.0
    if draws is not None:
        center_px += (2 * draws[:2] - 1) * options.shift_share * longest_px
        low, high = options.scale_range
        magnification = low * (high / low) ** draws[2]
    squares, focuses = [], []
    for context in options.contexts:
        side_px = tf.maximum(longest_px * context, options.min_side_px) * magnification
        side = tf.cast(tf.math.ceil(side_px), tf.int32)
        corner = tf.cast(tf.round(center_px - side_px / 2), tf.int32)
        square = _pad_and_slice(image, corner, side)
        squares.append(tf.image.resize(square, [options.side_px, options.side_px], antialias=True))
        scale = options.side_px / tf.cast(side, tf.float32)
        focuses.append((focus_xyxy_px - tf.tile(tf.cast(corner, tf.float32), [2])) * scale)
    made = tf.clip_by_value(tf.concat(squares, axis=-1), 0.0, 1.0)
    return tf.ensure_shape(made, [options.side_px, options.side_px, len(options.contexts)]), focuses[0]


def _pad_and_slice(image: tf.Tensor, corner: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Returns [side, side, 1] from int32 [2] `corner`, x and y, on; it may begin or end outside."""
    size = tf.gather(tf.shape(image), [1, 0])
    low, high = tf.clip_by_value(corner, 0, size), tf.clip_by_value(corner + side, 0, size)
    inside = image[low[1] : high[1], low[0] : high[0]]
    before, after = low - corner, corner + side - high
    return tf.pad(inside, [[before[1], after[1]], [before[0], after[0]], [0, 0]])
