"""What the training loop knows of a stage: data, model, augmentation, loss, prediction, evaluation."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import tensorflow as tf

from mammo.config.run import RunConfig
from mammo.data.batch import Batch, Detections
from mammo.data.shards import Shards
from mammo.metrics.figures import Figures
from mammo.models.plans import Plan


class LossSums(NamedTuple):
    """The losses of one replica, not yet normalised.

    A step adds both up over micro-batches and replicas, and divides the one by the other, so that the update does not
    depend on how a global batch was split.

    Attributes:
        total: float32 [], what is minimised, times `normaliser`.
        normaliser: float32 [], what the sums are divided by once it is added up over the global batch, at least 1.
        parts: Sums to show, float32 [] each, by name; normalised in the same way.
    """

    total: tf.Tensor
    normaliser: tf.Tensor
    parts: Mapping[str, tf.Tensor]


class Phase(NamedTuple):
    """A part of training in which the same weights are learnt.

    Attributes:
        first_step: From which on.
        rate_share: What the learning rate of the whole run is multiplied by.
    """

    first_step: int
    rate_share: float


WHOLE_RUN = (Phase(0, 1.0),)


Predictions: TypeAlias = Detections | np.ndarray
"""What a model makes of a batch: detections, or probabilities, float32 [B, C]; numpy arrays, or tensors in a graph."""


Outputs: TypeAlias = tf.Tensor | Mapping[str, tf.Tensor]
"""What a network gives: logits, or a tensor for each of its heads."""


class Evaluator(Protocol):
    """Collects what a model makes of each batch of a split, and computes figures of it."""

    def update(self, batch: Batch, predictions: Predictions) -> None:
        """Takes the predictions for one batch, both as numpy arrays."""

    def report(self) -> Figures:
        """Returns all figures, with intervals, for report.json."""

    def scalars(self) -> dict[str, float]:
        """Returns the figures to watch while training, by name."""

    @property
    def seen(self) -> Mapping[int, Any]:
        """What was seen so far, by the key of the image."""

    def take(self, seen: Mapping[int, Any]) -> None:
        """Takes what another evaluator of the same split, at another worker, has seen."""

    def join(self, other: "Evaluator") -> None:
        """Takes what an evaluator of the same kind has seen of other images."""

    @property
    def image_count(self) -> int:
        """Number of images in the split."""

    def pictures(self) -> np.ndarray:
        """Returns some images with truth and predictions drawn on them: uint8 [N, H, W, 3]."""


class Stage(Protocol):
    """One trained model, and the data to use it on. It describes, and owns no variables.

    Attributes:
        plan: What the model is.
        shards: What it reads: views, or crops.
        best_by: Which of its evaluator's scalars tells the best checkpoint; more is better.
    """

    @property
    def plan(self) -> Plan: ...  # noqa: D102
    @property
    def shards(self) -> Shards: ...  # noqa: D102
    @property
    def best_by(self) -> str: ...  # noqa: D102

    def build_dataset(self, split: str, context: tf.distribute.InputContext) -> tf.data.Dataset:
        """Makes the dataset of one worker, to evaluate: batches of one replica, every image of the split once.

        Args:
            split: "train", "validation" or "test".
            context: Which worker of how many, and over how many replicas a global batch is split.
        """

    def predict(self, model: tf.keras.Model, images: tf.Tensor) -> Predictions:
        """Returns what the model finds in images, float32 [B, H, W, 1], as a structure of tensors [B, ...]."""

    def evaluator(self, split: str) -> Evaluator:
        """Makes an evaluator for one split."""


class TrainingStage(Stage, Protocol):
    """One model to train.

    Attributes:
        config: Configuration of the run.
        loss_parts: Names of the parts of its loss.
        phases: Parts of training, the first from step 0.
    """

    @property
    def config(self) -> RunConfig: ...  # noqa: D102
    @property
    def loss_parts(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def phases(self) -> tuple[Phase, ...]: ...  # noqa: D102

    def build_training_dataset(self, context: tf.distribute.InputContext, position: int) -> tf.data.Dataset:
        """Makes the endless dataset of one worker, to learn from: batches of one replica.

        Args:
            context: Which worker of how many, and over how many replicas a global batch is split.
            position: How much of the stream an earlier run has used.
        """

    def build_initial_model(self) -> tf.keras.Model:
        """Builds the network as its plan says, and gives it the weights that the configuration begins with."""

    def solve_head(self, model: tf.keras.Model) -> None:
        """Gives a fresh model the head that its training data says it should begin with, where it is so configured."""

    def augment(self, batch: Batch, seed: tf.Tensor) -> Batch:
        """Varies a batch on the accelerator; `seed` is int32 [2]."""

    def learnt(self, model: tf.keras.Model, phase: int) -> list[tf.Variable]:
        """Returns the weights that a phase learns, by its index."""

    def rate_shares(self, model: tf.keras.Model) -> list[float]:
        """Returns what each trainable variable of the model takes of the learning rate."""

    def forward(self, model: tf.keras.Model, batch: Batch) -> Outputs:
        """Returns what a model gives for `batch` in training."""

    def loss(self, batch: Batch, outputs: Outputs) -> LossSums:
        """Returns the losses of what `forward` gave for `batch`."""
