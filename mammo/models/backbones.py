"""Backbones: networks that turn an image into features: P3 to P5, at strides 8, 16 and 32, and the last, TOP, at 32.

EfficientNets B0 to B7 are those of `keras.applications`, for which Keras's own store has ImageNet weights; KerasCV's
EfficientNetV1Backbone has an activation after each projection that those weights were not trained with. Those of
EfficientNet-Lite are ours, and their ImageNet weights come with the environment. CSPDarkNets are KerasCV's, built from
their arguments, since an alias fetches its configuration over the network: without a GPU they train four times as fast
as an EfficientNet-B0, whose depthwise convolutions are slow on a processor.

A backbone has the same layers, and float32 variables, whatever its weights came from and whatever precision it computes
in: so a trained model can be built from weights="none", in any precision, and its checkpoint restored into it.
"""

import pathlib
from collections.abc import Callable, Sequence

import keras_cv
import numpy as np
import tensorflow as tf

from mammo.common import files
from mammo.common.errors import InputError
from mammo.config.model import BACKBONES
from mammo.models import efficientnet_lite, precision

GREY_MEAN, GREY_STD = 0.449, 0.226  # ImageNet's, averaged over the three channels
_COLOUR_STD = (0.229, 0.224, 0.225)  # ImageNet's, of red, green and blue
_GREY_LEVELS = 255.0  # an EfficientNet of keras.applications begins by dividing by this

_EFFICIENTNETS: dict[str, Callable[..., tf.keras.Model]] = {
    f"efficientnet_b{size}": getattr(tf.keras.applications, f"EfficientNetB{size}") for size in range(8)
}
_CSP_DARKNETS = {"csp_darknet_nano": 16, "csp_darknet_micro": 32}
"""Channels of the first stage; each later one has twice as many, and each has one bottleneck."""

PYRAMID = ("P3", "P4", "P5")
TOP = "TOP"
"""What `keras.applications` gives a classifier: an EfficientNet has one more convolution behind P5."""

_HDF5_BYTES_PER_WEIGHT = 4096  # more than its name and the groups that it stands in take

BATCH_NORM_MOMENTUM = 0.99
"""Momentum of batch normalisation as Keras has it, of networks that are not trained."""


def build(
    name: str,
    weights: str,
    height_px: int,
    width_px: int,
    batch_norm_momentum: float,
    levels: Sequence[str] = PYRAMID,
) -> tf.keras.Model:
    """Makes a backbone for grey images.

    Args:
        name: One of `mammo.config.model.BACKBONES`.
        weights: "imagenet", "none", or the path of a file that `keras.Model.save_weights` or Keras's store made.
            ImageNet's of B0 to B7 are fetched once from Keras's store, those of Lite come with the environment.
        height_px: Height of the images.
        width_px: Width of the images.
        batch_norm_momentum: Momentum of its batch normalisation: lower for runs of few steps.
        levels: Names of the features to return, of `PYRAMID` and `TOP`.

    Returns:
        A model of float32 [B, H, W, 1] in [0, 1]. Its `pyramid_level_inputs` names the layers of `levels`.

    Raises:
        InputError: The weights cannot be read, fetched, or do not fit.
    """
    images = tf.keras.Input((height_px, width_px, 1), name="image")
    if name in _EFFICIENTNETS:
        network, taps = _efficientnet(name, weights, height_px, width_px)
        given = _GreyAsColour(name="grey_as_colour")(images)
    elif name in efficientnet_lite.NAMES:
        network, taps = _efficientnet_lite(name, weights, height_px, width_px)
        given = _Shifted(efficientnet_lite.MEAN, 1 / efficientnet_lite.SPREAD, name="standardized")(images)
    else:
        network, taps = _csp_darknet(name, height_px, width_px)
        given = _Shifted(GREY_MEAN, 1 / GREY_STD, name="standardized")(images)
        _load(network, weights, name)
    for layer in network.submodules:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = batch_norm_momentum
    features = tf.keras.Model(network.input, [_output_of(network, taps[level]) for level in levels], name=name)
    named = [
        tf.keras.layers.Activation("linear", name=level)(feature)
        for level, feature in zip(levels, tf.nest.flatten(features(given)), strict=True)
    ]
    model = tf.keras.Model(images, named, name="backbone")
    model.pyramid_level_inputs = {level: level for level in levels}
    return model


