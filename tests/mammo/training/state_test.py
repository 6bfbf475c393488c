import numpy as np
import pytest
import tensorflow as tf

from mammo.config.optimizer import OptimizerConfig
from mammo.training import optimizers
from mammo.training.state import FIRST_LOSS_SCALE, TrainState


def _state(rate_shares=None, **options):
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,)), tf.keras.layers.Dense(1)])
    optimizer = optimizers.with_rate(
        OptimizerConfig(**{"weight_decay": 0.0, **options}), lambda updates: tf.constant(0.1)
    )
    return TrainState(model, optimizer, averages_decay=0.5, normaliser_decay=0.9, rate_shares=rate_shares)


def _update(state, gradient, learnt=(0, 1, 2, 3), count=1.0, scaled=False):
    (copies,) = state.copies(tf.distribute.get_strategy())
    update = tf.function(lambda vector: state.update(copies, learnt, vector, tf.constant(count), scaled=scaled))
    return [float(value) for value in update(tf.constant(gradient, tf.float32))]


def test_a_gradient_is_divided_by_the_running_mean_of_the_counts():
    state = _state(kind="sgd", clip_norm=0.0)
    start = state.model.get_weights()[0]
    norm, normaliser = _update(state, np.full(11, 4.0), count=4.0)
    expected = 0.1 * 1.0 + 0.9 * 4.0  # the decay of an average that has seen nothing is 1 / 10
    assert normaliser == pytest.approx(expected)
    assert norm == pytest.approx(4 / expected * np.sqrt(11), rel=1e-5)
    np.testing.assert_allclose(start - state.model.get_weights()[0], 0.1 * 1.9 * 4 / expected, rtol=1e-5)
    assert state.step == 1


def test_a_gradient_is_clipped_by_the_norm_of_the_whole():
    state = _state(kind="sgd", clip_norm=0.5)
    before = np.concatenate([weight.ravel() for weight in state.model.get_weights()])
    norm, _ = _update(state, np.full(11, 3.0))
    after = np.concatenate([weight.ravel() for weight in state.model.get_weights()])
    assert norm == pytest.approx(3 * np.sqrt(11), rel=1e-5)
    assert np.linalg.norm(before - after) == pytest.approx(0.1 * 1.9 * 0.5, rel=1e-4)


def test_weights_that_are_not_learnt_keep_their_values_and_moments():
    state = _state(kind="adamw")
    _update(state, np.ones(11))
    moments, weights = [moment.numpy() for moment in state.moments], state.model.get_weights()
    _update(state, np.ones(3), learnt=(2, 3))
    for before, after in zip(weights[:2], state.model.get_weights()[:2], strict=True):
        np.testing.assert_array_equal(before, after)
    for before, moment in zip(moments, state.moments, strict=True):
        np.testing.assert_array_equal(before[:8], moment.numpy()[:8])
        assert (before[8:] != moment.numpy()[8:]).all()
    learnt = zip(weights[2:], state.model.get_weights()[2:], strict=True)
    assert all((before != after).any() for before, after in learnt)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_weights_learn_and_decay_by_their_share_of_the_rate(kind):
    """As a state of its own with that rate would: for half of it, half of each update, decay included."""
    shares = [0.5, 0.5, 1.0, 0.0]
    shared = _state(kind=kind, weight_decay=0.1, rate_shares=shares)
    whole = _state(kind=kind, weight_decay=0.1)
    starts = whole.model.get_weights()
    for state in (shared, whole):
        _update(state, np.linspace(-1, 2, 11))
    ends = shared.model.get_weights(), whole.model.get_weights()
    for share, start, one, other in zip(shares, starts, *ends, strict=True):
        assert (other != start).any()
        np.testing.assert_allclose(one - start, share * (other - start), rtol=1e-4, atol=1e-8)


def test_scaled_gradients_make_the_update_of_plain_ones():
    plain, scaled = _state(), _state()
    gradient = np.linspace(-1, 1, 11)
    norms = _update(plain, gradient)[0], _update(scaled, gradient * FIRST_LOSS_SCALE, scaled=True)[0]
    assert norms[0] == pytest.approx(norms[1], rel=1e-6)
    for one, other in zip(plain.model.get_weights(), scaled.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    assert (float(scaled.loss_scale), int(scaled.finite_updates)) == (FIRST_LOSS_SCALE, 1)


@pytest.mark.parametrize("broken", [np.inf, np.nan])
def test_a_scaled_gradient_that_is_not_finite_is_left_out_and_halves_the_scale(broken):
    state = _state()
    _update(state, np.ones(11), scaled=True)
    before, moments = state.model.get_weights(), [moment.numpy() for moment in state.moments]
    averages = state.averages.vector.numpy()
    norm, _ = _update(state, [broken, *np.ones(10)], scaled=True)
    assert not np.isfinite(norm)
    for values, kept in (
        (before, state.model.get_weights()),
        (moments, [moment.numpy() for moment in state.moments]),
        ([averages], [state.averages.vector.numpy()]),
    ):
        for one, other in zip(values, kept, strict=True):
            np.testing.assert_array_equal(one, other)
    assert (state.step, float(state.loss_scale), int(state.finite_updates)) == (1, FIRST_LOSS_SCALE / 2, 0)


def test_many_finite_updates_double_the_scale_and_it_never_falls_below_one():
    state = _state()
    state.finite_updates.assign(1999)
    _update(state, np.ones(11), scaled=True)
    assert (float(state.loss_scale), int(state.finite_updates)) == (2 * FIRST_LOSS_SCALE, 0)
    state.loss_scale.assign(1.0)
    _update(state, np.full(11, np.inf), scaled=True)
    assert float(state.loss_scale) == 1.0
