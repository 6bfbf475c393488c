"""Every view of a split, as a model is asked about it: those that it would not be judged by, too, or mirrored."""

import dataclasses

import numpy as np
import tensorflow as tf

from mammo.concepts import mirroring
from mammo.concepts.evidence import Predictions
from mammo.data import pipeline
from mammo.data.batch import Batch, Detections
from mammo.stages.classifier import ClassifierStage
from mammo.stages.detector import DetectorStage


def every_view(stage: DetectorStage | ClassifierStage, *, is_mirrored: bool = False) -> DetectorStage | ClassifierStage:
    """Returns a stage that reads every view of its shards.

    Args:
        stage: Of a trained model.
        is_mirrored: Whether a detector is shown the mirror images of its views, see `mirroring`.
    """
    if isinstance(stage, ClassifierStage):
        return dataclasses.replace(stage, reading=dataclasses.replace(stage.reading, classes=(pipeline.LABELS,)))
    return _MirroredDetector(**vars(stage)) if is_mirrored else stage


class Collected:
    """Keeps the predictions of each image; meets `mammo.training.evaluating.Sink`.

    Attributes:
        image_count: How many images will come.
    """

    def __init__(self, image_count: int) -> None:
        """Starts with no image."""
        self.image_count = image_count
        self._rows: dict[int, np.ndarray | Detections] = {}

    def update(self, batch: Batch, predictions: np.ndarray | Detections) -> None:
        """Takes the predictions for one batch, both as numpy arrays; what pads the batch is left out."""
        for row in np.flatnonzero(batch.is_real):
            self._rows[int(batch.key[row])] = tf.nest.map_structure(lambda value, row=row: value[row], predictions)

    def predictions(self) -> Predictions:
        """Returns what was predicted, in the order of the keys."""
        keys = sorted(self._rows)
        return Predictions(np.array(keys, np.int64), [self._rows[key] for key in keys])


class _MirroredDetector(DetectorStage):
    """A detector that is shown the mirror images of its views."""

    def build_dataset(self, split: str, context: tf.distribute.InputContext) -> tf.data.Dataset:
        """See `mammo.stages.stage.Stage`."""
        described = self.shards.describe(split)
        keys = tf.constant(list(described), tf.int64)
        heights = tf.constant([info.placement.content_height_px for info in described.values()], tf.int32)
        content_heights = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, heights), 0)

        def mirrored(batch: Batch) -> Batch:
            images = tf.map_fn(
                lambda element: mirroring.mirror_tensor(*element),
                (batch.image, content_heights.lookup(batch.key)),
                fn_output_signature=tf.TensorSpec(batch.image.shape[1:], batch.image.dtype),
            )
            return batch._replace(image=images)

        return super().build_dataset(split, context).map(mirrored)
