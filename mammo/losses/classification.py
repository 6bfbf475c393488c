"""Losses of a classifier for each image: unnormalised; the training step adds them up and normalises them."""

import tensorflow as tf

from mammo.config.loss import ClassificationLossConfig


def cross_entropy(logits: tf.Tensor, classes: tf.Tensor, options: ClassificationLossConfig) -> tf.Tensor:
    """Returns the softmax cross-entropy with label smoothing and focus, before class weights: float32 [B].

    Args:
        logits: float32 [B, C].
        classes: int32 [B]; the loss of a negative class is meaningless, give it weight 0.
        options: Label smoothing and focus.
    """
    class_count = logits.shape[-1]
    truth = tf.one_hot(classes, class_count)
    truth = truth * (1 - options.label_smoothing) + options.label_smoothing / class_count
    log_probabilities = tf.nn.log_softmax(logits)
    # With smoothed labels, each class is weighted by the distance of its own probability from its label.
    weight = tf.abs(truth - tf.exp(log_probabilities)) ** options.focal_gamma if options.focal_gamma else 1.0
    return -tf.reduce_sum(weight * truth * log_probabilities, axis=-1)


def weights(classes: tf.Tensor, is_counted: tf.Tensor, options: ClassificationLossConfig) -> tf.Tensor:
    """Returns the weight of each image, float32 [B]: 0 where `is_counted`, bool [B], is false.

    The sum of the weights is the normaliser of the loss.
    """
    counted = tf.cast(is_counted, tf.float32)
    if not options.class_weights:
        return counted
    return counted * tf.gather(tf.constant(options.class_weights, tf.float32), tf.maximum(classes, 0))
