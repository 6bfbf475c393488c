import numpy as np
import pytest
import tensorflow as tf

from mammo.training.averages import Averages


def _model():
    tf.keras.utils.set_random_seed(0)
    return tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,)), tf.keras.layers.BatchNormalization()])


def _change(model, by):
    for weight in model.trainable_variables:
        weight.assign_sub(tf.fill(weight.shape, by))


def _update(averages, updates):
    averages.update(tf.constant(updates, tf.int64), averages.vector, averages.weights)


def test_averages_follow_the_weights_with_a_decay_that_grows():
    model = _model()
    averages, weight = Averages(model, 0.5), model.trainable_variables[0]
    start = weight.numpy()
    _change(model, 1.0)
    _update(averages, 1)
    decay = (1 + 1) / (10 + 1)
    np.testing.assert_allclose(averages.values()[0], decay * start + (1 - decay) * weight.numpy(), rtol=1e-5)
    for updates in range(2, 22):
        _update(averages, updates)
    np.testing.assert_allclose(averages.values()[0], weight, atol=1e-4)


def test_averaged_weights_stand_in_only_for_a_while():
    model = _model()
    averages = Averages(model, 0.9)
    _change(model, 1.0)
    _update(averages, 1)
    own = model.get_weights()
    with pytest.raises(ValueError, match="inside"), averages.in_place() as changed:
        for weight, average in zip(averages.weights, averages.values(), strict=True):
            np.testing.assert_array_equal(weight, average)
        assert (changed.get_weights()[0] != own[0]).any()
        raise ValueError("inside")
    for weight, value in zip(model.get_weights(), own, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_the_statistics_of_batch_normalisation_are_averaged_with_the_weights():
    model = _model()
    averages, normalisation = Averages(model, 0.5), model.layers[1]
    normalisation.moving_mean.assign([8.0, 8.0])
    _update(averages, 1)
    decay = (1 + 1) / (10 + 1)
    with averages.in_place():
        np.testing.assert_allclose(normalisation.moving_mean, 8 * (1 - decay))
    np.testing.assert_array_equal(normalisation.moving_mean, [8.0, 8.0])


def test_without_averaging_the_weights_are_their_own_average():
    model = _model()
    averages = Averages(model, 0.0)
    before = model.get_weights()
    _change(model, 1.0)
    _update(averages, 1)
    assert averages.vector.shape == (0,)
    with averages.in_place() as same:
        assert same is model
        assert (same.get_weights()[0] != before[0]).all()
