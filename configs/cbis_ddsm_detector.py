"""The detector on two cores, for an hour, on real mammograms: 1,231 views of CBIS-DDSM's masses, from ImageNet.

Convert them first: `//data_tools:convert --source=coco --height=512 --width=320`. It only finds: the classifier of
configs/cbis_ddsm_crops.py judges what it found. Cost and result stand in docs/results.md.
"""

import ml_collections

from configs import detector


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = detector.get_config()
    config.data.height_px = 512
    config.data.width_px = 320

    # 802 images, seen thirty times: more variation than phantoms take, and weights that decay.
    config.augmentation.rotation_degrees = 30.0
    config.augmentation.scale_range = (0.75, 1.3)
    config.augmentation.shift_share = 0.1
    config.optimizer.weight_decay = 0.02

    config.model.backbone = "efficientnet_lite0"
    config.model.weights = "imagenet"
    config.model.batch_norm_momentum = 0.97
    config.model.pyramid_channels = 64
    config.model.is_class_blind = True
    config.loss.box_weight = 0.5

    config.input.batch_size = 8
    config.train_steps = 3_000
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 150
    config.optimizer.averages_decay = 0.997
    config.evaluate_every_steps = 500
    config.save_every_steps = 500
    return config
