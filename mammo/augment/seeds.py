"""Random numbers for an image: a function of the seed and of the image's position in the stream alone.

So augmentation depends neither on how a global batch is split over replicas, nor on a restart. The algorithm is fixed:
Philox (Salmon et al. 2011). TensorFlow would otherwise choose one by the device. Compiled, XLA's Philox draws other
numbers than TensorFlow's, the same on each device: a run is compiled from its first step to its last, or not at all.
"""

import enum
import math

import tensorflow as tf

_PHILOX = "philox"
_STREAMS = 3  # for each seed: uniform draws, noise, dropout

DRAWS_PER_OPERATION = 16


class Operation(enum.IntEnum):
    """Operations, each with its own draws, so that switching one off does not change the draws of the others.

    Append only: a changed order changes what every seed draws.
    """

    FLIP = 0
    ROTATION = 1
    SCALE = 2
    SHEAR = 3
    SHIFT = 4
    GAMMA = 5
    CONTRAST = 6
    BRIGHTNESS = 7
    BLUR = 8
    NOISE = 9
    CUTOUT = 10


def uniform(seed: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """Draws the numbers that the operations take.

    Args:
        seed: int32 or int64 [2].
        position: int64 [B], position of each image in the stream.

    Returns:
        float32 [B, len(Operation), DRAWS_PER_OPERATION] in [0, 1).
    """
    shape = [len(Operation), DRAWS_PER_OPERATION]
    return tf.map_fn(
        lambda image_seed: tf.random.stateless_uniform(shape, image_seed, alg=_PHILOX),
        _image_seeds(seed, position, stream=0),
        fn_output_signature=tf.TensorSpec(shape, tf.float32),
    )


def noise(seed: tf.Tensor, position: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Draws white noise of mean 0 and variance 1: float32 [B, *shape]. Arguments as `uniform` takes them.

    Uniform over ±√3: drawn in a third of the time of normal numbers, and sums over the kernel of a model's first
    convolution are close to normal with either.
    """
    bound = math.sqrt(3)
    return tf.map_fn(
        lambda image_seed: tf.random.stateless_uniform(shape, image_seed, -bound, bound, alg=_PHILOX),
        _image_seeds(seed, position, stream=1),
        fn_output_signature=tf.TensorSpec(shape, tf.float32),
    )


def kept(seed: tf.Tensor, position: tf.Tensor, features: int, drop_share: float) -> tf.Tensor:
    """Draws which features dropout keeps: bool [B, features], true with probability 1 - `drop_share`.

    `seed` and `position` are as in `uniform`.
    """
    return tf.map_fn(
        lambda image_seed: tf.random.stateless_uniform([features], image_seed, alg=_PHILOX) >= drop_share,
        _image_seeds(seed, position, stream=2),
        fn_output_signature=tf.TensorSpec([features], tf.bool),
    )


def symmetric(draws: tf.Tensor) -> tf.Tensor:
    """Maps draws from [0, 1) to [-1, 1)."""
    return 2 * draws - 1


def log_between(draws: tf.Tensor, bounds: tuple[float, float]) -> tf.Tensor:
    """Maps draws from [0, 1) to between two positive bounds, evenly in the logarithm: ½ is as likely as 2."""
    low, high = bounds
    return low * (high / low) ** draws


def _image_seeds(seed: tf.Tensor, position: tf.Tensor, stream: int) -> tf.Tensor:
    """Folds positions into a seed, as tf.random.experimental.stateless_fold_in does, all at once: int64 [B, 2]."""
    bases = tf.random.stateless_uniform([_STREAMS], seed, minval=None, maxval=None, dtype=tf.int64, alg=_PHILOX)
    return tf.stack([tf.fill(tf.shape(position), bases[stream]), position], axis=-1)
