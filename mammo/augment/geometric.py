"""Flip, rotation, scale, shear and shift as one affine transform for each image, with one interpolation.

Views turn about the middle of what they show, the box around their tissue, which the shift alone moves: a breast that
fills one corner of the frame stays in view, and a flip leaves it where it is. Crops turn about the middle of the frame.
"""

import math
from typing import Literal, NamedTuple

import tensorflow as tf

from mammo.augment import addons, film, lesions, seeds
from mammo.augment.seeds import Operation
from mammo.config.augmentation import AugmentationConfig
from mammo.data import box_ops
from mammo.data.batch import Batch


class Affine(NamedTuple):
    """One map of the plane for each image: a point p, x and y in pixels, goes to `linear` @ p + `offset_px`.

    Pixel (i, j) covers x from j to j + 1 and y from i to i + 1, as boxes have it.

    Attributes:
        linear: float32 [B, 2, 2].
        offset_px: float32 [B, 2].
    """

    linear: tf.Tensor
    offset_px: tf.Tensor


def draw(image: tf.Tensor, draws: tf.Tensor, options: AugmentationConfig) -> Affine:
    """Draws a transform for each image.

    Args:
        image: float32 [B, H, W, C]; the height and width must be static.
        draws: float32 [B, operations, numbers], as `seeds.uniform` gives them.
        options: Ranges to draw from.
    """
    flip = draws[:, Operation.FLIP]
    sign_x = tf.where(flip[:, 0] < options.flip_horizontal, -1.0, 1.0)
    sign_y = tf.where(flip[:, 1] < options.flip_vertical, -1.0, 1.0)
    angle = math.radians(options.rotation_degrees) * seeds.symmetric(draws[:, Operation.ROTATION, 0])
    shear = tf.tan(math.radians(options.shear_degrees) * seeds.symmetric(draws[:, Operation.SHEAR, 0]))
    scale = seeds.log_between(draws[:, Operation.SCALE, 0], options.scale_range)
    cos, sin = scale * tf.cos(angle), scale * tf.sin(angle)
    # rotation × scale × [[1, shear], [0, 1]] × flip
    linear = tf.stack(
        [tf.stack([cos * sign_x, (cos * shear - sin) * sign_y], -1),
         tf.stack([sin * sign_x, (sin * shear + cos) * sign_y], -1)],
        axis=-2,
    )  # fmt: skip
    _, height_px, width_px, _ = image.shape
    shift_px = seeds.symmetric(draws[:, Operation.SHIFT, :2]) * options.shift_share
    shift_px *= tf.constant([width_px, height_px], tf.float32)
    center_px = content_center(image)
    if options.turns_about_frame:
        center_px = tf.zeros_like(center_px) + tf.constant([width_px / 2, height_px / 2])
    return Affine(linear, center_px + shift_px - box_ops.transform_points(center_px, linear))


def flip_vertically(image: tf.Tensor) -> tf.Tensor:
    """Flips views vertically about the centre of their tissue, as `draw` does: float32 [B, H, W, 1]."""
    center_px = content_center(image)
    linear = tf.tile(tf.constant([[[1.0, 0.0], [0.0, -1.0]]]), [tf.shape(image)[0], 1, 1])
    return resample(image, _transforms(Affine(linear, center_px - box_ops.transform_points(center_px, linear))))


def place(batch: Batch, affine: Affine, min_visible_share: float) -> tuple[Batch, tf.Tensor]:
    """Moves lesions by a transform; `resample` moves the images.

    A lesion is taken for the ellipse that its box encloses; its new box is the tight one around the transformed
    ellipse, cut off at the frame. That is exact for ellipses, and tighter than a box around the turned box's corners,
    which would grow a disc by up to √2.

    Returns:
        The batch with its images as they were and its lesions as they will be; and what `resample` takes.
    """
    _, height_px, width_px, _ = batch.image.shape
    boxes = box_ops.transform_ellipses(batch.boxes, affine.linear, affine.offset_px)
    clipped = box_ops.clip(boxes, height_px, width_px)
    visible_share = tf.math.divide_no_nan(box_ops.area(clipped), box_ops.area(boxes))
    placed = lesions.keep_visible(batch._replace(boxes=clipped), visible_share, min_visible_share)
    return placed, _transforms(affine)


def content_center(image: tf.Tensor) -> tf.Tensor:
    """Finds the centre of the box around the tissue.

    Args:
        image: float32 [B, H, W, 1].

    Returns:
        float32 [B, 2], x and y in pixels; the centre of the frame where there is no tissue.
    """
    columns = film.is_tissue(tf.reduce_max(image, axis=[1, 3]))
    rows = film.is_tissue(tf.reduce_max(image, axis=[2, 3]))
    return tf.stack([_middle(columns), _middle(rows)], axis=-1)


def _middle(shown: tf.Tensor) -> tf.Tensor:
    """Returns the middle between the first and the last true element of each row, bool [B, L]: float32 [B].

    L / 2 where none is true.
    """
    marks = tf.cast(shown, tf.int32)
    first = tf.argmax(marks, axis=-1, output_type=tf.int32)
    behind_last = shown.shape[-1] - tf.argmax(tf.reverse(marks, axis=[-1]), axis=-1, output_type=tf.int32)
    return tf.cast(first + behind_last, tf.float32) / 2  # with none true both argmax are 0


def resample(image: tf.Tensor, transforms: tf.Tensor, beyond: Literal["black", "mirrored"] = "black") -> tf.Tensor:
    """Resamples images with bilinear interpolation.

    XLA has no kernel for this one operation.

    Args:
        image: float32 [B, H, W, C].
        transforms: float32 [B, 8], as `place` gives them.
        beyond: What lies outside the image, see `AugmentationConfig`.
    """
    fill_mode = "reflect" if beyond == "mirrored" else "constant"
    return addons.transform_images(image, transforms, "bilinear", fill_mode, output_shape=image.shape[1:3])


def _transforms(affine: Affine) -> tf.Tensor:
    """Returns the inverse of a transform as the operation takes it, from output to input: float32 [B, 8]."""
    (a, b), (c, d) = (tf.unstack(row, axis=-1) for row in tf.unstack(affine.linear, axis=-2))
    inverse = tf.reshape(tf.stack([d, -b, -c, a], axis=-1) / (a * d - b * c)[:, None], [-1, 2, 2])
    # The operation counts from the middle of the first pixel, half a pixel from the corner that `Affine` counts from.
    offset_px = box_ops.transform_points(0.5 - affine.offset_px, inverse) - 0.5
    rows = tf.concat([inverse, offset_px[..., None]], axis=-1)  # [B, 2, 3]
    return tf.pad(tf.reshape(rows, [-1, 6]), [[0, 0], [0, 2]])
