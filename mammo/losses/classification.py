"""Losses of a classifier, as sums of each image: what they are divided by is said by whoever adds them up."""

import tensorflow as tf

from mammo.config.loss import ClassificationLossConfig


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
