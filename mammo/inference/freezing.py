"""Writes a network as a SavedModel whose weights are constants of its graph.

Such a graph loads in a tenth of a second, where one of Keras's layers and variables takes many, and TensorFlow folds
batch normalisation into the convolutions before it.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from mammo.clinical import labels
from mammo.data.batch import Detections
from mammo.inference import bundles
from mammo.inference.bundles import Network
from mammo.stages.classifier import ClassifierStage
from mammo.stages.detector import DetectorStage

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    bundles.DETECT: Detections._fields,
    bundles.CLASSIFY: ("probabilities",),
}
"""What the signatures give, by name. All take "image", float32 [B, H, W, 1] in [0, 1]."""


Stage = DetectorStage | ClassifierStage


def save(stage: Stage, network: tf.keras.Model, folder: pathlib.Path) -> Network:
    """Writes what a stage predicts with a network, for batches of any number.

    Args:
        stage: Of which `predict` is written.
        network: With its weights, in float32.
        folder: Of the SavedModel.

    Returns:
        What a bundle says of it.
    """
    image = tf.TensorSpec([None, *stage.image_size_px, 1], tf.float32, name="image")
    traced = tf.function(lambda images: stage.predict(network, images)).get_concrete_function(image)
    signature = bundles.DETECT if isinstance(stage, DetectorStage) else bundles.CLASSIFY
    module = _Frozen(convert_to_constants.convert_variables_to_constants_v2(traced), SIGNATURES[signature])
    tf.saved_model.save(
        module,
        str(folder),
        signatures={signature: module.call.get_concrete_function(image)},
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),  # constants have none
    )
    if isinstance(stage, DetectorStage):
        classes = ("lesion",) if stage.is_class_blind else labels.LESION_NAMES
        return Network(signature, *stage.image_size_px, classes, anchors=dataclasses.asdict(stage.anchors))
    crop = stage.input_options.crop
    crop_fields = None if crop is None else dataclasses.asdict(crop)
    return Network(signature, *stage.image_size_px, stage.classes.names, crop=crop_fields)


class _Frozen(tf.Module):
    """A frozen graph whose outputs have names."""

    def __init__(self, graph: tf.types.experimental.ConcreteFunction, names: tuple[str, ...]) -> None:
        super().__init__()
        self._graph, self._names = graph, names

    @tf.function(autograph=False)
    def call(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(self._names, tf.nest.flatten(self._graph(image)), strict=True))
