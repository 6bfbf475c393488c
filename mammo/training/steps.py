"""One call of many steps: augment, model, loss, gradients over micro-batches and replicas, update."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf

from mammo.data.batch import Batch
from mammo.stages.stage import LossSums, TrainingStage
from mammo.training.state import TrainState


class StepsResult(NamedTuple):
    """What some steps in one call came to.

    Attributes:
        scalars: float32 [], means over the steps, by name.
        position: int64 [], where the stream of data goes on.
        failed_step: int64 [], the first whose loss or gradient was not finite, from 0 in this call; -1: none.
        failed_keys: int64 [global batch], of the images of that step.
    """

    scalars: dict[str, tf.Tensor]
    position: tf.Tensor
    failed_step: tf.Tensor
    failed_keys: tf.Tensor


RunSteps = Callable[[Iterator[Batch], tf.Tensor, int], StepsResult]


def make_run_steps(stage: TrainingStage, state: TrainState, strategy: tf.distribute.Strategy) -> RunSteps:
    """Makes the function of (distributed iterator, number of steps, index of the phase) that trains.

    The sums of the loss are added up over micro-batches and replicas, and so are their gradients; then both are divided
    by the normaliser of the whole global batch, or by its running mean, as the state is made. So an update does not
    depend on how the batch was split, and a batch without a lesion teaches as well.
    """
    config = stage.config
    clip_norm = config.optimizer.clip_norm
    gradients_of = _make_gradients(stage, state, xla=config.xla)
    names = ("loss/total", *(f"loss/{part}" for part in stage.loss_parts), "gradient_norm", "normaliser")
    # An activation may make a finite loss of what is none; its gradient is none. Under loss scaling, though, a gradient
    # overflows now and then, and the optimiser leaves that step out.
    checked = names.index("gradient_norm") + (0 if _scales_loss(state) else 1)

    def replica_step(phase: int, micro_batches: Sequence[Batch]) -> tf.Tensor:
        seed = tf.constant([config.seed, 0], tf.int32)
        learnt = stage.learnt(state.model, phase)
        done = [gradients_of(stage.augment(batch, seed), phase) for batch in micro_batches]
        done = tf.nest.map_structure(lambda *parts: tf.add_n(parts), *done)
        sums, gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, done)
        normaliser = state.update_normaliser(sums.normaliser)
        gradients = [gradient / normaliser for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        if clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, use_norm=norm)
        pairs = zip(gradients, learnt, strict=True)
        state.optimizer.apply_gradients(pairs, skip_gradients_aggregation=True)
        state.update_averages()
        parts = [sums.parts[part] / normaliser for part in stage.loss_parts]
        return tf.stack([sums.total / normaliser, *parts, norm, normaliser])

    @tf.function(reduce_retracing=True)
    def run_steps(iterator: Iterator[Batch], count: tf.Tensor, phase: int = 0) -> StepsResult:
        totals = tf.zeros([len(names)])
        position, failed_step = tf.constant(-1, tf.int64), tf.constant(-1, tf.int64)
        failed_keys = tf.zeros([0], tf.int64)
        for index in tf.range(count):
            tf.autograph.experimental.set_loop_options(shape_invariants=[(failed_keys, tf.TensorShape([None]))])
            batches = [next(iterator) for _ in range(config.accumulate)]
            # The same on each replica, being made of sums over all of them.
            made = strategy.experimental_local_results(strategy.run(replica_step, args=(phase, batches)))[0]
            totals += made
            position = tf.reduce_max(_joined(strategy, [batch.position for batch in batches]))
            if failed_step < 0 and not tf.reduce_all(tf.math.is_finite(made[:checked])):
                failed_step = tf.cast(index, tf.int64)
                failed_keys = _joined(strategy, [batch.key for batch in batches])
        means = tf.unstack(totals / tf.cast(count, tf.float32))
        return StepsResult(dict(zip(names, means, strict=True)), position + 1, failed_step, failed_keys)

    return run_steps


def _make_gradients(stage: TrainingStage, state: TrainState, *, xla: bool) -> Callable[..., object]:
    """Makes the function that gives the sums of one micro-batch, and their gradients."""
    scaling = _scales_loss(state)

    def gradients_of(batch: Batch, phase: int) -> tuple[LossSums, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            sums = stage.loss(batch, stage.forward(state.model, batch))
            minimised = state.optimizer.get_scaled_loss(sums.total) if scaling else sums.total
        gradients = tape.gradient(minimised, stage.learnt(state.model, phase))
        return sums, state.optimizer.get_unscaled_gradients(gradients) if scaling else gradients

    # A function of its own only where it is compiled: replicas share statistics, which they cannot from inside of one.
    return tf.function(gradients_of, jit_compile=True) if xla else gradients_of


def _scales_loss(state: TrainState) -> bool:
    return isinstance(state.optimizer, tf.keras.mixed_precision.LossScaleOptimizer)


def _joined(strategy: tf.distribute.Strategy, values: list[object]) -> tf.Tensor:
    """Joins what each replica has of some tensors [B]."""
    return tf.concat([part for value in values for part in strategy.experimental_local_results(value)], axis=0)
