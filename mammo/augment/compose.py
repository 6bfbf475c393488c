"""The whole of augmentation, on the accelerator: images become float32, then geometry, grey levels and cutout."""

import tensorflow as tf

from mammo.augment import cutout, geometric, photometric, seeds
from mammo.config.augmentation import AugmentationConfig
from mammo.data.batch import Batch, grey_levels


def augment(batch: Batch, seed: tf.Tensor, options: AugmentationConfig) -> Batch:
    """Varies a batch.

    The result for an image depends on its pixels, `seed`, its `position` and `options` alone.

    Args:
        batch: Of any size, known or not; the height, width and number of boxes must be static.
        seed: int32 [2], the seed of the run.
        options: Ranges to draw from. An operation that is off is skipped: with all off, the batch is unchanged, but for
            the type of its images.

    Returns:
        The batch with images of float32 in [0, 1].
    """
    batch = batch._replace(image=grey_levels(batch.image))
    draws = seeds.uniform(seed, batch.position)
    if options.moves:
        batch = geometric.vary(batch, draws, options)
    batch = batch._replace(image=photometric.vary(batch.image, draws, seed, batch.position, options))
    if options.cutout_count:
        batch = cutout.vary(batch, draws, options)
    return batch
