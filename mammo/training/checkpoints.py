"""Checkpoints of a run: the last one, to go on from, and the best one, to use."""

import pathlib

import tensorflow as tf
from absl import logging

from mammo.common import errors
from mammo.common.errors import InputError
from mammo.training.state import TrainState

FOLDER = "checkpoints"


class Checkpoints:
    """The last and the best checkpoint of one workdir.

    TensorFlow writes a checkpoint under a name of its own and only then names it as the newest, before it deletes the
    one before: a run that is killed at any moment finds a whole one.
    """

    def __init__(self, workdir: pathlib.Path, state: TrainState) -> None:
        """Looks into the workdir; restores nothing yet.

        Args:
            workdir: Of the run.
            state: What is saved and restored.
        """
        self._state = state
        self._last = _manager(workdir, "last", tf.train.Checkpoint(state=state))
        self._best = _best_of(workdir, state.model)

    def restore_last(self) -> bool:
        """Restores the last checkpoint, and says from which step it goes on; returns whether there was one.

        Raises:
            InputError: It is damaged or does not fit the model.
        """
        found = _restore(self._last)
        if found:
            logging.info("Going on from step %d.", self._state.step)
        return found

    def restore_best(self) -> bool:
        """Puts the best weights into the model; returns whether there were any."""
        return _restore(self._best)

    def save_last(self) -> None:
        """Saves all of the state.

        Raises:
            InputError: There is no space left.
        """
        self._save(self._last)

    def save_best(self) -> None:
        """Saves the averaged weights, as the best so far."""
        with self._state.averaged():
            self._save(self._best)

    def _save(self, manager: tf.train.CheckpointManager) -> None:
        try:
            manager.save(checkpoint_number=self._state.step)
        except (tf.errors.OpError, OSError) as error:
            raise InputError(
                f"{manager.directory}: the checkpoint of step {self._state.step} could not be written "
                f"({errors.reason_of(error)}); make room there and give the same command again."
            ) from None


def any_in(workdir: pathlib.Path) -> bool:
    """Tells whether a run has saved anything yet."""
    return any((workdir / FOLDER).glob("*/checkpoint"))


def load_best(workdir: pathlib.Path, model: tf.keras.Model) -> None:
    """Puts the best weights of a run into a model.

    Raises:
        InputError: There are none yet, they are damaged or do not fit the model.
    """
    if not _restore(_best_of(workdir, model)):
        raise InputError(f"{workdir} has no checkpoint of the best weights; train to an evaluation first.")


def _best_of(workdir: pathlib.Path, model: tf.keras.Model) -> tf.train.CheckpointManager:
    """What evaluation and inference need: the averaged weights, in the model's place."""
    return _manager(workdir, "best", tf.train.Checkpoint(model=model))


def _manager(workdir: pathlib.Path, name: str, checkpoint: tf.train.Checkpoint) -> tf.train.CheckpointManager:
    folder = workdir / FOLDER / name
    return tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=1, checkpoint_name=name)


def _restore(manager: tf.train.CheckpointManager) -> bool:
    path = manager.latest_checkpoint
    if path is None:
        return False
    try:
        manager.checkpoint.restore(path).assert_existing_objects_matched()
    # Whatever the reader stumbles over.
    except (AssertionError, IndexError, ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path} cannot be restored ({reason}); it is damaged or of another model, give another --workdir."
        ) from None
    return True
