"""How long the work on a run has taken, in all of its processes: those that were killed included."""

import contextlib
import json
import pathlib
import threading
import time
from collections.abc import Iterator

import msgspec

from mammo.common import files, typed_json
from mammo.training import cluster

FILE_NAME = "seconds.json"

_NOTE_EVERY_S = 10.0  # as much of the work of a process that is killed is not counted, at most


class Seconds(msgspec.Struct, frozen=True):
    """What was counted.

    Attributes:
        preparation_s: Drawing and converting the data.
        training_s: Building, compiling and restoring the network, training and evaluating it.
    """

    preparation_s: float = 0.0
    training_s: float = 0.0


class Stopwatch:
    """Counts the seconds of one part of the work, from its making on, and notes them in the workdir now and then."""

    def __init__(self, folder: pathlib.Path, part: str) -> None:
        """Starts.

        Args:
            folder: The workdir; already claimed.
            part: Name of a field of `Seconds`.
        """
        self._folder, self._part = folder, part
        self._before = read(folder)
        self._began_s = time.monotonic()
        self._is_counting = True

    @property
    def total_s(self) -> float:
        """Seconds of this part until now, in all processes."""
        before_s: float = getattr(self._before, self._part)
        return before_s + (time.monotonic() - self._began_s if self._is_counting else 0.0)

    def stop(self) -> None:
        """Counts no further."""
        self._before, self._is_counting = self._counted(), False

    def discount(self) -> None:
        """Counts nothing of this process: the work was done already, and is only looked at again."""
        self._is_counting = False

    def note(self) -> None:
        """Writes what was counted.

        Raises:
            OSError: The disk is full.
        """
        if self._is_counting and cluster.current().is_chief:
            text = json.dumps(msgspec.structs.asdict(self._counted()), indent=2)
            files.write_text(self._folder / FILE_NAME, text + "\n")

    def _counted(self) -> Seconds:
        return msgspec.structs.replace(self._before, **{self._part: self.total_s})


@contextlib.contextmanager
def counting(folder: pathlib.Path, part: str) -> Iterator[Stopwatch]:
    """Counts the seconds of the block, however it or its process ends.

    Args:
        folder: The workdir; already claimed.
        part: Name of a field of `Seconds`.
    """
    watch, has_ended = Stopwatch(folder, part), threading.Event()

    def note_now_and_then() -> None:
        while not has_ended.wait(_NOTE_EVERY_S):
            with contextlib.suppress(OSError):  # a full disk: whoever has something to lose there says so
                watch.note()

    thread = threading.Thread(target=note_now_and_then, name="stopwatch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        has_ended.set()
        thread.join()
        with contextlib.suppress(OSError):
            watch.note()
        watch.stop()


def read(folder: pathlib.Path) -> Seconds:
    """Returns what was counted so far; a file that is missing or damaged counts as nothing."""
    try:
        return typed_json.into(typed_json.read(folder / FILE_NAME), Seconds)
    except (OSError, ValueError):
        return Seconds()
