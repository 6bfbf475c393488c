"""A prepared view and its mirror image, up and down: a second look that a detector takes at the same tissue.

The tissue is mirrored and not the frame: a prepared view lies at the top left, with padding below it, as the detector
has learnt. The chest wall stays at the left.
"""

import numpy as np
import tensorflow as tf


def mirror_image(image: np.ndarray, content_height_px: int) -> np.ndarray:
    """Mirrors a prepared view, [H, W]; what lies below `content_height_px` is padding and stays."""
    return np.concatenate([image[:content_height_px][::-1], image[content_height_px:]])


def mirror_boxes(boxes_xyxy_px: np.ndarray, content_height_px: int) -> np.ndarray:
    """Carries boxes, float64 [M, 4], from a prepared view to its mirror image, or back."""
    left, top, right, bottom = boxes_xyxy_px.T
    return np.stack([left, content_height_px - bottom, right, content_height_px - top], axis=1)


def mirror_tensor(image: tf.Tensor, content_height_px: tf.Tensor) -> tf.Tensor:
    """Does as `mirror_image` in a graph: [H, W, C]."""
    return tf.concat([tf.reverse(image[:content_height_px], [0]), image[content_height_px:]], axis=0)
