"""All formats of answer: a new one is a file beside this one, and a line here."""

import contextlib
import dataclasses
import itertools
import pathlib
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mammo.clinical.exams import ExamResult
from mammo.common import progress
from mammo.common.errors import StoppedError
from mammo.inference.exam_files import ExamFiles
from mammo.inference.service import Part, Service
from mammo.writers import output_folder, page, table_csv
from mammo.writers.exam_json import ExamJsonWriter
from mammo.writers.output_folder import Asked, Claim, Setting
from mammo.writers.overlays import OverlayWriter
from mammo.writers.page import PageWriter
from mammo.writers.table_csv import TableCsvWriter
from mammo.writers.writer import About, Writer

FORMATS: Mapping[str, type[Writer]] = {
    "overlays": OverlayWriter,
    "json": ExamJsonWriter,  # names the pictures
    "csv": TableCsvWriter,
    "page": PageWriter,  # shows them
}
"""By the names that --formats takes. An exam is given to them, and they are closed, in this order."""

OF_ALL_EXAMS = (table_csv.NAME, page.NAME)

_SILENT_S = 5.0  # work that takes longer shows how far it is


class Written(NamedTuple):
    """What a run has done.

    Attributes:
        results: What was said of each exam, in their order.
        taken_over: How many of them an earlier run has answered.
        earlier: Where other answers that lay in the folder are now; None: there were none.
    """

    results: Sequence[ExamResult]
    taken_over: int
    earlier: pathlib.Path | None


def about(service: Service, left_out: Sequence[tuple[pathlib.Path, str]] = ()) -> About:
    """Returns what writers say of the bundle that answers, and of files that are no views."""
    facts = service.bundle.facts
    return About(
        model=service.bundle.info,
        title=facts.title,
        gives_boxes=facts.gives_boxes,
        operating_point=service.operating_point,
        is_phantom=bool(facts.data["is_phantom"]),
        left_out=left_out,
    )


def write_all(
    service: Service,
    exams: Sequence[ExamFiles],
    output_dir: pathlib.Path,
    names: Sequence[str] = tuple(FORMATS),
    left_out: Sequence[tuple[pathlib.Path, str]] = (),
    settings: Mapping[str, Setting] | None = None,
) -> Written:
    """Answers for exams and writes it; shows progress where it takes long.

    Exams that the same run before has answered are not asked again. A run that is stopped keeps what is done; one that
    ends before the networks are loaded changes nothing.

    Args:
        service: Answers.
        exams: Of whatever was given.
        output_dir: A folder, which is made if need be; see `output_folder`.
        names: Some of `FORMATS`.
        left_out: Files that are no views, each with what it is.
        settings: What decides the answers beside the service's own settings.

    Raises:
        InputError: The folder cannot be this run's.
        OSError: The folder cannot be written.
        StoppedError: The run was interrupted; what was done is written.
    """
    info, own = service.bundle.info, dataclasses.asdict(service.settings)
    chosen = tuple(name for name in FORMATS if name in names)
    asked = Asked(info.sha256, info.pixel_path_version, chosen, own | dict(settings or {}))
    with output_folder.claim(output_dir, asked, exams, OF_ALL_EXAMS) as claimed:
        said = dict(claimed.taken_over)

        def in_order() -> list[ExamResult]:
            return [said[exam.exam_id] for exam in exams if exam.exam_id in said]

        try:
            parts = service.stream(claimed.remaining)
            first = list(itertools.islice(parts, 1))  # networks are loaded by now
            claimed.begin()
            with (
                _opened([FORMATS[name](output_dir, about(service, left_out)) for name in chosen], in_order) as writers,
                progress.bar(len(exams), " exam", initial=len(said), delay_s=_SILENT_S) as bar,
            ):
                for part in itertools.chain(first, parts):
                    _write(part, writers, claimed)
                    if part.result is not None:
                        said[part.exam_id] = part.result
                        bar.update()
        except KeyboardInterrupt as interrupt:
            number = interrupt.args[0] if interrupt.args else signal.SIGINT
            done = f"Stopped after {len(said):,} of {len(exams):,} exams; {output_dir} holds what was answered."
            raise StoppedError(done, number) from None
    return Written(in_order(), len(claimed.taken_over), claimed.earlier)


@contextlib.contextmanager
def _opened(writers: Sequence[Writer], results: Callable[[], Sequence[ExamResult]]) -> Iterator[Sequence[Writer]]:
    """Closes writers, in their order, with what was said when the block ends, however it ends."""
    with contextlib.ExitStack() as stack:
        for writer in reversed(writers):  # the last one that is pushed is closed first
            stack.callback(_close, writer, results)
        yield writers


def _close(writer: Writer, results: Callable[[], Sequence[ExamResult]]) -> None:
    writer.close(results())


def _write(part: Part, writers: Sequence[Writer], claimed: Claim) -> None:
    claimed.begin_exam(part.exam_id)
    for writer, view in itertools.product(writers, part.views):
        writer.view(part.exam_id, view)
    if part.result is not None:
        result = part.result
        claimed.done(result, [path for writer in writers for path in writer.exam(result)])
