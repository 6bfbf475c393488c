"""Optimisers with decoupled weight decay, warm-up and a cosine."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import tensorflow as tf

from mammo.common.errors import InputError
from mammo.stages.stage import WHOLE_RUN, Phase

_RAMP_STEPS = 1_000  # 1 / (1 - beta_2) of Adam: as long as its second moments take
_NOT_DECAYED = ["bias", "gamma", "beta"]  # shifts and scales: Goyal et al. 2017, section 5.3, and common since


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """How weights change.

    Attributes:
        kind: "adamw", or "sgd" with momentum 0.9.
        learning_rate: At its highest, for a global batch of whatever size is given.
        warmup_steps: Over which it rises from 0.
        final_share: What is left of it at the last step.
        weight_decay: Decoupled from the gradient (Loshchilov & Hutter 2019), of kernels only.
        clip_norm: Of all gradients together; 0: they are not clipped.
        averages_decay: Of the averaged weights that are evaluated and kept; 0: weights are not averaged.
        normaliser_decay: Of the running mean that losses are divided by: Detectron2's RetinaNet keeps one as well. With
            a detector it is the mean count of anchors that stand for a lesion; divided by its own, a batch without a
            lesion would weigh as much as ten with one. 0: each batch by its own.
    """

    kind: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    warmup_steps: int = 500
    final_share: float = 0.01
    weight_decay: float = 1e-4
    clip_norm: float = 10.0
    averages_decay: float = 0.999
    normaliser_decay: float = 0.99

    def __post_init__(self) -> None:
        if self.kind not in ("adamw", "sgd"):
            raise InputError(f"--config.optimizer.kind={self.kind} is not known; it is adamw or sgd.")


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
