"""The classifier of whole views and of crops: a backbone with the 2022 study's head, or with a plainer one.

A crop's squares are channels of one image. Each goes through the same backbone; what it makes of them is joined.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from mammo.augment import seeds
from mammo.config.model import ALL_LAYERS, NO_WEIGHTS, ClassifierNetwork
from mammo.models import backbones, precision

_LEVELS: Mapping[str, tuple[str, ...]] = {
    "study": (backbones.TOP,),
    "modern": ("P3", "P4", backbones.TOP),
    "linear": ("P4", "P5", backbones.TOP),
}
"""Which features of the backbone each head takes."""

_FEATURES, _STATISTICS, _LOGITS = "features", "statistics", "logits"  # names of layers
_STUDY_UNITS = 10  # of the hidden layer: the 2022 study
_LEAST_SPREAD = 1e-2  # of an image: the grain of an even one is not made its contrast
_DROPOUT_SEED = 0  # folded with each image's position in the stream, which the run's seed has shuffled


def build(
    network: ClassifierNetwork, class_count: int, image_shape: tuple[int, int, int], weights: str = NO_WEIGHTS
) -> tf.keras.Model:
    """Makes the network; its head has weights drawn at random.

    Args:
        network: What it is like.
        class_count: How many classes it tells apart.
        image_shape: Height and width, multiples of 32, and channels.
        weights: Of the backbone, see `backbones.build`.

    Returns:
        A model of {"image": float32 [B, H, W, C], "position": int64 [B]}, the latter as of `batch.Batch`, which dropout
        draws from. It gives logits, float32 [B, class_count] whatever the precision.
    """
    height_px, width_px, channels = image_shape
    levels = _LEVELS[network.head]
    backbone = backbones.build(network.backbone, weights, height_px, width_px, backbones.BATCH_NORM_MOMENTUM, levels)
    image = tf.keras.Input(image_shape, name="image")
    position = tf.keras.Input((), dtype=tf.int64, name="position")
    squares = _ChannelsToBatch(name="squares")(image) if channels > 1 else image
    seen = Standardization(name="standardization")(squares) if network.standardizes else squares
    pooled = _pool(network.head, tf.nest.flatten(backbone(seen)))
    features = _ConcatenateChannels(channels, name=_FEATURES)(pooled)
    hidden = Dropout(network.dropout, name="dropout")(_before_logits(network.head, features), position)
    with precision.single():
        logits = tf.keras.layers.Dense(class_count, name=_LOGITS)(hidden)
    return tf.keras.Model({"image": image, "position": position}, logits, name="classifier")


def features_of(model: tf.keras.Model) -> tf.keras.Model:
    """Returns the part of a network with a linear head that gives what the head is applied to, float [B, F]."""
    return tf.keras.Model(model.input, model.get_layer(_FEATURES).output)


def set_linear_head(
    model: tf.keras.Model, mean: np.ndarray, spread: np.ndarray, kernel: np.ndarray, bias: np.ndarray
) -> None:
    """Gives a network its linear head.

    Args:
        model: As `build` makes it.
        mean: float [F], of the features.
        spread: float [F], their standard deviations.
        kernel: float [F, C], of features of mean 0 and spread 1.
        bias: float [C].
    """
    model.get_layer(_STATISTICS).set_weights([mean, spread])
    model.get_layer(_LOGITS).set_weights([kernel, bias])


def learnt(model: tf.keras.Model, unfrozen_layers: int) -> list[tf.Variable]:
    """Returns what is learnt while all but the last layers of the backbone are frozen.

    Args:
        model: As `build` makes it.
        unfrozen_layers: How many layers with weights of the backbone, its last ones, are learnt; -1: all.
    """
    layers = _learnable_layers(model)
    frozen = [] if unfrozen_layers == ALL_LAYERS else layers[: max(len(layers) - unfrozen_layers, 0)]
    ids = {id(weight) for layer in frozen for weight in layer.trainable_weights}
    return [weight for weight in model.trainable_variables if id(weight) not in ids]


def rate_shares(model: tf.keras.Model, depth_share: float) -> list[float]:
    """Returns what each trainable variable takes of the learning rate, where blocks take less the earlier they come.

    Args:
        model: As `build` makes it.
        depth_share: What a block of the backbone takes of the rate of the block behind it; the last takes all of it,
            and so does the head. Stem and top are blocks of their own.
    """
    layers = _learnable_layers(model)
    # All backbones name their layers so: stem_conv, block1a_expand_conv or dark2_csp, top_conv.
    block_of = {layer.name: re.findall(r"^[a-z]+\d?", layer.name)[0] for layer in layers}
    last_first = list(dict.fromkeys(block_of[layer.name] for layer in reversed(layers)))
    shares = {
        id(weight): depth_share ** last_first.index(block_of[layer.name])
        for layer in layers
        for weight in layer.trainable_weights
    }
    return [shares.get(id(weight), 1.0) for weight in model.trainable_variables]


class Standardization(tf.keras.layers.Layer):
    """Gives each image the mean and the spread of ImageNet's grey levels, in [0, 1] as before; in float32."""

    def __init__(self, **kwargs: object) -> None:
        """Makes it; in float32, since sums over an image would overflow."""
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns float32 [B, H, W, 1] of the same shape."""
        # Black is what lies beyond the film, and what turning a crop leaves in its corners: it counts for nothing.
        shown = tf.cast(images > 0, tf.float32)
        count = tf.maximum(tf.reduce_sum(shown, axis=[1, 2, 3], keepdims=True), 1.0)
        mean = tf.reduce_sum(images, axis=[1, 2, 3], keepdims=True) / count
        variance = tf.reduce_sum(shown * (images - mean) ** 2, axis=[1, 2, 3], keepdims=True) / count
        even = shown * (images - mean) / (tf.sqrt(variance) + _LEAST_SPREAD)
        return even * backbones.GREY_STD + backbones.GREY_MEAN


class Dropout(tf.keras.layers.Layer):
    """Leaves out features at random: a function of each image's position in the stream, and of nothing else.

    Keras's own draws from a generator whose state no checkpoint holds: a resumed run would differ from one that was
    never stopped.
    """

    def __init__(self, share: float, **kwargs: object) -> None:
        """Makes it; `share` of the features are left out, and the others made larger for it."""
        super().__init__(**kwargs)
        self._share = share

    def call(self, features: tf.Tensor, position: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns [B, F], for features [B, F] and int64 [B]."""
        if not training or not self._share:
            return features
        kept = seeds.kept(tf.constant([_DROPOUT_SEED, 0], tf.int32), position, features.shape[-1], self._share)
        return tf.where(kept, features / (1 - self._share), tf.zeros_like(features))

    def get_config(self) -> dict:
        """See `keras.layers.Layer`."""
        return {**super().get_config(), "share": self._share}


