"""Writes a network as a SavedModel whose weights are constants of its graph.

Such a graph loads in a tenth of a second, where one of Keras's layers and variables takes many, and TensorFlow folds
batch normalisation into the convolutions before it.
"""

import pathlib
from collections.abc import Mapping

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from mammo.data import batch as batch_lib
from mammo.inference import bundle
from mammo.stages import stage as stage_lib

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    bundle.DETECT: batch_lib.Detections._fields,
    bundle.CLASSIFY: ("probabilities",),
}
"""What the signatures give, by name. All take "image", float32 [B, H, W, 1] in [0, 1]."""


def save(stage: stage_lib.Stage, network: tf.keras.Model, folder: pathlib.Path) -> str:
    """Writes what a stage predicts with a network, for batches of any number.

    Args:
        stage: Of which `predict` is written.
        network: With its weights, in float32.
        folder: Of the SavedModel.

    Returns:
        The name of its signature.
    """
    image = tf.TensorSpec([None, *stage.image_size_px, 1], tf.float32, name="image")
    traced = tf.function(lambda images: stage.predict(network, images)).get_concrete_function(image)
    is_detector = isinstance(traced.structured_outputs, batch_lib.Detections)
    signature = bundle.DETECT if is_detector else bundle.CLASSIFY
    module = _Frozen(convert_to_constants.convert_variables_to_constants_v2(traced), SIGNATURES[signature])
    tf.saved_model.save(
        module,
        str(folder),
        signatures={signature: module.call.get_concrete_function(image)},
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),  # constants have none
    )
    return signature


class _Frozen(tf.Module):
    """A frozen graph whose outputs have names."""

    def __init__(self, graph: tf.types.experimental.ConcreteFunction, names: tuple[str, ...]) -> None:
        super().__init__()
        self._graph, self._names = graph, names

    @tf.function(autograph=False)
    def call(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(self._names, tf.nest.flatten(self._graph(image)), strict=True))
