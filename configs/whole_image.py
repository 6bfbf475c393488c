"""The classifier of whole views, normal, benign or cancer, on two cores and nothing else: `--stage=whole_image`.

Draws 240 synthetic exams, if no data is given, and trains from no weights. On 400 exams 1,600 updates reached an area
of 0.70 (0.58 to 0.80) for cancer, by image, and a balanced accuracy of 0.58 (0.50 to 0.66): see the README.
"""

import ml_collections

from configs import base


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = base.get_config()
    config.stage = "whole_image"
    config.flip_averaging = True

    config.model = ml_collections.ConfigDict()
    config.model.backbone = "csp_darknet_nano"
    config.model.weights = "none"
    config.model.head = "modern"
    config.model.dropout = 0.2
    config.model.batch_norm_momentum = 0.9
    config.model.keeps_statistics = True  # of batch normalisation, where the backbone is pretrained
    config.model.standardizes = False  # each image, to one mean and spread of grey

    config.transfer = ml_collections.ConfigDict()
    config.transfer.frozen_steps = 0  # at first the head alone is learnt, for so many steps
    config.transfer.unfrozen_layers = -1  # of the backbone, its last ones, from then on; -1: all
    config.transfer.rate_share = 0.1  # of the learning rate, from then on

    config.loss = ml_collections.ConfigDict()
    config.loss.label_smoothing = 0.0
    config.loss.focal_gamma = 0.0
    config.loss.class_weights = ()

    config.input.batch_size = 16
    config.train_steps = 1200
    config.optimizer.learning_rate = 2e-3
    config.optimizer.warmup_steps = 50
    config.optimizer.weight_decay = 0.02
    config.optimizer.averages_decay = 0.99
    config.evaluate_every_steps = 300
    config.save_every_steps = 200
    return config
