"""Runs a stage's model over a split: each image once, on all replicas."""

import collections
import copy
import pathlib
import pickle
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
import tensorflow as tf

from mammo.common import progress
from mammo.data import pipeline
from mammo.data.batch import Batch, grey_levels
from mammo.data.tracing import compiled
from mammo.models import building
from mammo.stages.stage import Evaluator, Predictions, Stage
from mammo.training import agreement, checkpoints, cluster

_SILENT_S = 10.0  # a longer evaluation shows its progress
_MOST_WAITING = 2  # batches that are predicted and not yet taken: enough that neither side waits, and little memory

_Structure = TypeVar("_Structure", Batch, Predictions)


class Sink(Protocol):
    """Takes the predictions for each batch; every `Evaluator` is one."""

    def update(self, batch: Batch, predictions: Predictions) -> None:
        """Takes the predictions for one batch, both as numpy arrays."""

    @property
    def image_count(self) -> int:
        """Number of images that will come."""


class Evaluation:
    """Evaluates one split, as often as needed; the graph is traced once, for batches of one size."""

    def __init__(
        self, stage: Stage, model: tf.keras.Model, strategy: tf.distribute.Strategy, split: str, *, xla: bool = False
    ) -> None:
        """Prepares.

        Args:
            stage: It reads the split, predicts, and makes the evaluator.
            model: The model; each `run` uses its weights as they are then.
            strategy: The devices to run on.
            split: "validation" or "test".
            xla: Whether the network is compiled.

        Raises:
            errors.InputError: The split is empty, or a record is damaged.
        """
        self.stage = stage
        self.model = model
        self._strategy = strategy
        self.split = split
        self._dataset = self._read(split)

        network = compiled(lambda inputs, training: model(inputs, training=training), xla=True) if xla else model

        @tf.function(reduce_retracing=True, autograph=False)
        def predict(batch: Batch) -> Predictions:
            return strategy.run(lambda part: stage.predict(network, grey_levels(part.image)), args=(batch,))

        self._predict = predict

    def on(self, split: str) -> "Evaluation":
        """Returns the evaluation of another split with what was traced, and compiled, for this one.

        Raises:
            errors.InputError: As above.
        """
        other = copy.copy(self)
        other.split, other._dataset = split, self._read(split)
        return other

    def run(self) -> Evaluator:
        """Predicts every image and returns the evaluator that has seen them all, those of other workers too.

        Raises:
            errors.InputError: A record has been damaged since.
        """
        evaluator = self.stage.evaluator(self.split)
        self.run_into(evaluator)
        if cluster.current().count > 1:
            for seen in agreement.exchange(self._strategy, pickle.dumps(evaluator.seen)):
                evaluator.take(pickle.loads(seen))
        return evaluator

    def run_into(self, sink: Sink) -> None:
        """Predicts every image.

        Raises:
            errors.InputError: A record has been damaged since.
        """
        try:
            self._run(sink)
        except tf.errors.OpError as error:
            raise pipeline.explain(self.stage.shards, self.split, error) or error from None

    def _read(self, split: str) -> tf.distribute.DistributedDataset:
        return self._strategy.distribute_datasets_from_function(
            lambda context: self.stage.build_dataset(split, context)
        )

    def _run(self, sink: Sink) -> None:
        """Predicts batch after batch, while what the last ones gave is fetched and taken beside it, in order."""
        waiting: collections.deque[Future[None]] = collections.deque()
        with progress.bar(sink.image_count, f" {self.split} image", delay_s=_SILENT_S) as bar, _one_thread() as beside:

            def take(batch: Batch, predictions: Predictions) -> None:
                for part, predicted in zip(self._parts(batch), self._parts(predictions), strict=True):
                    sink.update(part, predicted)
                    bar.update(int(part.is_real.sum()))

            for batch in self._dataset:
                waiting.append(beside.submit(take, batch, self._predict(batch)))
                if len(waiting) > _MOST_WAITING:
                    waiting.popleft().result()
            for taken in waiting:
                taken.result()

    def _parts(self, structure: _Structure) -> list[_Structure]:
        """Returns each replica's part of a structure of tensors, as numpy arrays."""
        values = [self._strategy.experimental_local_results(value) for value in tf.nest.flatten(structure)]
        return [
            tf.nest.pack_sequence_as(structure, [np.asarray(value) for value in replica])
            for replica in zip(*values, strict=True)
        ]


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="evaluation")


def of_best(workdir: pathlib.Path, stage: Stage, strategy: tf.distribute.Strategy, split: str) -> Evaluation:
    """Makes an evaluation of the best weights of a run.

    Raises:
        mammo.common.errors.InputError: The run has none yet, or they cannot be used.
    """
    return Evaluation(stage, load_best(workdir, stage, strategy), strategy, split)


def load_best(workdir: pathlib.Path, stage: Stage, strategy: tf.distribute.Strategy) -> tf.keras.Model:
    """Builds a stage's model with the best weights of a run.

    Raises:
        mammo.common.errors.InputError: The run has none yet, or they cannot be used.
    """
    with strategy.scope():
        model = building.build(stage.plan)
    checkpoints.load_best(workdir, model)
    return model
