"""The folder of the answers belongs to one run: locked while it runs, marked as its own, and gone on with afterwards.

What another run left there (of another model, with other settings, of other exams or of files that have changed since)
is kept: it moves to `earlier/<when that run began>/` before the first new file is written, so that no old answer stands
beside a new table. Files that no run wrote are never touched.
"""

import contextlib
import dataclasses
import datetime
import errno
import fcntl
import json
import os
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mammo.clinical.exams import ExamResult
from mammo.common import files, typed_json
from mammo.common.errors import InputError
from mammo.inference.exam_files import ExamFiles
from mammo.inference.listing import OUTPUT_MARK
from mammo.inference.naming import EARLIER_FOLDER
from mammo.writers import journal
from mammo.writers.journal import Journal

LOCK_NAME = ".mammo-lock"

_OF_SYSTEMS = ("lost+found", "@eaDir", "Thumbs.db", "desktop.ini", "System Volume Information", "$RECYCLE.BIN")

_FORMAT_VERSION = 1  # of the mark and of the journal

Setting = str | float | bool | None


@dataclasses.dataclass(frozen=True)
class Asked:
    """What decides the answers of a run, but for the exams: with the same, a run goes on with another.

    Attributes:
        model_sha256: Of the bundle.
        pixel_path_version: By which images are prepared.
        formats: What is written.
        settings: By their names.
    """

    model_sha256: str
    pixel_path_version: int
    formats: tuple[str, ...]
    settings: Mapping[str, Setting]


@dataclasses.dataclass(frozen=True)
class _Mark:
    """What the mark file holds."""

    began: str
    asked: Asked
    format_version: int = _FORMAT_VERSION


class Claim:
    """A folder that is this run's alone. Nothing in it changes before `begin`.

    Attributes:
        taken_over: What an earlier run has said of exams, by their ids; they need not be asked again.
        remaining: The exams to ask.
        earlier: Where answers of an earlier run are moved to; None: there are none.
    """

    def __init__(
        self, folder: pathlib.Path, asked: Asked, exams: Sequence[ExamFiles], of_all_exams: Sequence[str]
    ) -> None:
        """Looks at what lies there.

        Args:
            folder: Is locked.
            asked: By this run.
            exams: Of this run.
            of_all_exams: What a run writes for all of its exams, such as a table.
        """
        self._folder, self._of_all_exams = folder, of_all_exams
        mark, found = _read_mark(folder), journal.read(folder)
        self._signatures = {exam.exam_id: journal.signature(exam) for exam in exams}
        is_same_run = mark is not None and mark.asked == asked
        same = {
            exam_id: record
            for exam_id, record in found.items()
            if is_same_run and record.files == self._signatures.get(exam_id)
        }
        self._kept = [record for record in same.values() if record.is_whole(folder)]
        self._stale = [exam_id for exam_id in found if exam_id not in same]
        self._goes_on = is_same_run and bool(self._kept or not self._stale)
        if mark is not None and self._goes_on:
            self._mark = mark
        else:
            self._kept, self._stale = [], list(found)
            self._mark = _Mark(_now(), asked)
        self._unfinished = same.keys() - {record.exam_id for record in self._kept} - set(self._stale)
        self.taken_over: dict[str, ExamResult] = {
            record.exam_id: record.result for record in self._kept if record.result is not None
        }
        self.remaining = [exam for exam in exams if exam.exam_id not in self.taken_over]
        self._journal: Journal | None = None
        self._moving = self._to_move()
        self.earlier = self._place_for(self._moving, mark.began if mark else _now()) if self._moving else None

    def begin(self) -> None:
        """Moves away what other runs wrote, and marks the folder.

        Raises:
            OSError: The folder cannot be written; what was there stays, here or in `earlier`.
        """
        if self.earlier is not None:
            self.earlier.mkdir(parents=True, exist_ok=True)
            for name in self._moving:  # the mark last: a run that is killed here does it again
                (self._folder / name).rename(self.earlier / name)
        for exam_id in self._unfinished:
            self._drop(exam_id)
        for partial in self._folder.iterdir():
            if files.PARTIAL_NAME.fullmatch(partial.name):
                partial.unlink()
        self._journal = Journal(self._folder, self._kept)
        if not self._goes_on:
            files.write_text(self._folder / OUTPUT_MARK, json.dumps(dataclasses.asdict(self._mark), indent=2) + "\n")

    def begin_exam(self, exam_id: str) -> None:
        """Says that files of an exam may be there from now on."""
        assert self._journal is not None
        self._journal.begin(exam_id, self._signatures[exam_id])

    def done(self, result: ExamResult, written: Iterable[pathlib.Path]) -> None:
        """Keeps what is said of an exam, once all of it is written."""
        assert self._journal is not None
        self._journal.done(result, self._signatures[result.exam_id], written)

    def close(self) -> None:
        """Ends the run."""
        if self._journal is not None:
            self._journal.close()

    def _to_move(self) -> list[str]:
        """Names of what there is of exams that are not this run's, and of what was written for all exams with them."""
        if self._goes_on and not self._stale:
            return []
        names = [name for exam_id in self._stale for name in _names_of(exam_id)] + list(self._of_all_exams)
        there = [name for name in names if (self._folder / name).exists()]
        own = [] if self._goes_on or not there else [journal.NAME, OUTPUT_MARK]
        return there + [name for name in own if (self._folder / name).exists()]

    def _place_for(self, names: Iterable[str], began: str) -> pathlib.Path:
        """Returns a folder in which none of the names is taken."""
        place, number = self._folder / EARLIER_FOLDER / began, 1
        while any((place / name).exists() for name in names):
            number += 1
            place = place.with_name(f"{began}_{number}")
        return place

    def _drop(self, exam_id: str) -> None:
        """Removes what a run that was stopped wrote of an exam that is asked again."""
        of_exam, of_views = (self._folder / name for name in _names_of(exam_id))
        of_exam.unlink(missing_ok=True)
        if of_views.is_dir():
            for picture in of_views.iterdir():
                if picture.suffix == ".png" or files.PARTIAL_NAME.fullmatch(picture.name):
                    picture.unlink()


