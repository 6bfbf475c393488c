"""Gamma, contrast, brightness, blur and noise. Black stays black, and grey levels stay in [0, 1].

The background of a mammogram is air and padding; were it varied, its grain would be raised to specks, and a model could
read the variation off it. So every operation but gamma, which leaves black alone, fades out towards black.
"""

import tensorflow as tf

from mammo.augment import film, seeds
from mammo.augment.seeds import Operation
from mammo.config.augmentation import AugmentationConfig


def vary(
    image: tf.Tensor, draws: tf.Tensor, seed: tf.Tensor, position: tf.Tensor, options: AugmentationConfig
) -> tf.Tensor:
    """Varies grey levels as `options` says.

    Args:
        image: float32 [B, H, W, C] in [0, 1], all channels in one way; B may be unknown.
        draws: float32 [B, operations, numbers], as `seeds.uniform` gives them.
        seed: int32 [2], seed of the noise.
        position: int64 [B], position of each image in the stream, for the noise.
        options: Ranges to draw from; an operation with an empty range is skipped.

    Returns:
        float32 [B, H, W, C] in [0, 1], 0 wherever `image` is.
    """
    given, weight = image, film.tissue_weight(image)
    if set(options.gamma_range) != {1}:
        gamma = _for_images(seeds.log_between(draws[:, Operation.GAMMA, 0], options.gamma_range))
        image = tf.exp(gamma * tf.math.log(image))  # image ** gamma takes six times as long on a CPU
    if set(options.contrast_range) != {1} or options.brightness:
        factor = _for_images(seeds.log_between(draws[:, Operation.CONTRAST, 0], options.contrast_range))
        added = _for_images(options.brightness * seeds.symmetric(draws[:, Operation.BRIGHTNESS, 0]))
        # (factor − 1) × (image − mean) + added, in as few passes over the image as can be
        image += weight * ((factor - 1) * image + (added - (factor - 1) * _weighted_mean(image, weight)))
        image = tf.clip_by_value(image, 0.0, 1.0)
    if options.blur_sigma_px:
        image = _blur(image, weight, _for_images(options.blur_sigma_px * draws[:, Operation.BLUR, 0]))
    if options.noise_std:
        std = _for_images(options.noise_std * draws[:, Operation.NOISE, 0])
        image += std * weight * seeds.noise(seed, position, tuple(image.shape[1:]))
    return given if image is given else tf.clip_by_value(image, 0.0, 1.0)


def _for_images(values: tf.Tensor) -> tf.Tensor:
    """[B] to [B, 1, 1, 1]."""
    return values[:, None, None, None]


def _weighted_mean(image: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    total = tf.reduce_sum(image * weight, axis=[1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(total, tf.reduce_sum(weight, axis=[1, 2, 3], keepdims=True))


def _blur(image: tf.Tensor, weight: tf.Tensor, sigma_px: tf.Tensor) -> tf.Tensor:
    """Mixes an image with itself under [1, 2, 1] / 4 down and across, whose variance is 1/2, to a variance of σ²."""
    taps = tf.constant([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    padded = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")  # the chest wall fades into no black
    kernel = tf.tile(taps[..., None, None], [1, 1, image.shape[-1], 1])
    blurred = tf.nn.depthwise_conv2d(padded, kernel, strides=[1, 1, 1, 1], padding="VALID")
    return image + 2 * sigma_px**2 * weight * (blurred - image)
