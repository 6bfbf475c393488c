"""The crop classifier on two cores, for half an hour, on real masses: 868 of CBIS-DDSM, from ImageNet.

Convert them first: `//data_tools:convert --source=coco --height=512 --width=320`. Three squares about a mass go through
one EfficientNet-Lite0; its head is solved, then all but its first blocks are trained gently. docs/results.md says what
it costs and reaches, and what else was tried.
"""

import ml_collections

from configs import crop_classifier

LEARNT_LAYERS = 34
"""Of EfficientNet-Lite0, from its fourth block on."""


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = crop_classifier.get_config()
    config.crop.side_px = 224
    config.crop.contexts = (1.0, 1.5, 3.0)
    config.crop.shift_share = 0.1
    config.crop.scale_range = (0.8, 1.25)

    config.model.backbone = "efficientnet_lite0"
    config.model.weights = "imagenet"
    config.model.head = "linear"
    config.model.standardizes = False  # grey levels are mapped to what the backbone was trained on
    config.model.dropout = 0.3
    config.transfer.head_c = 0.003
    config.transfer.unfrozen_layers = LEARNT_LAYERS
    config.transfer.depth_share = 0.7
    config.averaged_looks = 8

    config.augmentation.beyond = "mirrored"
    config.augmentation.scale_range = (1.0, 1.0)  # the squares are cut larger and smaller already
    config.augmentation.shear_degrees = 0.0
    config.augmentation.gamma_range = (0.78, 1.28)
    config.augmentation.contrast_range = (0.8, 1.25)
    config.augmentation.brightness = 0.1
    config.augmentation.blur_sigma_px = 0.0
    config.augmentation.noise_std = 0.0

    # An epoch shows each place without a mass once, which is told apart easily, and each mass twice.
    config.input.batch_size = 24
    config.input.class_weights = (0.2, 0.4, 0.4)
    config.train_steps = 800
    config.loss.label_smoothing = 0.1
    config.optimizer.learning_rate = 3e-4
    config.optimizer.warmup_steps = 40
    config.optimizer.clip_norm = 1.0
    config.optimizer.final_share = 0.0
    config.optimizer.averages_decay = 0.99
    config.evaluate_every_steps = 400
    config.save_every_steps = 200
    return config
