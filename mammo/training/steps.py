"""One call of many steps: augment, model, loss, gradients over micro-batches and replicas, update.

With --config.xla a step of a replica is a few compiled functions: augmentation before and after the one operation that
XLA has not, the gradient, the update. Replicas meet in between alone, in one all-reduce of one vector.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf

from mammo.data.batch import Batch
from mammo.data.tracing import as_written, compiled
from mammo.stages.stage import TrainingStage
from mammo.training import distribution, vectors
from mammo.training.state import Copies, TrainState


class StepsResult(NamedTuple):
    """What some steps in one call came to.

    Attributes:
        scalars: float32 [], means over the steps, by name.
        position: int64 [], where the stream of data goes on, by what this worker has seen of it.
        failed_step: int64 [], the first whose loss or gradient was not finite, from 0 in this call; -1: none.
        failed_keys: int64 [N], of the images of that step that this worker has seen.
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
    names = ("loss/total", *(f"loss/{part}" for part in stage.loss_parts), "gradient_norm", "normaliser", "loss_scale")
    # ReLU can hide a NaN in the loss; the gradient norm still shows it. Under loss scaling, though, a gradient
    # overflows now and then, and that update is left out.
    checked = names.index("gradient_norm") + (0 if config.precision == "float16" else 1)
    replicas = _make_replicas(stage, state, strategy)

    @as_written
    def replica_step(phase: int, micro_batches: Sequence[Batch]) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        replica = replicas[int(tf.get_static_value(context.replica_id_in_sync_group)) % len(replicas)]
        seed = tf.constant([config.seed, 0], tf.int32)
        made = tf.add_n([replica.gradients(stage.augment(batch, seed), phase) for batch in micro_batches])
        if strategy.num_replicas_in_sync == 1:
            return replica.update(made, phase)
        # One vector: an all-reduce costs its latency once, however much it carries.
        return replica.update(context.all_reduce(tf.distribute.ReduceOp.SUM, replica.with_statistics(made)), phase)

    @tf.function(reduce_retracing=True)  # with AutoGraph, for the loop
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


class _Replica:
    """The functions of a step on one replica; compiled where the configuration says so.

    Attributes:
        gradients: Of (micro-batch, phase): the sums of its loss and their gradients, as one vector.
        with_statistics: Of that vector, summed over micro-batches: the same, and behind it what the replicas agree on.
        update: Of such a vector, summed over replicas, and the phase: updates the replica's variables, and returns the
            figures of the step, float32 [N].
    """

    def __init__(
        self, stage: TrainingStage, state: TrainState, copies: Copies, statistics: Sequence[tf.Variable], share: float
    ) -> None:
        self._stage, self._state, self._copies = stage, state, copies
        self._statistics, self._share = statistics, share
        self._is_scaled = stage.config.precision == "float16"
        xla = stage.config.xla
        self.gradients = compiled(self._gradients, xla=xla)
        self.with_statistics = compiled(self._with_statistics, xla=xla)
        self.update = compiled(self._update, xla=xla)

    def _gradients(self, batch: Batch, phase: int) -> tf.Tensor:
        stage, model = self._stage, self._state.model
        with tf.GradientTape() as tape:
            sums = stage.loss(batch, stage.forward(model, batch))
            minimised = sums.total * self._copies.loss_scale if self._is_scaled else sums.total
        gradients = tape.gradient(minimised, stage.learnt(model, phase))
        losses = [sums.total, *(sums.parts[part] for part in stage.loss_parts)]
        return vectors.join([sums.normaliser, *losses, *gradients])

    def _with_statistics(self, made: tf.Tensor) -> tf.Tensor:
        return vectors.join([made, *(self._share * statistic for statistic in self._statistics)])

    def _update(self, summed: tf.Tensor, phase: int) -> tf.Tensor:
        copies, loss_count = self._copies, 1 + len(self._stage.loss_parts)
        learnt = self._learnt(phase)
        size = vectors.size_of([copies.learnable[index] for index in learnt])
        count, losses, gradient, agreed = tf.split(summed, [1, loss_count, size, vectors.size_of(self._statistics)])
        for statistic, mean in zip(self._statistics, vectors.split(agreed, self._statistics), strict=True):
            statistic.assign(mean)
        scale = copies.loss_scale.read_value() if self._is_scaled else tf.constant(1.0)
        norm, normaliser = self._state.update(copies, learnt, gradient, count[0], scaled=self._is_scaled)
        return tf.concat([losses / normaliser, [norm, normaliser, scale]], axis=0)

    def _learnt(self, phase: int) -> list[int]:
        """Returns which of the weights a phase learns, by their place among the trainable ones."""
        model = self._state.model
        ids = {id(weight) for weight in self._stage.learnt(model, phase)}
        return [index for index, weight in enumerate(model.trainable_variables) if id(weight) in ids]


def _make_replicas(stage: TrainingStage, state: TrainState, strategy: tf.distribute.Strategy) -> list[_Replica]:
    copies, count = state.copies(strategy), strategy.num_replicas_in_sync
    mirrored = distribution.own_statistics(state.model) if count > 1 else []
    statistics = [strategy.experimental_local_results(statistic) for statistic in mirrored]
    return [
        _Replica(stage, state, own, [each[index] for each in statistics], 1 / count) for index, own in enumerate(copies)
    ]


def _joined(strategy: tf.distribute.Strategy, values: list[object]) -> tf.Tensor:
    """Joins what each replica has of some tensors [B]."""
    return tf.concat([part for value in values for part in strategy.experimental_local_results(value)], axis=0)
