"""Makes one pair of shards, views and crops, out of a list of views: what one worker does at a time.

A pair is written whole or not at all, and a journal says what is in it, so that a conversion that was killed goes on
with the pairs that are missing.
"""

import contextlib
import dataclasses
import json
import pathlib
import tempfile
from collections.abc import Callable, Iterable, Iterator

import cv2

from data_tools import records
from data_tools.records import RecordOptions, ViewRecords
from data_tools.source import ListedExam, ListedView, Source
from mammo.clinical import labels
from mammo.clinical.labels import Label
from mammo.common import errors, files, storage, typed_json
from mammo.common.errors import ImageError, InputError
from mammo.data import index, shard_files
from mammo.data.encodings import Content
from mammo.data.manifests import DataFile

JOURNAL_FOLDER = ".journal"
CONTENTS = ("views", "crops")
"""Of the two shards of a pair."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One pair of shards to make.

    Attributes:
        split: "train", "validation" or "test".
        index: Which pair of the split.
        count: How many pairs the split has.
        views: Those to convert, in order.
    """

    split: str
    index: int
    count: int
    views: tuple[tuple[ListedExam, ListedView], ...]

    @property
    def key(self) -> tuple[str, int]:
        """Which pair of which split."""
        return self.split, self.index

    def file_name(self, content: str) -> str:
        """Returns the name of one file of the pair; `content` is "views" or "crops"."""
        return f"{self.split}-{content}-{self.index:05d}-of-{self.count:05d}.tfrecord"


@dataclasses.dataclass
class Result:
    """What one pair of shards holds, and which views could not be used.

    Attributes:
        shards: The two files.
        patients: Ids of the patients in them.
        exams: Ids of the exams in them.
        images: Number of views by label; "unknown" is a key only where there are such, here and in the next two.
        lesions: Number of outlines by pathology.
        crops: Number of crops by label; "background" for those without a lesion.
        widened: Views whose crop had to be widened to hold a lesion.
        rejected: (path, reason) of each view that could not be used.
        rows: Of the index, by "views" and "crops": one a record, in order.
    """

    shards: list[DataFile] = dataclasses.field(default_factory=list)
    patients: set[str] = dataclasses.field(default_factory=set)
    exams: set[str] = dataclasses.field(default_factory=set)
    images: dict[str, int] = dataclasses.field(default_factory=lambda: dict.fromkeys(labels.NAMES, 0))
    lesions: dict[str, int] = dataclasses.field(default_factory=lambda: dict.fromkeys(labels.LESION_NAMES, 0))
    crops: dict[str, int] = dataclasses.field(
        default_factory=lambda: dict.fromkeys([Content.BACKGROUND, *labels.LESION_NAMES], 0)
    )
    widened: int = 0
    rejected: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    rows: dict[str, list[str]] = dataclasses.field(default_factory=lambda: {content: [] for content in CONTENTS})

    def add(self, made: ViewRecords, shard_index: int) -> None:
        """Counts what one view gave to the pair of shards of this index, and describes its records in rows."""
        self.patients.add(made.view["patient_id"])
        self.exams.add(made.view["exam_id"])
        _count(self.images, made.view["label"].title)
        for pathology in made.view["pathologies"]:
            _count(self.lesions, pathology.title)
        for crop in made.crops:
            is_background = crop["content"] == Content.BACKGROUND and crop["label"] != Label.UNKNOWN
            _count(self.crops, Content.BACKGROUND if is_background else crop["label"].title)
        self.widened += made.is_widened
        for content, records_of_view in zip(CONTENTS, ([made.view], made.crops), strict=True):
            rows = self.rows[content]
            for record in records_of_view:
                rows.append(index.row_of(shard_files.make_key(shard_index, len(rows)), record))


def read_journals(output_dir: pathlib.Path, tasks: Iterable[Task]) -> dict[tuple[str, int], Result | None]:
    """Returns what `read_journal` does of each task, by its key; a bucket is asked once which journals there are."""
    there = {path.name for path in (output_dir / JOURNAL_FOLDER).iterdir()}
    return {
        task.key: read_journal(output_dir, task) if _journal_path(output_dir, task).name in there else None
        for task in tasks
    }