class _ChannelsToBatch(tf.keras.layers.Layer):
    """Makes each channel an image of its own: [B, H, W, C] to [B * C, H, W, 1].

    In float32: bfloat16 has 8 bits of precision, fewer than a mammogram's grey levels.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, images: tf.Tensor) -> tf.Tensor:
        _, height_px, width_px, _ = images.shape
        return tf.reshape(tf.transpose(images, [0, 3, 1, 2]), [-1, height_px, width_px, 1])


class _ConcatenateChannels(tf.keras.layers.Layer):
    """Joins the features of the channels that `_ChannelsToBatch` has taken apart: [B * C, F] to [B, C * F]."""

    def __init__(self, channels: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._channels = channels

    def call(self, features: tf.Tensor) -> tf.Tensor:
        return tf.reshape(features, [-1, self._channels * features.shape[-1]])

    def get_config(self) -> dict:
        return {**super().get_config(), "channels": self._channels}


class _FeatureStandardization(tf.keras.layers.Layer):
    """Gives each feature the mean 0 and the spread 1 that it has over the training images; in float32."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})

    def build(self, input_shape: tf.TensorShape) -> None:
        self.mean = self.add_weight("mean", input_shape[-1:], initializer="zeros", trainable=False)
        self.spread = self.add_weight("spread", input_shape[-1:], initializer="ones", trainable=False)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        return (features - self.mean) / self.spread


def _pool(head: str, levels: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns one vector of features for each image, [N, F]."""
    if head == "study":
        (top,) = levels
        return tf.keras.layers.Flatten(name="flatten")(tf.keras.layers.MaxPooling2D(name="max_pooling")(top))
    pooled = []
    for name, features in zip(_LEVELS[head], levels, strict=True):
        pooled.append(tf.keras.layers.GlobalAveragePooling2D(name=f"mean_{name}")(features))
        if head == "modern":
            pooled.append(tf.keras.layers.GlobalMaxPooling2D(name=f"largest_{name}")(features))
    return tf.keras.layers.Concatenate(name="joined")(pooled)


def _before_logits(head: str, features: tf.Tensor) -> tf.Tensor:
    if head == "linear":
        return _FeatureStandardization(name=_STATISTICS)(features)
    normal = tf.keras.layers.BatchNormalization(name="normalization")(features)
    if head == "modern":
        return normal
    return tf.keras.layers.Dense(_STUDY_UNITS, activation="relu", name="hidden")(normal)


def _learnable_layers(model: tf.keras.Model) -> list[tf.keras.layers.Layer]:
    """All layers of the backbone that have something to learn, from the image on."""
    return [layer for layer in _flat(model.get_layer("backbone")) if layer.trainable_weights]


def _flat(model: tf.keras.Model) -> list[tf.keras.layers.Layer]:
    """All layers that are no models themselves, from the image on."""
    return [
        inner for layer in model.layers for inner in (_flat(layer) if isinstance(layer, tf.keras.Model) else [layer])
    ]
