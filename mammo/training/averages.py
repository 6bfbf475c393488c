"""Exponential moving averages of weights: what is evaluated, and kept."""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from mammo.training import vectors


class Averages(tf.Module):
    """The averages of all weights of a model, those of batch normalisation's statistics included.

    Its statistics of the last few steps would not be those of averaged weights.

    Attributes:
        vector: float32 [P], the weights that are learnt, then the statistics; one copy a replica, all the same. [0]
            without averaging.
    """

    def __init__(self, model: tf.keras.Model, decay: float) -> None:
        """Begins with the weights as they are; under the strategy's scope.

        Args:
            model: Freshly built.
            decay: In [0, 1); 0: weights are not averaged.
        """
        super().__init__()
        self._model, self._decay = model, decay
        self.vector = tf.Variable(
            np.concatenate([np.zeros(0, np.float32), *(weight.numpy().ravel() for weight in self.weights)]),
            trainable=False,
            name="averages",
            # Each replica has the same update for it, out of the same values.
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    @property
    def weights(self) -> list[tf.Variable]:
        """What is averaged, in the order of `vector`."""
        model = self._model
        statistics = [weight for weight in model.non_trainable_variables if weight.dtype.is_floating]
        return [*model.trainable_variables, *statistics] if self._decay else []

    def update(self, updates: tf.Tensor, vector: tf.Variable, weights: Sequence[tf.Variable]) -> None:
        """Moves the averages towards the weights.

        Args:
            updates: int64 [], how many the weights have had.
            vector: `vector`, or a replica's own copy of it.
            weights: `weights`, or that replica's own copies.
        """
        if self._decay:
            vector.assign_sub((1.0 - warmed_up(self._decay, updates)) * (vector - vectors.join(weights)))

    def values(self) -> list[np.ndarray]:
        """Returns the average of each of `weights`."""
        ends = np.cumsum([weight.shape.num_elements() for weight in self.weights])
        parts = np.split(self.vector.numpy(), ends[:-1]) if self.weights else []
        return [part.reshape(weight.shape) for part, weight in zip(parts, self.weights, strict=True)]

    @contextlib.contextmanager
    def in_place(self) -> Iterator[tf.keras.Model]:
        """Yields the model with averaged weights in it; afterwards it has its own again."""
        own = [weight.numpy() for weight in self.weights]
        _assign(self.weights, self.values())
        try:
            yield self._model
        finally:
            _assign(self.weights, own)


def warmed_up(decay: float, updates: tf.Tensor) -> tf.Tensor:
    """Starts a decay small, so that the first averages forget where they began.

    As of `tf.train.ExponentialMovingAverage`: min(decay, (1 + updates) / (10 + updates)).
    """
    step = tf.cast(updates, tf.float32)
    return tf.minimum(decay, (1.0 + step) / (10.0 + step))


def _assign(weights: Sequence[tf.Variable], values: Sequence[np.ndarray]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.assign(value)
