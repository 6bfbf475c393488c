"""A whole conversion: list, split, make the shards in several processes, check, and write the manifest last.

The manifest is what makes a folder a data set: as long as it is not there, the same command goes on where it stopped.
"""

import contextlib
import dataclasses
import functools
import json
import logging
import os
import pathlib
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from data_tools import decoders, shard_pairs, splits
from data_tools.engines.engine import Engine
from data_tools.records import RecordOptions
from data_tools.shard_pairs import Result, Task
from data_tools.source import ListedExam, Source
from mammo.common import csv_text, files, storage, typed_json
from mammo.common.errors import InputError
from mammo.data import index, manifests
from mammo.data.manifests import Manifest, Split
from mammo.imaging import pixel_path

_SETTINGS_FILE = "settings.json"
_LOCK_FILE = "lock"
REJECTED_FILE = "rejected.csv"
_SAY_EVERY_S = 60.0


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A conversion as a person asks for it.

    Attributes:
        source: Where the exams come from.
        labels: Where the source takes pathologies from, for the manifest.
        options: Of the records.
        output_dir: Where the shards go.
        views_per_shard: At most.
        limit: Only this many exams, drawn from the seed; 0 for all.
        max_rejected: More views than this that cannot be used are an error.
        engine: What makes the pairs of shards.
        only_split: All patients go there, as of data that a model is only evaluated on; None: they are split.
    """

    source: Source
    labels: str
    options: RecordOptions
    output_dir: pathlib.Path
    views_per_shard: int
    limit: int
    max_rejected: int
    engine: Engine
    only_split: str | None = None

    def run(self) -> Manifest:
        """Converts, or goes on with a conversion that was stopped.

        Raises:
            InputError: The source or the folder cannot be used, or too many views were rejected.
        """
        exams = self._drawn(self.source.list_exams())
        tasks = self._tasks(exams)
        with self._claimed_output_dir(tasks):
            if self._is_whole:
                logging.warning("%s was whole already; what was left of its journal is removed.", self.output_dir)
                return manifests.read(self.output_dir)
            results = self._make_all(tasks)
            self._report_rejected(results, sum(len(task.views) for task in tasks))
            made = self._manifest(tasks, results)
            made.write(self.output_dir)
        return made

    def _drawn(self, exams: list[ListedExam]) -> list[ListedExam]:
        if not self.limit:
            return exams
        order = np.random.default_rng(self.options.seed).permutation(len(exams))
        return [exams[index] for index in sorted(order[: self.limit])]

    def _tasks(self, exams: list[ListedExam]) -> list[Task]:
        split_of = splits.split_by_patient(exams, self.options.seed)
        if self.only_split:
            split_of = dict.fromkeys(split_of, self.only_split)
        tasks = []
        for split in manifests.SPLITS:
            views = [(exam, view) for exam in exams if split_of[exam.patient_id] == split for view in exam.views]
            order = np.random.default_rng([self.options.seed, zlib.crc32(split.encode())]).permutation(len(views))
            parts = [
                order[start : start + self.views_per_shard] for start in range(0, len(views), self.views_per_shard)
            ]
            tasks += [
                Task(split, index, len(parts), tuple(views[place] for place in part))
                for index, part in enumerate(parts)
            ]
        if not tasks:
            raise InputError(f"{self.options.data_dir} holds no exams.")
        return tasks

    def _make_all(self, tasks: list[Task]) -> list[Result]:
        """Returns the result of every task, in order, those of an earlier run included."""
        results = shard_pairs.read_journals(self.output_dir, tasks)
        missing = [task for task in tasks if results[task.key] is None]
        total = sum(len(task.views) for task in tasks)
        make = functools.partial(_make_one, decoders.versions(), self.options, self.source, self.output_dir)
        done = total - sum(len(task.views) for task in missing)
        made: list[Result] = []
        said_s = time.monotonic()
        for key, result in self.engine.run(make, missing, total=total, unit=" view", done=done):
            results[key] = result
            made.append(result)
            if time.monotonic() - said_s > _SAY_EVERY_S:
                said_s = time.monotonic()
                logging.info("So far: %s.", _counted(made))
        logging.info("Made %s.", _counted(made))
        return [result for result in results.values() if result is not None]

    def _report_rejected(self, results: list[Result], views: int) -> None:
        rejected = sorted(line for result in results for line in result.rejected)
        files.write_text(self.output_dir / REJECTED_FILE, csv_text.table(("path", "reason"), rejected))
        if len(rejected) > self.max_rejected:
            path, reason = rejected[0]
            raise InputError(
                f"{len(rejected)} of {views} views cannot be used, more than --max_rejected={self.max_rejected}; "
                f"{self.output_dir / REJECTED_FILE} lists them all, the first: {path} {reason}."
            )

    def _manifest(self, tasks: list[Task], results: list[Result]) -> Manifest:
        by_split: dict[str, list[Result]] = {split: [] for split in manifests.SPLITS}
        for task, result in zip(tasks, results, strict=True):
            by_split[task.split].append(result)
        splits.check_disjoint({split: _union(r.patients for r in part) for split, part in by_split.items()})
        return Manifest(
            format_version=manifests.FORMAT_VERSION,
            source=self.source.name,
            labels=self.labels,
            pixel_path_version=pixel_path.PIXEL_PATH_VERSION,
            height_px=self.options.height_px,
            width_px=self.options.width_px,
            encoding=self.options.encoding,
            seed=self.options.seed,
            rejected=sum(len(result.rejected) for result in results),
            widened=sum(result.widened for result in results),
            splits={split: self._split(split, part) for split, part in by_split.items()},
        )

    def _split(self, name: str, results: list[Result]) -> Split:
        """Adds up what the pairs of one split hold, and writes the index of its views and that of its crops."""
        rows = {
            content: [row for result in results for row in result.rows[content]] for content in shard_pairs.CONTENTS
        }
        return Split(
            patients=len(_union(result.patients for result in results)),
            exams=len(_union(result.exams for result in results)),
            images=_sum([Result().images, *(result.images for result in results)]),
            lesions=_sum([Result().lesions, *(result.lesions for result in results)]),
            crops=_sum([Result().crops, *(result.crops for result in results)]),
            shards=tuple(shard for result in results for shard in result.shards),
            indexes=tuple(index.write(self.output_dir, name, content, rows[content]) for content in rows),
        )

    @contextlib.contextmanager
    def _claimed_output_dir(self, tasks: list[Task]) -> Iterator[None]:
        """Holds the output folder for this conversion; when the block ends well, drops the journal.

        Raises:
            InputError: It holds something else, another conversion, or one that is running.
        """
        journal = self.output_dir / shard_pairs.JOURNAL_FOLDER
        if not journal.is_dir():
            self._check_is_free()
        with self._lock(journal):
            self._check_settings(journal / _SETTINGS_FILE, tasks)
            self._drop_partials()
            try:
                yield
            finally:
                self._drop_partials()  # those of workers that were killed
            self._drop_journal(journal)

    @contextlib.contextmanager
    def _lock(self, journal: pathlib.Path) -> Iterator[None]:
        """Makes the journal, and holds a lock in it."""
        with contextlib.ExitStack() as held:
            try:
                journal.mkdir(parents=True, exist_ok=True)
                lock = held.enter_context(storage.lock(journal / _LOCK_FILE))
                # The conversion that held it may have ended, and deleted it, meanwhile.
                is_ours = lock is None or os.path.samestat(os.fstat(lock.fileno()), (journal / _LOCK_FILE).stat())
            except (BlockingIOError, FileNotFoundError):
                is_ours = False
            if not is_ours:
                raise InputError(f"{self.output_dir} is being written by another conversion.")
            yield

    def _check_is_free(self) -> None:
        if self.output_dir.is_dir() and any(self.output_dir.iterdir()):
            what = "a finished conversion" if self._is_whole else "other files"
            raise InputError(f"{self.output_dir} already holds {what}; give another --output_dir or empty it.")

    @property
    def _is_whole(self) -> bool:
        """Whether all is there: the manifest is written last."""
        return (self.output_dir / manifests.FILE_NAME).is_file()

    def _drop_partials(self) -> None:
        if storage.is_stored(self.output_dir):  # where there are none
            return
        for partial in self.output_dir.rglob(f"*{files.PARTIAL_SUFFIX}"):
            partial.unlink(missing_ok=True)

    @staticmethod
    def _drop_journal(journal: pathlib.Path) -> None:
        """Deletes the settings last: as long as they are there, the same command goes on, and ends here again."""
        for path in journal.iterdir():
            if path.name not in (_SETTINGS_FILE, _LOCK_FILE):
                path.unlink(missing_ok=True)  # a copy of a task, as Spark makes, may rename its own now
        storage.remove_tree(journal)

    def _check_settings(self, path: pathlib.Path, tasks: list[Task]) -> None:
        settings = self._settings(tasks)
        if not path.exists():
            if self._is_whole:  # killed between its last two deletions; whether it was of this command, nothing tells
                storage.remove_tree(path.parent)
                self._check_is_free()
            files.write_text(path, json.dumps(settings))
            return
        try:
            earlier = typed_json.into(typed_json.read(path), dict[str, object])
        except ValueError:
            raise InputError(f"{path} is damaged; empty {self.output_dir} and convert anew.") from None
        for key, value in settings.items():
            if earlier.get(key) != value:
                raise InputError(
                    f"{self.output_dir} holds the beginning of another conversion (its {key} is "
                    f"{earlier.get(key)}, not {value}); give another --output_dir or empty it."
                )

    def _settings(self, tasks: list[Task]) -> dict[str, object]:
        """Everything that decides the bytes, so that a conversion goes on only with what it began with."""
        listing = [
            (task.split, exam.exam_id, exam.status.name, view.path.name, len(view.outline_paths))
            for task in tasks
            for exam, view in task.views
        ]
        return {
            "format": manifests.FORMAT_VERSION,
            "pixel path": pixel_path.PIXEL_PATH_VERSION,
            "source": self.source.name,
            "labels": self.labels,
            "height": self.options.height_px,
            "width": self.options.width_px,
            "encoding": self.options.encoding,
            "seed": self.options.seed,
            "background crops": self.options.background_crops,
            "views per shard": self.views_per_shard,
            "list of views": zlib.crc32(json.dumps(listing).encode()),
        }


def _make_one(
    versions: Mapping[str, str],
    options: RecordOptions,
    source: Source,
    output_dir: pathlib.Path,
    task: Task,
    after_view: Callable[[], None],
) -> tuple[tuple[str, int], Result]:
    decoders.check_same(versions)
    return task.key, shard_pairs.make(options, source, task, output_dir, after_view)


def _counted(made: Sequence[Result]) -> str:
    """Says what pairs of shards hold."""
    views = sum(len(result.rows["views"]) for result in made)
    rejected = sum(len(result.rejected) for result in made)
    size_bytes = sum(shard.bytes for result in made for shard in result.shards)
    return f"{len(made):,} pairs of shards of {views:,} views, {size_bytes:,} bytes, {rejected:,} rejected"


def _union(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)


def _sum(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Adds up counts key by key; the first part gives the keys and their order, so that no cancer is said as 0."""
    total: dict[str, int] = {}
    for part in parts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return total
