"""The detector: KerasCV's RetinaNet on a backbone of ours, with a pyramid and heads of any width that XLA compiles.

Lin et al. 2017, "Focal Loss for Dense Object Detection". KerasCV's own pyramid and heads are fixed at 256 channels, and
its upsampling has a gradient that XLA does not compile.
"""

import math
import warnings

import keras_cv
import tensorflow as tf

from mammo.config.model import NO_WEIGHTS, DetectorNetwork
from mammo.models import anchor_boxes, backbones, precision
from mammo.models.anchor_grid import Anchors

# KerasCV's models ask Keras for what it warns of whenever a checkpoint is made or read.
warnings.filterwarnings("ignore", message=r".*updates` will be removed", module="keras_cv")

# Every anchor starts out as background with this probability, or the many easy ones would drown the first steps:
# Lin et al. 2017, section 4.1.
_PRIOR_PROBABILITY = 0.01


def build(
    network: DetectorNetwork,
    anchors: Anchors,
    class_count: int,
    height_px: int,
    width_px: int,
    weights: str = NO_WEIGHTS,
) -> keras_cv.models.RetinaNet:
    """Makes the network; pyramid and heads have weights drawn at random.

    Args:
        network: What it is like.
        anchors: What its boxes are relative to; their levels are the pyramid's.
        class_count: 2 for benign and cancer, 1 for a class-blind detector.
        height_px: Of the images, a multiple of 32.
        width_px: Of the images, a multiple of 32.
        weights: Of the backbone, see `backbones.build`.

    Returns:
        A model of float32 [B, H, W, 1]. It gives, in float32 whatever the precision, "box": [B, A, 4], as `anchors`
        encodes them, and "classification": logits [B, A, class_count].
    """
    backbone = backbones.build(network.backbone, weights, height_px, width_px, backbones.BATCH_NORM_MOMENTUM)
    per_cell = anchors.per_cell
    prior = tf.keras.initializers.Constant(-math.log((1 - _PRIOR_PROBABILITY) / _PRIOR_PROBABILITY))
    pyramid = FeaturePyramid(network.pyramid_channels, len(anchors.levels), name="pyramid")
    classification_head = Head(
        network.pyramid_channels, network.head_depth, per_cell * class_count, prior, name="classification_head"
    )
    box_head = Head(network.pyramid_channels, network.head_depth, per_cell * 4, "zeros", name="box_head")
    with precision.single():  # of the layers that only join what the heads give, and would round it
        return keras_cv.models.RetinaNet(
            backbone=backbone,
            num_classes=class_count,
            bounding_box_format="xyxy",
            anchor_generator=anchor_boxes.generator(anchors),
            feature_pyramid=pyramid,
            classification_head=classification_head,
            box_head=box_head,
            name="retinanet",
        )


class FeaturePyramid(tf.keras.layers.Layer):
    """Joins coarse and fine features, from P3 upwards: Lin et al. 2017, "Feature Pyramid Networks".

    Levels above P5 are made by convolutions of stride 2, as RetinaNet makes P6 and P7.
    """

    def __init__(self, channels: int, level_count: int, **kwargs: object) -> None:
        """Makes the layers.

        Args:
            channels: Of each level.
            level_count: How many are given, from P3 on.
            **kwargs: As of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self._lateral = [tf.keras.layers.Conv2D(channels, 1, name=f"lateral_p{level}") for level in (3, 4, 5)]
        self._smooth = [
            tf.keras.layers.Conv2D(channels, 3, padding="same", name=f"p{level}")
            for level in range(3, 3 + min(level_count, 3))
        ]
        self._coarser = [
            tf.keras.layers.Conv2D(channels, 3, strides=2, padding="same", name=f"p{level}")
            for level in range(6, 3 + level_count)
        ]

    def call(self, features: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        """Returns [B, H / stride, W / stride, channels] for each level, the finest first."""
        p3, p4, p5 = (
            lateral(features[level]) for lateral, level in zip(self._lateral, ("P3", "P4", "P5"), strict=True)
        )
        p4 = p4 + _double(p5)
        p3 = p3 + _double(p4)
        levels = [smooth(level) for smooth, level in zip(self._smooth, (p3, p4, p5), strict=False)]
        for coarser in self._coarser:
            levels.append(coarser(tf.nn.relu(levels[-1])))
        return levels


def _double(feature: tf.Tensor) -> tf.Tensor:
    """Doubles height and width by repetition, whose gradient XLA compiles: `UpSampling2D`'s it does not."""
    _, height, width, channels = feature.shape
    wide = tf.tile(feature[:, :, None, :, None, :], [1, 1, 2, 1, 2, 1])
    return tf.reshape(wide, [-1, 2 * height, 2 * width, channels])


class Head(tf.keras.layers.Layer):
    """Convolutions shared by all levels; the last layer gives float32."""

    def __init__(
        self,
        channels: int,
        depth: int,
        outputs: int,
        bias_initializer: str | tf.keras.initializers.Initializer,
        **kwargs: object,
    ) -> None:
        """Makes the layers.

        Args:
            channels: Of each convolution but the last.
            depth: Convolutions before the last.
            outputs: Channels of the last: anchors a cell times what is said of each.
            bias_initializer: Of the last.
            **kwargs: As of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self._hidden = [
            tf.keras.layers.Conv2D(
                channels, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=f"conv_{index}"
            )
            for index in range(depth)
        ]
        self._last = tf.keras.layers.Conv2D(
            outputs,
            3,
            padding="same",
            kernel_initializer=tf.keras.initializers.RandomNormal(stddev=0.01),  # Lin et al. 2017, section 4.1
            bias_initializer=bias_initializer,
            name="last",
        )

    def call(self, feature: tf.Tensor) -> tf.Tensor:
        """Returns float32 [B, H, W, outputs]."""
        for layer in self._hidden:
            feature = layer(feature)
        return tf.cast(self._last(feature), tf.float32)
