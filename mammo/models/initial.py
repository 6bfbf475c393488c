"""How a network begins: with the weights that its backbone was given, ready to be trained."""

import tensorflow as tf
from absl import logging

from mammo.config.model import ModelConfig
from mammo.models import backbones


def prepare(model: tf.keras.Model, config: ModelConfig, *, keeps_statistics: bool = False) -> None:
    """Gives the backbone of a freshly built network its initial weights, and sets how it is trained.

    Args:
        model: With a layer "backbone" that `backbones.build` has made; changed in place.
        config: Its weights, and the momentum of its batch normalisation.
        keeps_statistics: Whether batch normalisation stays as the weights have it.

    Raises:
        mammo.common.errors.InputError: The weights cannot be read, fetched, or do not fit.
    """
    backbone = next(layer for layer in model.submodules if layer.name == "backbone")
    logging.info(
        "Backbone %s, weights: %s.", config.backbone, config.weights if config.is_pretrained else "drawn at random"
    )
    if config.is_pretrained:
        _, height_px, width_px, _ = backbone.input_shape
        levels = tuple(backbone.pyramid_level_inputs)
        pretrained = backbones.build(
            config.backbone, config.weights, height_px, width_px, config.batch_norm_momentum, levels
        )
        backbone.set_weights(pretrained.get_weights())
    for layer in backbone.submodules:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = config.batch_norm_momentum
            layer.trainable = not keeps_statistics