def save(model: tf.keras.Model, path: pathlib.Path) -> None:
    """Saves the backbone of a model as a file of weights that `build` takes: one stage's features for another.

    Args:
        model: With a backbone that `build` has made.
        path: Of the file, HDF5; written whole or not at all.

    Raises:
        OSError: There is no space left.
    """
    network = next(layer for layer in model.submodules if layer.name in BACKBONES)
    content_bytes = sum(weight.dtype.size * int(np.prod(weight.shape)) for weight in network.weights)
    with files.replacing(path) as partial:
        # On a full disk HDF5 raises one error as it writes, and more, past any handler, when its objects are freed.
        files.reserve(partial, round(1.1 * content_bytes) + _HDF5_BYTES_PER_WEIGHT * len(network.weights))
        network.save_weights(str(partial), save_format="h5")


class _Shifted(tf.keras.layers.Layer):
    """Gives grey levels in [0, 1] about the mean 0 and the spread 1.

    In float32: bfloat16 has 8 bits of precision, fewer than a mammogram's grey levels.
    """

    def __init__(self, mean: float, scale: float, **kwargs: object) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self._mean, self._scale = mean, scale

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return (images - self._mean) * self._scale

    def get_config(self) -> dict:
        return {**super().get_config(), "mean": self._mean, "scale": self._scale}


class _GreyAsColour(tf.keras.layers.Layer):
    """Turns grey levels in [0, 1] into the three channels in [0, 255] that an EfficientNet expects; in float32."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return tf.concat([images * _GREY_LEVELS] * 3, axis=-1)


class _Normalization(tf.keras.layers.Layer):
    """Stands for `keras.layers.Normalization` in a network, with the same weights in the same order.

    Keras's makes its mean and variance in the type that the network computes in, so that a checkpoint of a bfloat16 run
    could not be read in float32; and it copies them to constants, which a restored checkpoint does not change.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})

    def build(self, input_shape: tf.TensorShape) -> None:
        channels = input_shape[-1:]
        self.mean = self.add_weight("mean", channels, initializer="zeros", trainable=False)
        self.variance = self.add_weight("variance", channels, initializer="ones", trainable=False)
        # Unused, but in every file of weights.
        self.count = self.add_weight("count", (), dtype=tf.int64, initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, colours: tf.Tensor) -> tf.Tensor:
        return (colours - self.mean) / tf.sqrt(self.variance)


def _efficientnet(name: str, weights: str, height_px: int, width_px: int) -> tuple[tf.keras.Model, dict[str, str]]:
    # Stochastic depth would draw from a generator with a state of its own, and a resumed run would differ from one
    # that was never stopped.
    options = {"include_top": False, "input_shape": (height_px, width_px, 3), "drop_connect_rate": 0.0}
    network = tf.keras.models.clone_model(
        _EFFICIENTNETS[name](weights=None, **options), clone_function=_normalised_in_float32
    )
    normalization = next(layer for layer in network.layers if isinstance(layer, _Normalization))
    normalization.set_weights([np.full(3, GREY_MEAN), np.full(3, GREY_STD**2), 0])
    if weights == "imagenet":
        network.set_weights(_fetch(name, options))
    else:
        _load(network, weights, name)
    _mend_spread(normalization)
    return network, _taps_of_blocks(network)


def _efficientnet_lite(name: str, weights: str, height_px: int, width_px: int) -> tuple[tf.keras.Model, dict[str, str]]:
    network = efficientnet_lite.build(name, height_px, width_px)
    if weights == "imagenet":
        efficientnet_lite.load_imagenet(network)
    else:
        _load(network, weights, name)
    return network, _taps_of_blocks(network)


