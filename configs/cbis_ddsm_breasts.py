"""A small network that takes both views of a breast, on two cores: benign or cancer, from ImageNet's weights.

Join the views first: `//data_tools:breasts --data_dir=<shards of 512 x 320>`. Its head is solved, then all but its
first blocks are trained gently. What it costs and reaches stands in docs/results.md, and what it adds to crops.
"""

import ml_collections

from configs import cbis_ddsm_crops, malignancy


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = malignancy.get_config()
    config.data.height_px = 1024  # two views of 512
    config.data.width_px = 320

    config.model.backbone = "efficientnet_lite0"
    config.model.weights = "imagenet"
    config.model.keeps_statistics = True
    config.model.head = "linear"
    config.model.dropout = 0.3
    config.transfer.head_c = 0.003
    config.transfer.unfrozen_layers = cbis_ddsm_crops.LEARNT_LAYERS
    config.transfer.depth_share = 0.7

    # Mirrored, MLO lies above CC, as it does in the second look: features are pooled over both, so that it is the same.
    config.augmentation.rotation_degrees = 10.0
    config.augmentation.scale_range = (0.85, 1.15)
    config.augmentation.gamma_range = (0.78, 1.28)
    config.augmentation.contrast_range = (0.8, 1.25)
    config.augmentation.noise_std = 0.0

    config.input.batch_size = 8
    config.train_steps = 1600  # 473 breasts, seen 27 times
    config.loss.label_smoothing = 0.1
    config.optimizer.learning_rate = 3e-4
    config.optimizer.warmup_steps = 60
    config.optimizer.clip_norm = 1.0
    config.optimizer.averages_decay = 0.99
    config.evaluate_every_steps = 400
    config.save_every_steps = 400
    return config
