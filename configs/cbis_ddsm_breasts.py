"""A small network that takes both views of a breast, on two cores: benign or cancer, from what the crops taught.

Join the views first: `//data_tools:breasts --data_dir=<shards of 512 x 320>`. Its backbone begins with ImageNet's
weights, or with those of configs/cbis_ddsm_crops.py: `--config.model.weights=<its workdir>/backbone.h5`. What it costs
and reaches stands in docs/results.md.
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
    config.model.head = "modern"
    config.model.dropout = 0.3
    config.transfer.unfrozen_layers = cbis_ddsm_crops.LEARNT_LAYERS
    config.transfer.depth_share = 0.7

    # Mirrored, MLO lies above CC, as it does in the second look: features are pooled over both, so that it is the same.
    config.augmentation.rotation_degrees = 10.0
    config.augmentation.scale_range = (0.85, 1.15)
    config.augmentation.gamma_range = (0.78, 1.28)
    config.augmentation.contrast_range = (0.8, 1.25)
    config.augmentation.noise_std = 0.0

    config.input.batch_size = 8
    config.train_steps = 900  # 473 breasts, seen fifteen times
    config.loss.label_smoothing = 0.1
    config.optimizer.learning_rate = 3e-4
    config.optimizer.warmup_steps = 60
    config.optimizer.clip_norm = 1.0
    config.optimizer.averages_decay = 0.99
    config.evaluate_every_steps = 300
    config.save_every_steps = 300
    return config
