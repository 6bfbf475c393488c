"""Optimisers with decoupled weight decay, warm-up and a cosine; each works on all weights as one vector.

They compute what `tf.keras.optimizers.AdamW` and `SGD` of Keras 2.15 do. Those launch some fifteen operations a weight,
thousands a step, for which an accelerator waits longer than for the network.
"""

import abc
import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeAlias

import tensorflow as tf

from mammo.config.optimizer import OptimizerConfig
from mammo.stages.stage import WHOLE_RUN, Phase

Rate: TypeAlias = Callable[[tf.Tensor], tf.Tensor]
"""The learning rate, float32 [], by the number of updates made before."""

NOT_DECAYED = ("bias", "gamma", "beta")
"""Parts of the names of weights that do not decay, shifts and scales: Goyal et al. 2017, section 5.3, common since."""

_RAMP_STEPS = 1_000  # 1 / (1 - beta_2) of Adam: as long as its second moments take
_MOMENTUM = 0.9
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7  # of tf.keras.optimizers.AdamW


@dataclasses.dataclass(frozen=True)
class Optimizer(abc.ABC):
    """How weights change with their gradients. It describes, and owns no variables.

    Attributes:
        rate: The learning rate.
        weight_decay: What kernels lose at each update, times the rate.
        clip_norm: Largest norm of the gradient; 0: it is not clipped.
        moments: Names of the vectors that it keeps, as long as that of all weights, 0 at first.
    """

    rate: Rate
    weight_decay: float
    clip_norm: float

    moments: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def change(
        self, gradient: tf.Tensor, moments: Sequence[tf.Tensor], rate: tf.Tensor, updates: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Computes an update.

        Args:
            gradient: float32 [P].
            moments: float32 [P] each, of `moments`.
            rate: float32 [], the learning rate.
            updates: int64 [], how many were made before.

        Returns:
            What is subtracted from the weights, beside their decay, float32 [P]; and the new moments.
        """

    def kept_share(self, weight: tf.Variable, rate: tf.Tensor) -> tf.Tensor | float:
        """Returns what an update leaves of a weight by decay."""
        is_decayed = self.weight_decay and not any(part in weight.name for part in NOT_DECAYED)
        return 1.0 - self.weight_decay * rate if is_decayed else 1.0


class AdamW(Optimizer):
    """Loshchilov & Hutter 2019, algorithm 2, with the bias corrections in the rate."""

    moments = ("mean", "square")

    def change(
        self, gradient: tf.Tensor, moments: Sequence[tf.Tensor], rate: tf.Tensor, updates: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """See `Optimizer`."""
        mean, square = moments
        mean += (gradient - mean) * (1 - _BETA_1)
        square += (tf.square(gradient) - square) * (1 - _BETA_2)
        count = tf.cast(updates + 1, tf.float32)
        corrected = rate * tf.sqrt(1 - tf.pow(_BETA_2, count)) / (1 - tf.pow(_BETA_1, count))
        return mean * corrected / (tf.sqrt(square) + _EPSILON), [mean, square]


class Nesterov(Optimizer):
    """Gradient descent with Nesterov's momentum, as Sutskever et al. 2013, section 3."""

    moments = ("velocity",)

    def change(
        self, gradient: tf.Tensor, moments: Sequence[tf.Tensor], rate: tf.Tensor, updates: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """See `Optimizer`."""
        velocity = _MOMENTUM * moments[0] - rate * gradient
        return rate * gradient - _MOMENTUM * velocity, [velocity]


def build(options: OptimizerConfig, train_steps: int, phases: Sequence[Phase] = WHOLE_RUN) -> Optimizer:
    """Makes the optimiser of a run with its schedule: a warm-up, a cosine, and the share that each phase takes."""
    rate: Rate = tf.keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(train_steps - options.warmup_steps, 1),
        alpha=options.final_share,
        warmup_target=options.learning_rate,
        warmup_steps=options.warmup_steps,
    )
    return with_rate(options, _Phased(rate, phases) if len(phases) > 1 else rate)


def with_rate(options: OptimizerConfig, rate: Rate) -> Optimizer:
    """Makes the optimiser with a rate in place of its own cosine."""
    kind = AdamW if options.kind == "adamw" else Nesterov
    return kind(rate, options.weight_decay, options.clip_norm)


@dataclasses.dataclass(frozen=True)
class _Phased:
    """A schedule multiplied by what each phase takes of it; all but the first phase begin at 0.

    The moments of weights that a phase adds start at 0, while Adam corrects its bias by the steps of the whole run: at
    the full rate their first updates would be several times too large.
    """

    whole: Rate
    phases: Sequence[Phase]

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        share = tf.constant(0.0)
        for phase in self.phases:
            since = tf.cast(step, tf.float32) - phase.first_step
            ramp = tf.minimum((since + 1) / _RAMP_STEPS, 1.0) if phase.first_step else 1.0
            share = tf.where(since >= 0, phase.rate_share * ramp, share)
        return share * self.whole(step)
