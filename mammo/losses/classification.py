"""Losses of a classifier, as sums of each image: what they are divided by is said by whoever adds them up."""

import dataclasses

import tensorflow as tf

from mammo.common.errors import InputError


@dataclasses.dataclass(frozen=True)
class ClassificationLossConfig:
    """What is minimised.

    Attributes:
        label_smoothing: Share of the truth that is spread over all classes: Szegedy et al. 2016, section 7.
        focal_gamma: How much less the easy images weigh: Lin et al. 2017, equation 4; 0: plain cross-entropy.
        class_weights: What an image of each class weighs; empty: all alike.
    """

    label_smoothing: float = 0.0
    focal_gamma: float = 0.0
    class_weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"--config.loss.label_smoothing={self.label_smoothing} must be from 0 to below 1.")
        if self.focal_gamma < 0:
            raise InputError(f"--config.loss.focal_gamma={self.focal_gamma} must be 0 or more.")
        if any(weight <= 0 for weight in self.class_weights):
            raise InputError(f"--config.loss.class_weights={tuple(self.class_weights)} must be above 0.")


def cross_entropy(logits: tf.Tensor, classes: tf.Tensor, options: ClassificationLossConfig) -> tf.Tensor:
    """Cross-entropy of softmax, with the options' smoothing and focus, not yet weighted: float32 [B].

    Args:
        logits: float32 [B, C].
        classes: int32 [B]; what is negative gives a number that means nothing.
        options: Of the loss.
    """
    class_count = logits.shape[-1]
    truth = tf.one_hot(classes, class_count)
    truth = truth * (1 - options.label_smoothing) + options.label_smoothing / class_count
    log_probabilities = tf.nn.log_softmax(logits)
    # With soft labels each class is focused by how far its own probability is from its label.
    weight = tf.abs(truth - tf.exp(log_probabilities)) ** options.focal_gamma if options.focal_gamma else 1.0
    return -tf.reduce_sum(weight * truth * log_probabilities, axis=-1)


def weights(classes: tf.Tensor, is_counted: tf.Tensor, options: ClassificationLossConfig) -> tf.Tensor:
    """What each image weighs, float32 [B]; 0 where bool [B] `is_counted` is false. Their sum is the normaliser."""
    counted = tf.cast(is_counted, tf.float32)
    if not options.class_weights:
        return counted
    return counted * tf.gather(tf.constant(options.class_weights, tf.float32), tf.maximum(classes, 0))
