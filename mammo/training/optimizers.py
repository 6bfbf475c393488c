"""Optimisers with decoupled weight decay, warm-up and a cosine."""

from collections.abc import Sequence

import tensorflow as tf

from mammo.config.optimizer import OptimizerConfig
from mammo.stages.stage import WHOLE_RUN, Phase

_RAMP_STEPS = 1_000  # 1 / (1 - beta_2) of Adam: as long as its second moments take
_NOT_DECAYED = ["bias", "gamma", "beta"]  # shifts and scales: Goyal et al. 2017, section 5.3, and common since


def build(
    options: OptimizerConfig, train_steps: int, precision: str, phases: Sequence[Phase] = WHOLE_RUN
) -> tf.keras.optimizers.Optimizer:
    """Makes the optimiser; under float16 it scales the loss, so that small gradients are not lost."""
    rate: tf.keras.optimizers.schedules.LearningRateSchedule = tf.keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(train_steps - options.warmup_steps, 1),
        alpha=options.final_share,
        warmup_target=options.learning_rate,
        warmup_steps=options.warmup_steps,
    )
    optimizer = with_rate(options, _Phased(rate, phases) if len(phases) > 1 else rate)
    return tf.keras.mixed_precision.LossScaleOptimizer(optimizer) if precision == "float16" else optimizer


def with_rate(
    options: OptimizerConfig, rate: float | tf.keras.optimizers.schedules.LearningRateSchedule
) -> tf.keras.optimizers.Optimizer:
    """Makes the optimiser with a rate in place of its own cosine."""
    if options.kind == "adamw":
        optimizer = tf.keras.optimizers.AdamW(rate, weight_decay=options.weight_decay)
    else:
        optimizer = tf.keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=options.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return optimizer


class _Phased(tf.keras.optimizers.schedules.LearningRateSchedule):
    """A schedule multiplied by what each phase takes of it; all but the first phase begin at 0.

    The moments of weights that a phase adds start at 0, while Adam corrects its bias by the steps of the whole run: at
    the full rate their first updates would be several times too large.
    """

    def __init__(self, whole: tf.keras.optimizers.schedules.LearningRateSchedule, phases: Sequence[Phase]) -> None:
        self._whole, self._phases = whole, phases

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        share = tf.constant(0.0)
        for phase in self._phases:
            since = tf.cast(step, tf.float32) - phase.first_step
            ramp = tf.minimum((since + 1) / _RAMP_STEPS, 1.0) if phase.first_step else 1.0
            share = tf.where(since >= 0, phase.rate_share * ramp, share)
        return share * self._whole(step)
