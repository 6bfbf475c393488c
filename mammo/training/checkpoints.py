"""Checkpoints of a run: the last one, to resume from, and the best one, to use."""

import pathlib

import tensorflow as tf
from absl import logging

from mammo.common import errors
from mammo.common.errors import InputError
from mammo.training.state import TrainState

FOLDER = "checkpoints"


class Checkpoints:
    """The last and the best checkpoint of one workdir.

    TensorFlow writes a new checkpoint under its own file name, then records it as the newest, then deletes the previous
    one. So a run that is killed at any moment finds a complete checkpoint.
    """

    def __init__(self, workdir: pathlib.Path, state: TrainState) -> None:
        """Looks up the checkpoints of a workdir; restores nothing yet.

        Args:
            workdir: Folder of the run.
            state: State to save and restore.
        """
        self._state = state
        self._last = _manager(workdir, "last", tf.train.Checkpoint(state=state))
        self._best = _best_of(workdir, state.model)

    def restore_last(self) -> bool:
        """Restores the last checkpoint and logs the step it resumes at; returns whether there was one.

        Raises:
            InputError: It is damaged, does not fit the model, or holds weights of another type.
        """
        found = _restore(self._last)
        if found:
            logging.info("Going on from step %d.", self._state.step)
        return found

    def restore_best(self) -> bool:
        """Restores the best weights into the model; returns whether there were any."""
        return _restore(self._best)

    def save_last(self) -> None:
        """Saves the whole state.

        Raises:
            InputError: There is no space left.
        """
        self._save(self._last)

    def save_best(self) -> None:
        """Saves the averaged weights as the best so far."""
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
    """Restores the best weights of a run into a model.

    Raises:
        InputError: There are none yet, they are damaged, do not fit the model, or are of another type.
    """
    if not _restore(_best_of(workdir, model)):
        raise InputError(f"{workdir} has no checkpoint of the best weights; train to an evaluation first.")


def _best_of(workdir: pathlib.Path, model: tf.keras.Model) -> tf.train.CheckpointManager:
    """Returns the manager of what evaluation and inference need: the model, saved with its averaged weights."""
    return _manager(workdir, "best", tf.train.Checkpoint(model=model))


def _manager(workdir: pathlib.Path, name: str, checkpoint: tf.train.Checkpoint) -> tf.train.CheckpointManager:
    folder = workdir / FOLDER / name
    return tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=1, checkpoint_name=name)


def _restore(manager: tf.train.CheckpointManager) -> bool:
    path = manager.latest_checkpoint
    if path is None:
        return False
    try:
        narrow = _narrow_types(path)
        if not narrow:
            manager.checkpoint.restore(path).assert_existing_objects_matched()
    # All that TensorFlow raises for a file that is damaged or does not fit.
    except (AssertionError, IndexError, ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path} cannot be restored ({reason}); it is damaged or of another model, give another --workdir."
        ) from None
    if narrow:
        raise InputError(
            f"{path} holds {' and '.join(narrow)} weights, of a run made before weights were float32 in every "
            "precision; train again in another --workdir."
        )
    return True


def _narrow_types(path: str) -> list[str]:
    """Returns the names of the types below float32 that a checkpoint holds, which no float32 model can read."""
    types = tf.train.load_checkpoint(path).get_variable_to_dtype_map().values()
    return sorted({dtype.name for dtype in types} & {"bfloat16", "float16"})
