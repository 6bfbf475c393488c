"""Checkpoints of a run: the last one, to resume from, and the best one, to use."""

import contextlib
import dataclasses
import pathlib
import tempfile

import tensorflow as tf
from absl import logging

from mammo.common import errors, files, storage
from mammo.common.errors import InputError
from mammo.training import agreement, cluster
from mammo.training.state import TrainState

FOLDER = "checkpoints"

_LAST = "last"
_RECORD = "checkpoint"  # which is the newest, as `tf.train.latest_checkpoint` reads it: a CheckpointState as text
_RECORD_TEXT = 'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n'  # relative to its folder


class Checkpoints:
    """The last and the best checkpoint of one workdir.

    A new checkpoint gets files of its own name. When they are on the disk, it is recorded as the newest, and when that
    is on the disk, the previous one is deleted. So a run finds a complete checkpoint, whenever it was killed or the
    machine lost its power.
    """

    def __init__(self, workdir: pathlib.Path, state: TrainState) -> None:
        """Looks up the checkpoints of a workdir; restores nothing yet.

        Args:
            workdir: Folder of the run.
            state: State to save and restore.
        """
        self._state = state
        self._last = _Kept(workdir / FOLDER / _LAST, tf.train.Checkpoint(state=state))
        self._best = _best_of(workdir, state.model)

    def restore_last(self) -> bool:
        """Restores the last checkpoint and logs the step it resumes at; returns whether there was one.

        Raises:
            InputError: It is damaged, does not fit the model, or holds weights of another type.
        """
        found = self._last.restore()
        if found:
            logging.info("Going on from step %d.", self._state.step)
        return found

    def restore_best(self) -> bool:
        """Restores the best weights into the model; returns whether there were any."""
        return self._best.restore()

    def save_last(self) -> None:
        """Saves the whole state.

        Raises:
            InputError: There is no space left.
        """
        self._last.save(self._state.step)

    def save_best(self) -> None:
        """Saves the averaged weights as the best so far."""
        with self._state.averages.in_place():
            self._best.save(self._state.step)


def any_in(workdir: pathlib.Path) -> bool:
    """Tells whether a run has saved anything yet."""
    return any((workdir / FOLDER).glob(f"*/{_RECORD}"))


def has_last(workdir: pathlib.Path) -> bool:
    """Tells whether a run has a state to go on from."""
    return (workdir / FOLDER / _LAST / _RECORD).is_file()


def load_best(workdir: pathlib.Path, model: tf.keras.Model) -> None:
    """Restores the best weights of a run into a model.

    Raises:
        InputError: There are none yet, they are damaged, do not fit the model, or are of another type.
    """
    if not _best_of(workdir, model).restore():
        raise InputError(f"{workdir} has no checkpoint of the best weights; train to an evaluation first.")


@dataclasses.dataclass(frozen=True)
class _Kept:
    """The newest checkpoint of one kind, alone in its folder, whose name is that of the kind.

    Attributes:
        folder: With the files of the checkpoint, `<kind>-<step>.*`, and TensorFlow's record of it, `checkpoint`.
        checkpoint: What is saved.
    """

    folder: pathlib.Path
    checkpoint: tf.train.Checkpoint

    def save(self, step: int) -> None:
        """Saves, and deletes what was saved before; all workers call it, and the chief's is kept.

        Raises:
            InputError: There is no space left.
        """
        name, is_chief = f"{self.folder.name}-{step}", cluster.current().is_chief
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with agreement.written_by_chief(self.folder / name) as path:
                self.checkpoint.write(str(path))
            if not is_chief:
                return
            files.sync_tree(self.folder)
            files.write_text(self.folder / _RECORD, _RECORD_TEXT.format(name=name))
            self._sweep(name)
        except agreement.LOST_WORKER:  # nothing is wrong with the disk
            raise
        except (tf.errors.OpError, OSError) as error:
            if is_chief:
                with contextlib.suppress(OSError):  # the half that was written would take the room that is made
                    self._sweep(pathlib.Path(self._newest() or "").name)
            where = self.folder if is_chief else pathlib.Path(tempfile.gettempdir())
            raise InputError(
                f"{where}: the checkpoint of step {step} could not be written "
                f"({errors.reason_of(error)}); make room there and give the same command again."
            ) from None

    def restore(self) -> bool:
        """Restores what was saved last; returns whether there was anything.

        Raises:
            InputError: It is gone or damaged, does not fit the model, or holds weights of another type.
        """
        path = self._newest()
        if path is None:
            if (self.folder / _RECORD).exists():  # to begin anew would lose the run without a word
                raise InputError(
                    f"{self.folder / _RECORD} names no checkpoint that is there; put its files back, or give another "
                    "--workdir."
                )
            return False
        try:
            narrow = _narrow_types(path)
            if not narrow:
                self.checkpoint.read(path).assert_existing_objects_matched()
        except agreement.LOST_WORKER:
            raise
        # All that TensorFlow raises for a file that is damaged or does not fit.
        except (AssertionError, IndexError, ValueError, tf.errors.OpError) as error:
            if storage.cannot_be_reached(error):  # nothing is wrong with the checkpoint
                raise
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

    def _newest(self) -> str | None:
        try:
            newest: str | None = tf.train.latest_checkpoint(str(self.folder))
        except ValueError:  # of an empty record
            return None
        return newest

    def _sweep(self, kept: str) -> None:
        """Deletes every checkpoint but that of the name `kept`, those that were left half written included."""
        for path in self.folder.glob(f"{self.folder.name}-*"):
            if path.is_dir():  # where TensorFlow writes the parts of one
                storage.remove_tree(path)
            elif path.name.partition(".")[0] != kept:
                path.unlink()


def _best_of(workdir: pathlib.Path, model: tf.keras.Model) -> _Kept:
    """Returns what evaluation and inference need: the model, saved with its averaged weights."""
    return _Kept(workdir / FOLDER / "best", tf.train.Checkpoint(model=model))


def _narrow_types(path: str) -> list[str]:
    """Returns the names of the types below float32 that a checkpoint holds, which no float32 model can read."""
    types = tf.compat.v1.train.NewCheckpointReader(path).get_variable_to_dtype_map().values()
    return sorted({dtype.name for dtype in types} & {"bfloat16", "float16"})
