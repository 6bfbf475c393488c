"""Three convolutions in place of a CSPDarkNet: what is done with a network is tested in a tenth of the time.

To trace and compile a network takes as long as it has layers, whatever its size. Backbones themselves are tested as
they are in `backbones_test`, in presets, and wherever this does not stand in.
"""

from collections.abc import Iterator
from unittest import mock

import tensorflow as tf

from mammo.models import backbones

_CHANNELS = 8
_STRIDES = {"P3": 8, "P4": 2, "P5": 2}


def make(name: str, height_px: int, width_px: int) -> tuple[tf.keras.Model, dict[str, str]]:
    """Returns what `backbones._csp_darknet` does: a network of grey images, and its layers by level."""
    images = feature = tf.keras.Input((height_px, width_px, 1))
    for level, stride in _STRIDES.items():
        feature = tf.keras.layers.Conv2D(_CHANNELS, stride + 1, stride, "same", use_bias=False)(feature)
        feature = tf.keras.layers.BatchNormalization()(feature)
        feature = tf.keras.layers.Activation("swish", name=f"short_{level}")(feature)
    taps = {level: f"short_{level}" for level in _STRIDES}
    return tf.keras.Model(images, feature, name=f"short_{name}"), {**taps, backbones.TOP: taps["P5"]}


def in_place_of_csp_darknets() -> Iterator[None]:
    """Has `backbones.build` take it for any CSPDarkNet until the iterator goes on: the body of a fixture."""
    with mock.patch.object(backbones, "_csp_darknet", make):
        yield
