"""All of augmentation, on the accelerator: first where things are, then their grey levels, then what is hidden."""

import tensorflow as tf

from mammo.augment import cutout, geometric, photometric, seeds
from mammo.config.augmentation import AugmentationConfig
from mammo.data.batch import Batch


def augment(batch: Batch, seed: tf.Tensor, options: AugmentationConfig) -> Batch:
    """Varies a batch.

    What becomes of an image is a function of its pixels, `seed`, its `position` and `options` alone.

    Args:
        batch: Of any size, known or not; the height, width and number of boxes must be static.
        seed: int32 [2], of the run or of the step.
        options: What to draw from. An operation that is off is left out: with all off the batch comes back as it is.
    """
    draws = seeds.uniform(seed, batch.position)
    if options.moves:
        batch = geometric.vary(batch, draws, options)
    batch = batch._replace(image=photometric.vary(batch.image, draws, seed, batch.position, options))
    if options.cutout_count:
        batch = cutout.vary(batch, draws, options)
    return batch
