"""Short EfficientNets that a test can train: one block a stage, a quarter of the channels.

Of B0, two blocks are whole; the other five are a depthwise and a pointwise convolution, without expansion, squeeze and
excitation.
"""

import inspect
from collections.abc import Iterator
from typing import Any
from unittest import mock

import tensorflow as tf

from mammo.models import backbones, efficientnet_lite

_WHOLE_BLOCKS = 2


def make(weights: str | None = None, **options: Any) -> tf.keras.Model:
    """Builds it with the arguments of `keras.applications.EfficientNetB0`."""
    # `keras.applications` publishes B0 to B7, and not the function that makes any of them.
    module: Any = inspect.getmodule(tf.keras.applications.EfficientNetB0)
    bare = {"expand_ratio": 1, "se_ratio": 0}
    blocks = [
        args if number < _WHOLE_BLOCKS else {**args, **bare} for number, args in enumerate(module.DEFAULT_BLOCKS_ARGS)
    ]
    return module.EfficientNet(
        width_coefficient=0.25,
        depth_coefficient=0.1,  # rounded up: one block a stage
        default_size=64,
        dropout_rate=0.0,
        blocks_args=blocks,
        model_name="efficientnetb0",
        weights=weights,
        **options,
    )


def in_place_of_b0() -> Iterator[None]:
    """Has `backbones.build` take it for "efficientnet_b0" until the iterator goes on: the body of a fixture."""
    with mock.patch.dict(backbones._EFFICIENTNETS, {"efficientnet_b0": make}):
        yield


def in_place_of_lite0() -> Iterator[None]:
    """Has `backbones.build` make a short "efficientnet_lite0" until the iterator goes on: the body of a fixture."""
    with mock.patch.dict(efficientnet_lite._SCALES, {"efficientnet_lite0": (0.25, 0.1)}):
        yield
