import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.training import checkpoints
from mammo.training.checkpoints import Checkpoints
from mammo.training.state import TrainState


def _state(units=2):
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(units, input_shape=(3,))])
    return TrainState(model, tf.keras.optimizers.AdamW(0.1), 0.9)


def _step(state):
    state.optimizer.apply_gradients([(tf.ones_like(w), w) for w in state.model.trainable_variables])
    state.update_averages()
    state.position.assign_add(5)


def test_all_of_the_state_comes_back(tmp_path):
    state = _state()
    _step(state)
    _step(state)
    Checkpoints(tmp_path, state).save_last()
    other = _state()
    assert Checkpoints(tmp_path, other).restore_last()
    assert (other.step, int(other.position)) == (2, 10)
    _step(state)
    _step(other)  # with the same moments, the next step is the same
    for one, two in zip(state.model.weights + state.averages, other.model.weights + other.averages, strict=True):
        np.testing.assert_array_equal(one, two)


def test_there_is_nothing_to_restore_in_a_new_folder(tmp_path):
    made = Checkpoints(tmp_path, _state())
    assert not made.restore_last()
    assert not made.restore_best()


def test_the_best_holds_the_averaged_weights_and_outlives_the_last(tmp_path):
    state = _state()
    _step(state)
    made = Checkpoints(tmp_path, state)
    made.save_best()
    averages = [average.numpy() for average in state.averages]
    for _ in range(3):
        _step(state)
        made.save_last()
    assert made.restore_best()
    for weight, average in zip(state.model.trainable_variables, averages, strict=True):
        np.testing.assert_array_equal(weight, average)
    assert len(list((tmp_path / "checkpoints" / "last").glob("*.index"))) == 1


def test_the_best_weights_of_a_run_are_all_that_a_new_model_needs(tmp_path):
    state = _state()
    _step(state)
    Checkpoints(tmp_path, state).save_best()
    model = _state().model
    checkpoints.load_best(tmp_path, model)
    for weight, average in zip(model.trainable_variables, state.averages, strict=True):
        np.testing.assert_array_equal(weight, average)
    with pytest.raises(InputError, match=r"nowhere has no checkpoint of the best weights"):
        checkpoints.load_best(tmp_path / "nowhere", model)


def test_a_checkpoint_of_another_model_is_refused_by_name(tmp_path):
    Checkpoints(tmp_path, _state(2)).save_last()
    with pytest.raises(InputError, match=r"checkpoints/last/last-0 cannot be restored"):
        Checkpoints(tmp_path, _state(3)).restore_last()


def test_a_checkpoint_of_bfloat16_weights_says_so_and_that_training_again_helps(tmp_path):
    state = _state()
    narrow = tf.Module()
    narrow.weight = tf.Variable(tf.zeros([2], tf.bfloat16))
    state.model.narrow = narrow
    Checkpoints(tmp_path, state).save_best()
    with pytest.raises(InputError, match=r"best-0 holds bfloat16 weights, of a run made before .*; train again"):
        checkpoints.load_best(tmp_path, _state().model)


def test_a_damaged_checkpoint_is_refused_by_name(tmp_path):
    state = _state()
    Checkpoints(tmp_path, state).save_last()
    data = next((tmp_path / "checkpoints" / "last").glob("*.data-*"))
    data.write_bytes(data.read_bytes()[:20])
    with pytest.raises(InputError, match=r"last-0 cannot be restored"):
        Checkpoints(tmp_path, _state()).restore_last()


def test_a_checkpoint_that_cannot_be_written_is_told_with_its_step(tmp_path):
    made = Checkpoints(tmp_path, _state())
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(InputError, match=r"the checkpoint of step 0 could not be written"):
        made.save_last()
