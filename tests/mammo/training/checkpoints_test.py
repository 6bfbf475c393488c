import errno
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from mammo.common import files
from mammo.common.errors import InputError
from mammo.config.optimizer import OptimizerConfig
from mammo.training import checkpoints, optimizers
from mammo.training.checkpoints import Checkpoints
from mammo.training.state import TrainState


def _state(units=2):
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(units, input_shape=(3,))])
    return TrainState(model, optimizers.with_rate(OptimizerConfig(), lambda updates: tf.constant(0.1)), 0.9)


def _step(state):
    (copies,) = state.copies(tf.distribute.get_strategy())
    learnt = range(len(copies.learnable))
    state.update(copies, learnt, tf.ones([copies.moments[0].shape[0]]), tf.constant(1.0), scaled=False)
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
    for one, two in zip(state.variables, other.variables, strict=True):
        np.testing.assert_array_equal(one, two)


def test_there_is_nothing_to_restore_in_a_new_folder(tmp_path):
    made = Checkpoints(tmp_path, _state())
    assert not made.restore_last()
    assert not made.restore_best()
    assert not checkpoints.has_last(tmp_path)


def test_a_run_has_a_state_to_go_on_from_once_one_was_saved_beside_its_best(tmp_path):
    state = _state()
    made = Checkpoints(tmp_path, state)
    made.save_best()
    assert not checkpoints.has_last(tmp_path)
    made.save_last()
    assert checkpoints.has_last(tmp_path)


def test_the_best_holds_the_averaged_weights_and_outlives_the_last(tmp_path):
    state = _state()
    _step(state)
    made = Checkpoints(tmp_path, state)
    made.save_best()
    averages = state.averages.values()
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
    for weight, average in zip(model.trainable_variables, state.averages.values(), strict=True):
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


def test_a_checkpoint_that_is_half_written_is_deleted_and_the_one_before_it_stays(tmp_path, monkeypatch):
    state = _state()
    made = Checkpoints(tmp_path, state)
    made.save_last()
    _step(state)
    folder = tmp_path / "checkpoints" / "last"
    before = sorted(path.name for path in folder.iterdir())

    def fail(path, text):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as full, pytest.raises(InputError, match=r"step 1 could not be written \(.*No space"):
        full.setattr(files, "write_text", fail)
        made.save_last()
    assert sorted(path.name for path in folder.iterdir()) == before
    assert Checkpoints(tmp_path, _state()).restore_last()
    made.save_last()
    other = _state()
    assert Checkpoints(tmp_path, other).restore_last()
    assert other.step == 1


def test_what_a_killed_process_left_half_written_is_deleted_by_the_next_save(tmp_path):
    folder = tmp_path / "checkpoints" / "last"
    (folder / "last-7_temp").mkdir(parents=True)
    (folder / "last-7_temp" / "part-00000").touch()
    (folder / "last-5.data-00000-of-00001").touch()
    state = _state()
    assert not Checkpoints(tmp_path, state).restore_last()
    Checkpoints(tmp_path, state).save_last()
    names = {path.name for path in folder.iterdir()}
    assert names == {"checkpoint", "last-0.index", "last-0.data-00000-of-00001"}


def test_a_checkpoint_is_on_the_disk_before_it_is_recorded_and_the_record_before_the_old_one_is_deleted(
    tmp_path, monkeypatch
):
    state = _state()
    Checkpoints(tmp_path, state).save_last()
    _step(state)
    said: list[str] = []
    sync, unlink = files.sync, pathlib.Path.unlink

    def noted_sync(path):
        said.append(f"sync {path.name}")
        sync(path)

    def noted_unlink(path, **options):
        said.append(f"delete {path.name}")
        unlink(path, **options)

    monkeypatch.setattr(files, "sync", noted_sync)
    monkeypatch.setattr(pathlib.Path, "unlink", noted_unlink)
    Checkpoints(tmp_path, state).save_last()
    record = next(place for place, what in enumerate(said) if what.startswith("sync checkpoint."))
    assert {"sync last-1.index", "sync last-1.data-00000-of-00001"} <= set(said[:record])
    assert said[record + 1] == "sync last"  # the folder, with the record's name
    assert not [what for what in said[:record] if what.startswith("delete last-0")]
    assert {"delete last-0.index", "delete last-0.data-00000-of-00001"} <= set(said[record:])


def test_a_workdir_may_be_moved(tmp_path):
    state = _state()
    _step(state)
    Checkpoints(tmp_path / "here", state).save_last()
    (tmp_path / "here").rename(tmp_path / "there")
    other = _state()
    assert Checkpoints(tmp_path / "there", other).restore_last()
    assert other.step == 1


@pytest.mark.parametrize("record", ["", 'model_checkpoint_path: "last-9"', "\xff"])
def test_a_record_that_names_no_checkpoint_is_refused_and_nothing_begins_anew(tmp_path, record):
    Checkpoints(tmp_path, _state()).save_last()
    (tmp_path / "checkpoints" / "last" / "checkpoint").write_text(record)
    with pytest.raises(InputError, match=r"last/checkpoint names no checkpoint that is there"):
        Checkpoints(tmp_path, _state()).restore_last()