def read_journal(output_dir: pathlib.Path, task: Task) -> Result | None:
    """Returns what an earlier run made of a task, or None if it has to be made.

    A pair in which a view was rejected is made again: the file at fault may have been put right since. So is one whose
    files are gone or cut short, by a person or by a machine that lost its power.
    """
    try:
        result = typed_json.into(typed_json.read(_journal_path(output_dir, task)), Result)
    except (FileNotFoundError, ValueError):
        return None
    is_whole = all(_size_of(output_dir / shard.name) == shard.bytes for shard in result.shards)
    return result if is_whole and not result.rejected else None


def make(
    options: RecordOptions,
    source: Source,
    task: Task,
    output_dir: pathlib.Path,
    after_view: Callable[[], None],
) -> Result:
    """Makes one pair of shards and its journal.

    Args:
        options: Of the records.
        source: Where the views come from.
        task: Which views.
        output_dir: Where to.
        after_view: Called after each view, for progress.

    Raises:
        InputError: The folder is full or may not be written to.
    """
    import tensorflow as tf  # noqa: PLC0415  only workers need it: the program that starts them starts at once

    from mammo.data import schema  # noqa: PLC0415

    result = Result()
    views_path, crops_path = (output_dir / task.file_name(content) for content in CONTENTS)
    with (
        writing_into(output_dir, "--output_dir"),
        files.replacing(views_path) as views_partial,
        files.replacing(crops_path) as crops_partial,
    ):
        with tf.io.TFRecordWriter(str(views_partial)) as views, tf.io.TFRecordWriter(str(crops_partial)) as crops:
            for exam, view in task.views:
                try:
                    made = _records_of(options, source, exam, view)
                except ImageError as error:
                    result.rejected.append((_relative(error.path, options.data_dir), error.reason))
                else:
                    views.write(schema.encode(made.view))
                    for crop in made.crops:
                        crops.write(schema.encode(crop))
                    result.add(made, task.index)
                after_view()
        result.shards = [
            DataFile.of(partial, content, len(result.rows[content]), name=task.file_name(content))
            for partial, content in zip((views_partial, crops_partial), CONTENTS, strict=True)
        ]
    _write_journal(output_dir, task, result)
    return result


@contextlib.contextmanager
def writing_into(folder: pathlib.Path, flag: str) -> Iterator[None]:
    """Turns what TensorFlow raises, when it cannot write records into a folder, into a sentence.

    Args:
        folder: Where the block writes.
        flag: Which names the folder, or that above it.

    Raises:
        InputError: The folder is full or may not be written to.
    """
    import tensorflow as tf  # noqa: PLC0415  see `make`

    try:
        yield
    except tf.errors.OpError as error:
        where = tempfile.gettempdir() if storage.is_stored(folder) else folder  # what goes into a bucket is made there
        raise InputError(f"{where}: {errors.reason_of(error)}; make room there or give another {flag}.") from None


def _records_of(options: RecordOptions, source: Source, exam: ListedExam, view: ListedView) -> ViewRecords:
    """Makes the records of one view, and decides what is the view's own fault: that costs the view alone.

    It is what readers of bytes from outside raise, an `ImageError`; and want of memory, which the other views may have.
    Anything else is a fault of the program: it ends the conversion with its traceback, which names the view.

    Raises:
        ImageError: The view, or a file that belongs to it, cannot be used.
    """
    try:
        return records.make(options, source, exam, view)
    except ImageError:
        raise
    except Exception as error:
        if isinstance(error, MemoryError) or (isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem):
            raise ImageError(view.path, "takes more memory than there is; run it again with fewer --workers") from None
        error.add_note(f"It came of {view.path}.")
        raise


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _size_of(path: pathlib.Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def _journal_path(output_dir: pathlib.Path, task: Task) -> pathlib.Path:
    return output_dir / JOURNAL_FOLDER / f"{task.split}-{task.index:05d}.json"


def _write_journal(output_dir: pathlib.Path, task: Task, result: Result) -> None:
    fields = dataclasses.asdict(result)
    fields["patients"], fields["exams"] = sorted(result.patients), sorted(result.exams)
    files.write_text(_journal_path(output_dir, task), json.dumps(fields))


def _relative(path: pathlib.Path, folder: pathlib.Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
