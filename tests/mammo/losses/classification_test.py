import numpy as np
import tensorflow as tf

from mammo.config.loss import ClassificationLossConfig
from mammo.losses import classification

LOGITS = tf.constant([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 1.0, 4.0]])
CLASSES = tf.constant([0, 2, 1])


def test_without_settings_it_is_the_cross_entropy_of_keras():
    expected = tf.keras.losses.sparse_categorical_crossentropy(CLASSES, LOGITS, from_logits=True)
    made = classification.cross_entropy(LOGITS, CLASSES, ClassificationLossConfig())
    np.testing.assert_allclose(made, expected, rtol=1e-6)


def test_smoothed_labels_are_those_of_keras():
    expected = tf.keras.losses.categorical_crossentropy(
        tf.one_hot(CLASSES, 3), LOGITS, from_logits=True, label_smoothing=0.1
    )
    found = classification.cross_entropy(LOGITS, CLASSES, ClassificationLossConfig(label_smoothing=0.1))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_focal_loss_is_that_of_keras():
    expected = tf.keras.losses.CategoricalFocalCrossentropy(
        alpha=1.0, gamma=2.0, from_logits=True, reduction=tf.keras.losses.Reduction.NONE
    )(tf.one_hot(CLASSES, 3), LOGITS)
    found = classification.cross_entropy(LOGITS, CLASSES, ClassificationLossConfig(focal_gamma=2.0))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_images_weigh_as_their_class_says_and_padding_nothing():
    options = ClassificationLossConfig(class_weights=(1.0, 2.0, 5.0))
    is_counted = tf.constant([True, True, False])
    np.testing.assert_array_equal(classification.weights(CLASSES, is_counted, options), [1, 5, 0])
    np.testing.assert_array_equal(classification.weights(CLASSES, is_counted, ClassificationLossConfig()), [1, 1, 0])
    np.testing.assert_array_equal(classification.weights(tf.constant([-1]), tf.constant([False]), options), [0])
