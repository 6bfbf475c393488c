"""The detector on one GPU of 16 GB or more: whole Mini-DDSM, EfficientNet-Lite0 from ImageNet.

Convert with `--height=1024 --width=640` (the default) first. Not yet measured on a GPU: what it costs and
reaches is not known.
"""

import ml_collections

from configs import detector


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = detector.get_config()
    config.data.height_px = 1024
    config.data.width_px = 640

    config.model.backbone = "efficientnet_lite0"
    config.model.weights = "imagenet"
    config.model.pyramid_channels = 256
    config.model.max_levels = 5
    config.model.head_depth = 4
    config.model.batch_norm_momentum = 0.99

    config.devices = 1
    config.xla = True
    config.input.batch_size = 8
    config.train_steps = 30_000  # some 30 times through the 5,500 views that train
    config.optimizer.learning_rate = 5e-4
    config.optimizer.warmup_steps = 1_000
    config.optimizer.averages_decay = 0.9998
    config.log_every_steps = 50
    config.evaluate_every_steps = 1_000
    config.save_every_steps = 500
    return config
