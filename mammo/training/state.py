"""All that a run is at one step: what a checkpoint holds, and how an update changes it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mammo.training import averages, vectors
from mammo.training.averages import Averages
from mammo.training.optimizers import Optimizer

FIRST_LOSS_SCALE = 2.0**15
_DOUBLE_AFTER = 2000  # finite updates in a row: as of tf.keras.mixed_precision.LossScaleOptimizer


class Copies(NamedTuple):
    """One replica's own variables: an update of these alone can be compiled, which one through the strategy cannot.

    Attributes:
        learnable: The weights that are learnt in any phase.
        averaged: Those that are averaged.
        moments: As of `TrainState`, each.
        averages: As of `TrainState`.
        normaliser: As of `TrainState`.
        updates: As of `TrainState`.
        loss_scale: As of `TrainState`.
        finite_updates: As of `TrainState`.
    """

    learnable: list[tf.Variable]
    averaged: list[tf.Variable]
    moments: list[tf.Variable]
    averages: tf.Variable
    normaliser: tf.Variable
    updates: tf.Variable
    loss_scale: tf.Variable
    finite_updates: tf.Variable


class TrainState(tf.Module):
    """A model on its way. The same variables, all float32, whatever precision it computes in.

    Attributes:
        model: With the weights of the last step.
        optimizer: How they change.
        moments: What the optimiser keeps, float32 [P] each.
        averages: Exponential moving averages of the weights.
        normaliser: float32 [], running mean of what the losses of a global batch are divided by.
        updates: int64 [], how many were made.
        loss_scale: float32 [], what a float16 loss is multiplied by, so that small gradients are not lost.
        finite_updates: int64 [], how many there were with that scale.
        position: int64 [], where the stream of training data goes on.
        best_value: float64 [], of the figure that the best checkpoint had.
    """

    def __init__(
        self,
        model: tf.keras.Model,
        optimizer: Optimizer,
        averages_decay: float,
        normaliser_decay: float = 0.0,
        rate_shares: Sequence[float] | None = None,
    ) -> None:
        """Starts at step 0; under the strategy's scope.

        Args:
            model: Freshly built.
            optimizer: How its weights change.
            averages_decay: In [0, 1); 0: weights are not averaged.
            normaliser_decay: In [0, 1); 0: each global batch is divided by its own count.
            rate_shares: What each trainable variable takes of the learning rate; none: all of it.
        """
        super().__init__()
        self.model = model
        self.optimizer = optimizer
        self._normaliser_decay = normaliser_decay
        self._rate_shares = [1.0] * len(model.trainable_variables) if rate_shares is None else list(rate_shares)
        size = vectors.size_of(model.trainable_variables)
        self.moments = [_mirrored(np.zeros(size, np.float32), name) for name in optimizer.moments]
        self.averages = Averages(model, averages_decay)
        self.normaliser = _mirrored(np.float32(1), "normaliser")
        self.updates = _mirrored(np.int64(0), "updates")
        self.loss_scale = _mirrored(np.float32(FIRST_LOSS_SCALE), "loss_scale")
        self.finite_updates = _mirrored(np.int64(0), "finite_updates")
        self.position = tf.Variable(0, trainable=False, dtype=tf.int64, name="position")
        self.best_value = tf.Variable(float("-inf"), trainable=False, dtype=tf.float64, name="best_value")

    @property
    def step(self) -> int:
        """How many updates were made."""
        return int(self.updates.numpy())

    @property
    def learning_rate(self) -> float:
        """Of the next update."""
        return float(self.optimizer.rate(tf.constant(self.step, tf.int64)))

    def copies(self, strategy: tf.distribute.Strategy) -> list[Copies]:
        """Returns each replica's own variables."""
        mirrored = Copies(
            self.model.trainable_variables,
            self.averages.weights,
            list(self.moments),
            self.averages.vector,
            self.normaliser,
            self.updates,
            self.loss_scale,
            self.finite_updates,
        )
        local = [strategy.experimental_local_results(variable) for variable in tf.nest.flatten(mirrored)]
        return [tf.nest.pack_sequence_as(mirrored, list(own)) for own in zip(*local, strict=True)]

    def update(
        self, copies: Copies, learnt: Sequence[int], gradient: tf.Tensor, count: tf.Tensor, *, scaled: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Makes one update of a replica, the same on each; every operation on its own variables.

        Args:
            copies: The variables of the replica.
            learnt: Which of `copies.learnable` are, ascending.
            gradient: float32 [L], of the sum of the losses over the global batch, for what is learnt.
            count: float32 [], what that sum is divided by.
            scaled: Whether the gradient is that of the loss times the loss scale. One that is not finite is left out
                then, and the scale halved.

        Returns:
            The norm of the gradient before it is clipped, float32 []; and what the losses are divided by, float32 [].
        """
        normaliser = self._update_normaliser(copies, count)
        gradient = gradient / (normaliser * copies.loss_scale if scaled else normaliser)
        norm = tf.norm(gradient)
        if not scaled:
            self._apply(copies, learnt, gradient, norm)
            return norm, normaliser
        is_finite = tf.math.is_finite(norm)
        tf.cond(is_finite, lambda: self._apply(copies, learnt, gradient, norm), copies.updates.read_value)
        _adapt_scale(copies, is_finite)
        return norm, normaliser

    def _update_normaliser(self, copies: Copies, count: tf.Tensor) -> tf.Tensor:
        """Moves the running mean towards the count of a global batch, at least 1, and returns it."""
        decay = averages.warmed_up(self._normaliser_decay, copies.updates)
        return copies.normaliser.assign(
            decay * copies.normaliser + (1.0 - decay) * tf.maximum(count, 1.0), read_value=True
        )

    def _apply(self, copies: Copies, learnt: Sequence[int], gradient: tf.Tensor, norm: tf.Tensor) -> tf.Tensor:
        optimizer, updates = self.optimizer, copies.updates.read_value()
        if optimizer.clip_norm:
            gradient = gradient * (optimizer.clip_norm / tf.maximum(norm, optimizer.clip_norm))
        weights = [copies.learnable[index] for index in learnt]
        spans = vectors.spans_of(weights, copies.learnable)
        taken = [vectors.take(moment, spans) for moment in copies.moments]
        rate = optimizer.rate(updates)
        change, made = optimizer.change(gradient, taken, rate, updates)
        for moment, new in zip(copies.moments, made, strict=True):
            moment.assign(vectors.put(moment, spans, new))
        shares = [self._rate_shares[index] for index in learnt]
        for weight, part, share in zip(weights, vectors.split(change, weights), shares, strict=True):
            weight.assign(weight * optimizer.kept_share(weight, share * rate) - (part if share == 1 else share * part))
        made_updates = copies.updates.assign_add(1)
        self.averages.update(made_updates, copies.averages, copies.averaged)
        return made_updates


def _adapt_scale(copies: Copies, is_finite: tf.Tensor) -> None:
    """Halves the loss scale after a gradient that is not finite; doubles it after many that are."""
    count = tf.where(is_finite, copies.finite_updates + 1, 0)
    is_due = count >= _DOUBLE_AFTER
    grown = tf.where(is_due, 2.0 * copies.loss_scale, copies.loss_scale)
    copies.loss_scale.assign(tf.where(is_finite, grown, tf.maximum(copies.loss_scale / 2.0, 1.0)))
    copies.finite_updates.assign(tf.where(is_due, tf.constant(0, tf.int64), count))


def _mirrored(value: np.ndarray | np.generic, name: str) -> tf.Variable:
    return tf.Variable(
        value,
        trainable=False,
        name=name,
        # Each replica has the same update for it, out of the same values.
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
