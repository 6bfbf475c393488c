"""The whole of augmentation, on the accelerator: first geometry, then grey levels, then cutout."""

import tensorflow as tf

from mammo.augment import cutout, geometric, photometric, seeds
from mammo.common.compiling import compiled
from mammo.config.augmentation import AugmentationConfig
from mammo.data.batch import Batch


def augment(batch: Batch, seed: tf.Tensor, options: AugmentationConfig, *, xla: bool = False) -> Batch:
    """Varies a batch.

    The result for an image depends on its pixels, `seed`, its `position` and `options` alone.

    Args:
        batch: Of any size, known or not; the height, width and number of boxes must be static.
        seed: int32 [2], the seed of the run.
        options: Ranges to draw from. An operation that is off is skipped: with all off, the batch is unchanged.
        xla: Whether it is compiled: two functions, with the one operation in between that cannot be.
    """

    def place(given: Batch) -> tuple[Batch, tf.Tensor]:
        return geometric.place(given, seeds.uniform(seed, given.position), options)

    def finish(moved: Batch) -> Batch:
        draws = seeds.uniform(seed, moved.position)
        varied = moved._replace(image=photometric.vary(moved.image, draws, seed, moved.position, options))
        return cutout.vary(varied, draws, options) if options.cutout_count else varied

    if options.moves:
        batch, transforms = compiled(place, xla=xla)(batch)
        batch = batch._replace(image=geometric.resample(batch.image, transforms))
    return compiled(finish, xla=xla)(batch)
