"""The concepts on one GPU of 16 GB or more: whole Mini-DDSM, EfficientNet-Lite0 from ImageNet in all.

Each of the study's concepts has about as many updates, whether it is of one model or of two; what looks at breasts has
as many besides. Not yet measured on a GPU: what it costs and reaches is not known.
"""

import ml_collections

from configs import cbis_ddsm_breasts, cbis_ddsm_crops, comparison
from configs.cloud import detector_1_gpu


def get_config() -> ml_collections.ConfigDict:
    """Returns the configuration of each model, under `models`, on one and the same data."""
    config = comparison.get_config()
    config.backbone_from = ml_collections.ConfigDict()  # each begins with ImageNet's
    config.data.height_px = 1024
    config.data.width_px = 640
    config.models.detector = detector_1_gpu.get_config()
    config.models.finder = detector_1_gpu.get_config()
    config.models.finder.model.is_class_blind = True
    config.models.finder.train_steps //= 2
    config.models.crop_classifier = cbis_ddsm_crops.get_config()
    config.models.breast = cbis_ddsm_breasts.get_config()
    for name, train_steps in {
        "whole_image": 30_000,
        "tumour": 15_000,
        "malignancy": 15_000,
        "breast": 15_000,
        "crop_classifier": 15_000,
    }.items():
        model = config.models[name]
        model.devices = 1
        model.xla = True
        model.model.backbone = "efficientnet_lite0"
        model.model.weights = "imagenet"
        model.model.keeps_statistics = True
        model.model.batch_norm_momentum = 0.99
        model.transfer.depth_share = 0.7
        model.train_steps = train_steps
        model.optimizer.warmup_steps = 500
        model.optimizer.averages_decay = 0.9998
        model.evaluate_every_steps = 1_000
        model.save_every_steps = 500
        if not model.transfer.head_c:  # a head that is solved takes no steps of its own
            model.transfer.frozen_steps = train_steps // 10
            model.transfer.rate_share = 0.3
    return config
