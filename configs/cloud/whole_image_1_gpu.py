"""The classifier of whole views as the 2022 study had it, on one GPU of 16 GB or more: an EfficientNet from ImageNet.

Its head, its transfer learning (the backbone frozen at first, then its last three layers unlocked at a lower rate) and
its balance, one in four of the normal images. The backbone is Lite0, whose weights come with the environment; the
study's own, `--config.model.backbone=efficientnet_b0`, fetches them. Convert with `--height=512 --width=512` first,
which is the study's size. Not yet measured on a GPU: what it costs and reaches is not known.
"""

import ml_collections

from configs import whole_image


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = whole_image.get_config()
    config.data.height_px = 512
    config.data.width_px = 512

    config.model.backbone = "efficientnet_lite0"
    config.model.weights = "imagenet"
    config.model.head = "study"
    config.model.batch_norm_momentum = 0.99
    config.transfer.frozen_steps = 5_000
    config.transfer.unfrozen_layers = 3

    config.devices = 1
    config.xla = True
    config.input.batch_size = 32
    config.input.balance = "study"
    config.train_steps = 10_000
    config.optimizer.warmup_steps = 500
    config.optimizer.averages_decay = 0.999
    config.log_every_steps = 50
    config.evaluate_every_steps = 1_000
    config.save_every_steps = 500
    return config
