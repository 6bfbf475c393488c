import numpy as np
import pytest
import tensorflow as tf

from mammo import errors
from mammo.losses import classification as losses

LOGITS = tf.constant([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 1.0, 4.0]])
CLASSES = tf.constant([0, 2, 1])


def test_without_settings_it_is_the_cross_entropy_of_keras():
    expected = tf.keras.losses.sparse_categorical_crossentropy(CLASSES, LOGITS, from_logits=True)
    np.testing.assert_allclose(losses.cross_entropy(LOGITS, CLASSES, losses.Options()), expected, rtol=1e-6)


def test_smoothed_labels_are_those_of_keras():
    expected = tf.keras.losses.categorical_crossentropy(
        tf.one_hot(CLASSES, 3), LOGITS, from_logits=True, label_smoothing=0.1
    )
    found = losses.cross_entropy(LOGITS, CLASSES, losses.Options(label_smoothing=0.1))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_focal_loss_is_that_of_keras():
    expected = tf.keras.losses.CategoricalFocalCrossentropy(
        alpha=1.0, gamma=2.0, from_logits=True, reduction=tf.keras.losses.Reduction.NONE
    )(tf.one_hot(CLASSES, 3), LOGITS)
    found = losses.cross_entropy(LOGITS, CLASSES, losses.Options(focal_gamma=2.0))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_images_weigh_as_their_class_says_and_padding_nothing():
    options = losses.Options(class_weights=(1.0, 2.0, 5.0))
    is_counted = tf.constant([True, True, False])
    np.testing.assert_array_equal(losses.weights(CLASSES, is_counted, options), [1, 5, 0])
    np.testing.assert_array_equal(losses.weights(CLASSES, is_counted, losses.Options()), [1, 1, 0])
    np.testing.assert_array_equal(losses.weights(tf.constant([-1]), tf.constant([False]), options), [0])


@pytest.mark.parametrize("changes", [{"label_smoothing": 1.0}, {"focal_gamma": -1.0}, {"class_weights": (-1.0,)}])
def test_a_setting_that_cannot_be_is_refused(changes):
    with pytest.raises(errors.InputError, match=next(iter(changes))):
        losses.Options(**changes)
