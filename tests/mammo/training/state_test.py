import numpy as np
import pytest
import tensorflow as tf

from mammo.training.state import TrainState


def _state(averages_decay):
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,)), tf.keras.layers.BatchNormalization()])
    return TrainState(model, tf.keras.optimizers.SGD(0.1), averages_decay)


def _step(state, change):
    state.optimizer.apply_gradients([(tf.fill(w.shape, change), w) for w in state.model.trainable_variables])
    state.update_averages()


def test_averages_follow_the_weights_with_a_decay_that_grows():
    state = _state(0.5)
    weight, average = state.model.trainable_variables[0], state.averages[0]
    start = weight.numpy()
    _step(state, 1.0)
    decay = (1 + 1) / (10 + 1)
    np.testing.assert_allclose(average, decay * start + (1 - decay) * weight.numpy(), rtol=1e-5)
    for _ in range(20):
        _step(state, 0.0)
    np.testing.assert_allclose(average, weight, atol=1e-4)


def test_averaged_weights_stand_in_only_for_a_while():
    state = _state(0.9)
    _step(state, 1.0)
    own = [weight.numpy() for weight in state.model.weights]
    with pytest.raises(ValueError, match="inside"), state.averaged() as model:
        np.testing.assert_array_equal(model.trainable_variables[0], state.averages[0])
        raise ValueError("inside")
    for weight, value in zip(state.model.weights, own, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_the_statistics_of_batch_normalisation_are_averaged_with_the_weights():
    state = _state(0.5)
    normalisation = state.model.layers[1]
    normalisation.moving_mean.assign([8.0, 8.0])
    _step(state, 0.0)
    decay = (1 + 1) / (10 + 1)
    with state.averaged():
        np.testing.assert_allclose(normalisation.moving_mean, 8 * (1 - decay))
    np.testing.assert_array_equal(normalisation.moving_mean, [8.0, 8.0])


def test_without_averaging_the_weights_are_their_own_average():
    state = _state(0.0)
    _step(state, 1.0)
    assert state.averages == []
    with state.averaged() as model:
        assert model is state.model