@contextlib.contextmanager
def claim(
    folder: pathlib.Path, asked: Asked, exams: Sequence[ExamFiles], of_all_exams: Sequence[str]
) -> Iterator[Claim]:
    """Holds a folder, which is made if need be, for a run.

    Args:
        folder: For the answers.
        asked: By this run.
        exams: Of this run.
        of_all_exams: What a run writes for all of its exams, such as a table.

    Raises:
        InputError: Another run holds it, it holds files that no run wrote, or files that this run is to read.
        OSError: It cannot be made or written.
    """
    _refuse_other_files(folder)
    _refuse_inputs(folder, exams)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder} is being written by another run; wait until that has ended, or give another --output_dir."
            ) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):  # file systems that cannot lock
                raise
        claimed = Claim(folder, asked, exams, of_all_exams)
        try:
            yield claimed
        finally:
            claimed.close()


def _refuse_other_files(folder: pathlib.Path) -> None:
    if not folder.exists() or (folder / OUTPUT_MARK).exists():
        return
    names = (path.name for path in folder.iterdir())
    others = sorted(name for name in names if not name.startswith(".") and name not in (*_OF_SYSTEMS, EARLIER_FOLDER))
    if others:
        raise InputError(
            f"{folder} holds other files, such as {others[0]}; answers go into a folder of their own: give another "
            "--output_dir, or an empty one."
        )


def _refuse_inputs(folder: pathlib.Path, exams: Iterable[ExamFiles]) -> None:
    """Answers must not come between what they are about, nor move it."""
    own = os.path.realpath(folder)
    parents = {view.path.parent for exam in exams for view in exam.views if view.path is not None}
    for parent in sorted(parents):
        if pathlib.Path(os.path.realpath(parent)).is_relative_to(own):
            raise InputError(f"{parent} holds views, and lies in --output_dir {folder}; give another --output_dir.")


def _names_of(exam_id: str) -> tuple[str, str]:
    """Of what is written of an exam, and of its views."""
    return f"{exam_id}.json", exam_id


def _read_mark(folder: pathlib.Path) -> _Mark | None:
    """Returns what the mark holds; None where there is none, or it is damaged or of another version of the project."""
    try:
        mark = typed_json.into(typed_json.read(folder / OUTPUT_MARK), _Mark)
    except (FileNotFoundError, ValueError):
        return None
    return mark if mark.format_version == _FORMAT_VERSION and re.fullmatch(r"[0-9TZ-]+", mark.began) else None


def _now() -> str:
    """Returns the time as a folder may be called on any file system."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