def _taps_of_blocks(network: tf.keras.Model) -> dict[str, str]:
    """Returns the last layer of each level of an EfficientNet."""
    names = [layer.name for layer in network.layers]
    taps = {level: _last_of_block(names, block) for level, block in {"P3": 3, "P4": 5, "P5": 7}.items()}
    return {**taps, TOP: "top_activation"}


def _normalised_in_float32(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
    """Returns what takes the place of a layer of `keras.applications`: the layer itself, but for the first two."""
    if isinstance(layer, tf.keras.layers.Normalization):
        return _Normalization(name=layer.name)
    if isinstance(layer, tf.keras.layers.Rescaling):
        return tf.keras.layers.Rescaling(layer.scale, layer.offset, name=layer.name, dtype="float32")
    return layer


def _mend_spread(normalization: _Normalization) -> None:
    """Squares the spread of colours where the weights have it in the variance's place.

    Those of Keras's store do. `keras.applications` mends it by a layer that it adds for weights="imagenet" alone
    (https://github.com/keras-team/keras/issues/15589).
    """
    mean, variance, count = normalization.get_weights()
    if np.allclose(variance, _COLOUR_STD, atol=1e-3):
        normalization.set_weights([mean, variance**2, count])


def _output_of(network: tf.keras.Model, layer: str) -> tf.Tensor:
    """Returns what a layer gives in this network: one of `keras.applications` has an earlier output in another."""
    return network.get_layer(layer).get_output_at(-1)


def _last_of_block(layer_names: list[str], block: int) -> str:
    return [name for name in layer_names if name.startswith(f"block{block}")][-1]


def _csp_darknet(name: str, height_px: int, width_px: int) -> tuple[tf.keras.Model, dict[str, str]]:
    channels = _CSP_DARKNETS[name]
    network = keras_cv.models.CSPDarkNetBackbone(
        stackwise_channels=[channels, 2 * channels, 4 * channels, 8 * channels],
        stackwise_depth=[1, 1, 1, 1],
        include_rescaling=False,
        input_shape=(height_px, width_px, 1),  # it was never trained on colours: three equal channels would cost more
    )
    taps = {level: network.pyramid_level_inputs[level] for level in PYRAMID}
    return network, {**taps, TOP: taps["P5"]}


def _fetch(name: str, options: dict) -> list[np.ndarray]:
    """Returns the weights of a network of Keras's store, in the order of its layers."""
    try:
        with precision.single():  # or it would round the spread of colours to bfloat16
            return _EFFICIENTNETS[name](weights="imagenet", **options).get_weights()
    except Exception as error:
        if "URL fetch failure" not in str(error):
            raise
        raise InputError(
            f"the ImageNet weights of {name} could not be fetched from Keras's store; go online, or set "
            "--config.model.weights to a file of weights or to none."
        ) from None


def _load(network: tf.keras.Model, weights: str, name: str) -> None:
    if weights == "none":
        return
    if weights == "imagenet":
        raise InputError(
            f"there are no ImageNet weights of {name}; set --config.model.weights to none or to a file of weights, or "
            "--config.model.backbone to an EfficientNet."
        )
    path = pathlib.Path(weights)
    if not path.is_file():
        raise InputError(f"{path}: no such file of weights; --config.model.weights takes imagenet, none or a file.")
    try:
        _load_whole_or_trunk(network, path)
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not weights of {name} without its top ({reason}).") from None


def _load_whole_or_trunk(network: tf.keras.Model, path: pathlib.Path) -> None:
    """Loads a network's weights; or those up to P5, as a detector's file has them: what is behind P5 stays as made."""
    names = [layer.name for layer in network.layers]
    try:
        network.load_weights(path)
    except ValueError:
        if "top_activation" not in names:  # it ends at P5
            raise
        tf.keras.Model(network.input, _output_of(network, _last_of_block(names, 7))).load_weights(path)
