"""All that a run is at one step: what a checkpoint holds."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


class TrainState(tf.Module):
    """A model on its way.

    Attributes:
        model: With the weights of the last step.
        optimizer: With its moments and, in `iterations`, the step.
        averages: Exponential moving averages of the weights, empty without averaging. Those of batch normalisation are
            among them: its statistics of the last few steps would not be those of averaged weights.
        normaliser: float32 [], running mean of what the losses of a global batch are divided by.
        position: int64 [], where the stream of training data goes on.
        best_value: float64 [], of the figure that the best checkpoint had.
    """

    def __init__(
        self,
        model: tf.keras.Model,
        optimizer: tf.keras.optimizers.Optimizer,
        averages_decay: float,
        normaliser_decay: float = 0.0,
    ) -> None:
        """Starts at step 0; under the strategy's scope.

        Args:
            model: Freshly built.
            optimizer: Freshly built.
            averages_decay: In [0, 1); 0: weights are not averaged.
            normaliser_decay: In [0, 1); 0: each global batch is divided by its own count.
        """
        super().__init__()
        self.model = model
        self.optimizer = optimizer
        optimizer.build(model.trainable_variables)
        self._averages_decay, self._normaliser_decay = averages_decay, normaliser_decay
        self.averages = [_average_of(weight) for weight in self._averaged]
        self.normaliser = _shared(1.0, "normaliser")
        self.position = tf.Variable(0, trainable=False, dtype=tf.int64, name="position")
        self.best_value = tf.Variable(float("-inf"), trainable=False, dtype=tf.float64, name="best_value")

    @property
    def step(self) -> int:
        """How many updates were made."""
        return int(self.optimizer.iterations.numpy())

    @property
    def _averaged(self) -> list[tf.Variable]:
        return [weight for weight in self.model.weights if weight.dtype.is_floating] if self._averages_decay else []

    def update_averages(self) -> None:
        """Moves the averages towards the weights; in a replica."""
        decay = self._warmed_up(self._averages_decay)
        for average, weight in zip(self.averages, self._averaged, strict=True):
            average.assign_sub((1.0 - decay) * (average - weight))

    def update_normaliser(self, count: tf.Tensor) -> tf.Tensor:
        """Moves the running mean towards the count of a global batch, at least 1, and returns it; in a replica."""
        decay = self._warmed_up(self._normaliser_decay)
        self.normaliser.assign(decay * self.normaliser + (1.0 - decay) * tf.maximum(count, 1.0))
        return self.normaliser.read_value()

    def _warmed_up(self, decay: float) -> tf.Tensor:
        """Starts a decay small, so that the first averages forget where they began.

        As of `tf.train.ExponentialMovingAverage`: min(decay, (1 + step) / (10 + step)).
        """
        step = tf.cast(self.optimizer.iterations, tf.float32)
        return tf.minimum(decay, (1.0 + step) / (10.0 + step))

    @contextlib.contextmanager
    def averaged(self) -> Iterator[tf.keras.Model]:
        """Yields the model with averaged weights in it; afterwards it has its own again."""
        own = [weight.numpy() for weight in self._averaged]
        for weight, average in zip(self._averaged, self.averages, strict=True):
            weight.assign(average.numpy())
        try:
            yield self.model
        finally:
            for weight, value in zip(self._averaged, own, strict=True):
                weight.assign(value)


def _average_of(weight: tf.Variable) -> tf.Variable:
    return _shared(weight.numpy(), f"{weight.name.partition(':')[0]}/average")


def _shared(value: object, name: str) -> tf.Variable:
    return tf.Variable(
        value,
        trainable=False,
        name=name,
        # Each replica has the same update for it, out of the same values.
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
