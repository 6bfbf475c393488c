"""Writes a network as a SavedModel whose weights are constants of its graph.

Such a graph loads in a tenth of a second, where one of Keras's layers and variables takes many, and TensorFlow folds
batch normalisation into the convolutions before it.
"""

import pathlib
from collections.abc import Mapping

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from mammo.data.batch import Detections
from mammo.inference import bundles
from mammo.stages.classifier import ClassifierStage
from mammo.stages.detector import DetectorStage

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    bundles.DETECT: Detections._fields,
    bundles.CLASSIFY: ("probabilities",),
}
"""What the signatures give, by name. All take "image", float32 [B, H, W, 1] in [0, 1]."""


Stage = DetectorStage | ClassifierStage


def save(stage: Stage, network: tf.keras.Model, folder: pathlib.Path) -> None:
    """Writes what a stage predicts with a network, for batches of any number.

    Args:
        stage: Of which `predict` is written.
        network: With its weights, in float32.
        folder: Of the SavedModel.
    """
    image = tf.TensorSpec([None, stage.plan.height_px, stage.plan.width_px, 1], tf.float32, name="image")
    traced = tf.function(lambda images: stage.predict(network, images)).get_concrete_function(image)
    signature = bundles.signature_of(stage.plan)
    module = _Frozen(convert_to_constants.convert_variables_to_constants_v2(traced), SIGNATURES[signature])
    tf.saved_model.save(
        module,
        str(folder),
        signatures={signature: module.call.get_concrete_function(image)},
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),  # constants have none
    )


class _Frozen(tf.Module):
    """A frozen graph whose outputs have names."""

    def __init__(self, graph: tf.types.experimental.ConcreteFunction, names: tuple[str, ...]) -> None:
        super().__init__()
        self._graph, self._names = graph, names

    @tf.function(autograph=False)
    def call(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(self._names, tf.nest.flatten(self._graph(image)), strict=True))
