"""What a run has done, exam by exam, so that the same command goes on after a run that was stopped or killed.

Each line is a record in JSON, in full precision. One that was cut off, as the power went or the disk was full, does not
count: its exam is asked again.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from mammo.clinical.exams import ExamResult
from mammo.common import files
from mammo.inference import naming
from mammo.inference.exam_files import ExamFiles, ViewFile

NAME = ".mammo-journal.jsonl"


@dataclasses.dataclass(frozen=True)
class Record:
    """An exam that a run began with or has done.

    Attributes:
        exam_id: Its id.
        files: `signature` of its files.
        written: The sizes of what was written of it, in bytes, by the path in the folder of answers.
        result: What is said of it; None: it was begun with.
    """

    exam_id: str
    files: str
    written: Mapping[str, int] = dataclasses.field(default_factory=dict)
    result: ExamResult | None = None

    def is_whole(self, folder: pathlib.Path) -> bool:
        """Tells whether all of its views were read, and what was written of it is there as it was written."""
        if self.result is None or self.result.failed:  # a file may be put right, or the network be back
            return False
        return all(_size(folder / name) == size_bytes for name, size_bytes in self.written.items())


class Journal:
    """Is open to add records to."""

    def __init__(self, folder: pathlib.Path, records: Iterable[Record]) -> None:
        """Begins with some records of the run before.

        Args:
            folder: Of answers.
            records: What to keep.
        """
        self._folder, self._path = folder, folder / NAME
        files.write_text(self._path, "".join(map(_line, records)))
        self._file = self._path.open("a", encoding="ascii")

    def begin(self, exam_id: str, files_signature: str) -> None:
        """Says that files of an exam may be in the folder from now on."""
        self._add(Record(exam_id, files_signature))

    def done(self, result: ExamResult, files_signature: str, written: Iterable[pathlib.Path]) -> None:
        """Keeps what is said of an exam; it is on the disk when this returns."""
        sizes = {path.relative_to(self._folder).as_posix(): path.stat().st_size for path in written}
        self._add(Record(result.exam_id, files_signature, sizes, result))
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _named(error, self._path) from None

    def close(self) -> None:
        """Ends it; it stays in the folder."""
        try:
            self._file.close()
        except OSError as error:
            raise _named(error, self._path) from None

    def _add(self, record: Record) -> None:
        try:
            self._file.write(_line(record))
            self._file.flush()
        except OSError as error:
            raise _named(error, self._path) from None


def read(folder: pathlib.Path) -> dict[str, Record]:
    """Returns the last record of each exam, by its id."""
    try:
        lines = (folder / NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return {}
    records = (_record(line) for line in lines)
    # An id becomes the names of files that are moved: one that this project does not give leads nowhere.
    return {
        record.exam_id: record for record in records if record and record.exam_id == naming.safe(record.exam_id) != ""
    }


def signature(exam: ExamFiles) -> str:
    """Returns what changes with the files of an exam: their paths, sizes and times, and what was said of them."""
    told = [exam.given_id, [_told(view) for view in exam.views]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _told(view: ViewFile) -> Sequence[str | int | None]:
    size_bytes = changed_ns = None
    if view.path is not None:
        try:
            status = view.path.stat()
            size_bytes, changed_ns = status.st_size, status.st_mtime_ns
        except OSError:
            pass  # it is not there, which its reason says
    return view.name, size_bytes, changed_ns, view.laterality, view.projection, view.apart


def _line(record: Record) -> str:
    return json.dumps(msgspec.to_builtins(record, enc_hook=os.fspath), allow_nan=False) + "\n"


def _record(line: bytes) -> Record | None:
    try:
        # Python's own reader takes the lone surrogates that names in no encoding are kept as.
        return msgspec.convert(json.loads(line), Record, dec_hook=lambda kind, value: kind(value))
    except (ValueError, RecursionError, TypeError):
        return None


def _size(path: pathlib.Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _named(error: OSError, path: pathlib.Path) -> OSError:
    """The system does not say which file it could not write."""
    error.filename = error.filename or str(path)
    return error
