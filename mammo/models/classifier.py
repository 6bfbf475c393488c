"""The classifier of whole views and of crops: a backbone with the 2022 study's head, or with a plainer one."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import tensorflow as tf

from mammo.augment import seeds
from mammo.common.errors import InputError
from mammo.models import backbones, precision

ALL_LAYERS = -1  # of a backbone are learnt
_MODERN_LEVELS = ("P3", "P4", backbones.TOP)
_STUDY_UNITS = 10  # of the hidden layer: the 2022 study
_LEAST_SPREAD = 1e-2  # of an image: the grain of an even one is not made its contrast
_DROPOUT_SEED = 0  # folded with each image's position in the stream, which the run's seed has shuffled


@dataclasses.dataclass(frozen=True)
class ClassifierModelConfig:
    """What the network is like.

    Attributes:
        backbone: One of `backbones.NAMES`.
        weights: Of the backbone: "imagenet", "none" or the path of a file.
        head: "study": max pooling by two, flatten, batch normalisation, ten units with ReLU, dropout, softmax.
            "modern": the mean and the maximum of each feature at strides 8, 16 and 32, batch normalisation, dropout,
            softmax. It has few weights, and does not care where in a view a lesion is; and since small lesions are
            seen early in the backbone, it learns in half the steps that features of the last stride take.
        dropout: Share of features that are left out in training; 0.2 in the study.
        batch_norm_momentum: Of the backbone.
        keeps_statistics: Whether batch normalisation of a pretrained backbone keeps its statistics throughout, frozen
            or not: those of few mammograms a step would undo what it has learnt from photographs
            (https://keras.io/guides/transfer_learning). Not for one that comes from drawn mammograms, say.
        standardizes: Whether each image is given the mean and the spread of grey that ImageNet has: a crop of dense
            tissue is then as dark as one of fat, and what is left is its structure.
    """

    backbone: str = "efficientnet_b0"
    weights: str = "imagenet"
    head: Literal["study", "modern"] = "modern"
    dropout: float = 0.2
    batch_norm_momentum: float = 0.99
    keeps_statistics: bool = True
    standardizes: bool = False

    def __post_init__(self) -> None:
        if self.head not in ("study", "modern"):
            raise InputError(f"--config.model.head={self.head} is not known; it is study or modern.")
        if not 0 <= self.dropout < 1:
            raise InputError(f"--config.model.dropout={self.dropout} must be from 0 to below 1.")

    @property
    def is_pretrained(self) -> bool:
        """Whether the backbone comes with weights."""
        return self.weights != "none"


def build(options: ClassifierModelConfig, class_count: int, height_px: int, width_px: int) -> tf.keras.Model:
    """Makes the network.

    Args:
        options: What it is like.
        class_count: How many classes it tells apart.
        height_px: Of the images, a multiple of 32.
        width_px: Of the images, a multiple of 32.

    Returns:
        A model of {"image": float32 [B, H, W, 1], "position": int64 [B]}, the latter as of `batch.Batch`, which dropout
        draws from. It gives logits, float32 [B, class_count] whatever the precision.

    Raises:
        mammo.common.errors.InputError: The backbone is not known, or its weights cannot be had.
    """
    make_head, levels = (_study_head, [backbones.TOP]) if options.head == "study" else (_modern_head, _MODERN_LEVELS)
    backbone = backbones.build(
        options.backbone, options.weights, height_px, width_px, options.batch_norm_momentum, levels
    )
    if options.is_pretrained and options.keeps_statistics:
        for layer in _normalizations(backbone):
            layer.trainable = False
    image = tf.keras.Input((height_px, width_px, 1), name="image")
    position = tf.keras.Input((), dtype=tf.int64, name="position")
    seen = Standardization(name="standardization")(image) if options.standardizes else image
    features = make_head(tf.nest.flatten(backbone(seen)))
    hidden = Dropout(options.dropout, name="dropout")(features, position)
    with precision.single():
        logits = tf.keras.layers.Dense(class_count, name="logits")(hidden)
    return tf.keras.Model({"image": image, "position": position}, logits, name="classifier")


def learnt(model: tf.keras.Model, unfrozen_layers: int) -> list[tf.Variable]:
    """Returns what is learnt while all but the last layers of the backbone are frozen.

    Args:
        model: As `build` makes it.
        unfrozen_layers: How many layers with weights of the backbone, its last ones, are learnt; -1: all.
    """
    backbone = model.get_layer("backbone")
    layers = [layer for layer in _flat(backbone) if layer.trainable_weights]
    frozen = layers if unfrozen_layers == 0 else layers[:-unfrozen_layers] if unfrozen_layers > 0 else []
    ids = {id(weight) for layer in frozen for weight in layer.trainable_weights}
    return [weight for weight in model.trainable_variables if id(weight) not in ids]


class Standardization(tf.keras.layers.Layer):
    """Gives each image the mean and the spread of ImageNet's grey levels, in [0, 1] as before; in float32."""

    def __init__(self, **kwargs: Any) -> None:
        """Makes it; in float32, since sums over an image would overflow."""
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns float32 [B, H, W, 1] of the same."""
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

    def __init__(self, share: float, **kwargs: Any) -> None:
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


def _study_head(levels: Sequence[tf.Tensor]) -> tf.Tensor:
    (top,) = levels
    pooled = tf.keras.layers.Flatten(name="flatten")(tf.keras.layers.MaxPooling2D(name="max_pooling")(top))
    normal = tf.keras.layers.BatchNormalization(name="normalization")(pooled)
    return tf.keras.layers.Dense(_STUDY_UNITS, activation="relu", name="hidden")(normal)


def _modern_head(levels: Sequence[tf.Tensor]) -> tf.Tensor:
    pooled = []
    for name, features in zip(_MODERN_LEVELS, levels, strict=True):
        pooled.append(tf.keras.layers.GlobalAveragePooling2D(name=f"mean_{name}")(features))
        pooled.append(tf.keras.layers.GlobalMaxPooling2D(name=f"largest_{name}")(features))
    joined = tf.keras.layers.Concatenate(name="joined")(pooled)
    return tf.keras.layers.BatchNormalization(name="normalization")(joined)


def _flat(model: tf.keras.Model) -> list[tf.keras.layers.Layer]:
    """All layers that are no models themselves, from the image on."""
    return [
        inner for layer in model.layers for inner in (_flat(layer) if isinstance(layer, tf.keras.Model) else [layer])
    ]


def _normalizations(model: tf.keras.Model) -> list[tf.keras.layers.Layer]:
    return [layer for layer in model.submodules if isinstance(layer, tf.keras.layers.BatchNormalization)]
