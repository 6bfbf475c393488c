"""The whole of augmentation, on the accelerator: images become float32, then geometry, grey levels and cutout."""

import tensorflow as tf

from mammo.augment import cutout, geometric, photometric, seeds
from mammo.config.augmentation import AugmentationConfig
from mammo.data.batch import Batch, grey_levels
from mammo.data.tracing import compiled


def augment(batch: Batch, seed: tf.Tensor, options: AugmentationConfig, *, xla: bool = False) -> Batch:
    """Varies a batch.

    The result for an image depends on its pixels, `seed`, its `position` and `options` alone.

    Args:
        batch: Of any size, known or not; the height, width and number of boxes must be static.
        seed: int32 [2], the seed of the run.
        options: Ranges to draw from. An operation that is off is skipped: with all off, the batch is unchanged, but for
            the type of its images.
        xla: Whether it is compiled: two functions, with the one operation in between that cannot be.

    Returns:
        The batch with images of float32 in [0, 1].
    """

    def begin(given: Batch) -> tuple[Batch, tf.Tensor, tf.Tensor | None]:
        given, draws = given._replace(image=grey_levels(given.image)), seeds.uniform(seed, given.position)
        if not options.moves:
            return given, draws, None
        placed, transforms = geometric.place(
            given, geometric.draw(given.image, draws, options), options.min_visible_share
        )
        return placed, draws, transforms

    def finish(moved: Batch, draws: tf.Tensor) -> Batch:
        varied = moved._replace(image=photometric.vary(moved.image, draws, seed, moved.position, options))
        return cutout.vary(varied, draws, options) if options.cutout_count else varied

    batch, draws, transforms = compiled(begin, xla=xla)(batch)
    if transforms is not None:
        batch = batch._replace(image=geometric.resample(batch.image, transforms, options.beyond))
    return compiled(finish, xla=xla)(batch, draws)
