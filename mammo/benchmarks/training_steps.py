"""The training steps of a detector's configuration, as `mammo.training.loop` makes them, to be timed."""

import contextlib
import dataclasses
import io
import math
import pathlib
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from mammo.benchmarks import operations
from mammo.config.run import DetectorConfig
from mammo.data.batch import Batch
from mammo.data.shards import Shards
from mammo.models import anchor_boxes
from mammo.stages import detector
from mammo.stages.detector import DetectorTraining
from mammo.training import loop, optimizers, steps
from mammo.training.state import TrainState
from mammo.training.telemetry import Telemetry

_LOOP_CALLS = 10


class TrainingSteps:
    """The steps that `mammo.training.loop` makes of a configuration.

    Attributes:
        stage: What is trained.
        state: All that a run is at one step.
    """

    def __init__(self, config: DetectorConfig, shards: Shards, strategy: tf.distribute.Strategy) -> None:
        """Builds the network; traces nothing yet.

        Args:
            config: The run; `devices` is not looked at.
            shards: What it learns from.
            strategy: The devices.
        """
        self._strategy = strategy
        options = config.optimizer
        with strategy.scope():
            self.stage = with_plain_anchors(config, shards)
            optimizer = optimizers.build(options, config.train_steps)
            self.state = TrainState(
                self.stage.build_initial_model(), optimizer, options.averages_decay, options.normaliser_decay
            )
        self._run_steps: Any = steps.make_run_steps(self.stage, self.state, strategy)  # a `tf.function`

    def input_batches(self) -> Iterator[Batch]:
        """Batches of the pipeline, as the loop gets them."""
        return iter(
            self._strategy.distribute_datasets_from_function(
                lambda context: self.stage.build_training_dataset(context, 0)
            )
        )

    def repeated(self, batch: Batch) -> Iterator[Batch]:
        """The same batch again and again, out of memory."""
        return iter(
            self._strategy.distribute_datasets_from_function(
                lambda context: tf.data.Dataset.from_tensors(batch).repeat()
            )
        )

    def on(self, batches: Iterator[Batch]) -> Callable[[int], None]:
        """Returns what makes so many steps, in one call, and waits for them."""

        def run(count: int) -> None:
            int(self._run_steps(batches, tf.constant(count), 0).failed_step)

        return run

    def operations_outside(self, batches: Iterator[Batch]) -> int:
        """Counts the operations of a step outside of compiled functions, see `operations.count_outside`."""
        return operations.count_outside(self._run_steps.get_concrete_function(batches, tf.constant(1), 0))

    def in_a_run(self, batches: Iterator[Batch], folder: pathlib.Path) -> Callable[[int], None]:
        """Returns what makes so many steps as the loop does, with its metrics, `log_every_steps` a call."""
        every = self.stage.config.log_every_steps

        def run(count: int) -> None:
            with (
                contextlib.redirect_stderr(io.StringIO()),
                contextlib.closing(Telemetry(folder, 0, count)) as watch,
            ):
                for made in range(0, count, every):
                    steps_now = min(every, count - made)
                    scalars = loop.advance(self._run_steps, batches, self.state, steps_now, self.stage, self._strategy)
                    watch.steps(made, {**scalars, "learning_rate": self.state.learning_rate})

        return run

    def seconds_of_loop(self, batches: Iterator[Batch], folder: pathlib.Path) -> float:
        """Does all that the loop does for one call, but with no step in it, some times: the median."""
        taken_s = []
        with (
            contextlib.redirect_stderr(io.StringIO()),  # the progress of no step, whose loss is no number
            contextlib.closing(Telemetry(folder, 0, _LOOP_CALLS)) as watch,
        ):
            for call in range(_LOOP_CALLS):
                start = time.perf_counter()
                scalars = loop.advance(self._run_steps, batches, self.state, 0, self.stage, self._strategy)
                watch.steps(call, {**scalars, "learning_rate": self.state.learning_rate})
                taken_s.append(time.perf_counter() - start)
        return statistics.median(taken_s)


def with_plain_anchors(config: DetectorConfig, shards: Shards) -> DetectorTraining:
    """Makes a detector with RetinaNet's own anchors: those fitted to drawn lesions, all of one size, have one level."""
    plan = detector.make_plan(config, shards)
    anchors = anchor_boxes.fit(np.zeros((0, 4)), plan.height_px, plan.width_px, config.model.max_levels)
    return detector.for_training(config, dataclasses.replace(plan, anchors=anchors), shards)


def rate_of(run: Callable[[int], None], batch_size: int, seconds: float) -> Callable[[], float]:
    """Warms up, finds how many steps take so many seconds, and returns what makes these: their images a second."""
    run(1)  # traces
    count, taken_s = 1, seconds_of(run, 1)
    while taken_s < seconds / 4:
        count *= 2
        taken_s = seconds_of(run, count)
    count = math.ceil(count * seconds / taken_s)
    return lambda: count * batch_size / seconds_of(run, count)


def seconds_of(run: Callable[[int], None], count: int) -> float:
    """Returns how long so many steps take."""
    start = time.perf_counter()
    run(count)
    return time.perf_counter() - start
