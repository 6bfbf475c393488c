"""The detector on two cores and nothing else: what `--stage=detector` takes.

Draws 240 synthetic exams, if no data is given, and trains from no weights. Cost and result stand in the README.
"""

import ml_collections

from configs import base


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = base.get_config()
    config.stage = "detector"

    config.model = ml_collections.ConfigDict()
    config.model.backbone = "csp_darknet_nano"
    config.model.weights = "none"
    config.model.pyramid_channels = 48
    config.model.max_levels = 4
    config.model.head_depth = 2
    config.model.batch_norm_momentum = 0.9
    config.model.is_class_blind = False

    config.loss = ml_collections.ConfigDict()
    config.loss.alpha = 0.25
    config.loss.gamma = 2.0
    config.loss.box_loss = "smooth_l1"
    config.loss.box_weight = 1.0
    config.loss.smooth_l1_beta = 1 / 9
    config.loss.positive_iou = 0.5
    config.loss.negative_iou = 0.4

    config.decoding = ml_collections.ConfigDict()
    config.decoding.max_detections = 100
    config.decoding.max_candidates = 1000
    config.decoding.overlap_iou = 0.3
    config.decoding.min_score = 0.005

    config.train_steps = 1300
    config.optimizer.learning_rate = 2e-3
    config.optimizer.warmup_steps = 50
    config.optimizer.averages_decay = 0.99
    config.evaluate_every_steps = 650
    config.save_every_steps = 200
    return config
