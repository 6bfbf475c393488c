"""How a network begins: with the weights that its backbone is given, ready to be trained."""

import tensorflow as tf
from absl import logging

from mammo.config.model import ModelConfig
from mammo.models import building
from mammo.models.plans import Plan


def build(plan: Plan, config: ModelConfig, *, keeps_statistics: bool = False) -> tf.keras.Model:
    """Builds the network of a plan to train it.

    Args:
        plan: What the model is.
        config: The weights that its backbone begins with, and the momentum of its batch normalisation.
        keeps_statistics: Whether batch normalisation stays as the weights have it.

    Raises:
        mammo.common.errors.InputError: The weights cannot be read, fetched, or do not fit.
    """
    logging.info(
        "Backbone %s, weights: %s.", config.backbone, config.weights if config.is_pretrained else "drawn at random"
    )
    model = building.build(plan, config.weights)
    backbone = next(layer for layer in model.submodules if layer.name == "backbone")
    for layer in backbone.submodules:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = config.batch_norm_momentum
            layer.trainable = not keeps_statistics
    return model
