"""All formats of answer: a new one is a file beside this one, and a line here."""

import contextlib
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from mammo.clinical.exams import ExamResult
from mammo.common import progress
from mammo.inference.service import Part, Service
from mammo.writers.exam_json import ExamJsonWriter
from mammo.writers.overlays import OverlayWriter
from mammo.writers.page import PageWriter
from mammo.writers.table_csv import TableCsvWriter
from mammo.writers.writer import About, Writer

FORMATS: Mapping[str, type[Writer]] = {
    "json": ExamJsonWriter,
    "csv": TableCsvWriter,
    "overlays": OverlayWriter,
    "page": PageWriter,  # shows the pictures of those before it
}
"""By the names that --formats takes. They are closed in this order."""

_SILENT_S = 5.0  # work that takes longer shows how far it is


def about(service: Service) -> About:
    """Returns what writers say of the bundle that answers."""
    facts = service.bundle.facts
    return About(
        model=service.bundle.info,
        title=facts.title,
        gives_boxes=facts.gives_boxes,
        operating_point=service.operating_point,
        source=str(facts.data["source"]),
        is_phantom=bool(facts.data["is_phantom"]),
    )


def write_all(
    parts: Iterable[Part],
    exam_count: int,
    output_dir: pathlib.Path,
    said_of: About,
    names: Sequence[str] = tuple(FORMATS),
) -> list[ExamResult]:
    """Writes answers as they come, so that a run that is stopped loses nothing; shows progress where it takes long.

    Args:
        parts: As `Service.stream` gives them.
        exam_count: How many exams will come.
        output_dir: A folder, which is made if need be.
        said_of: What holds for all exams.
        names: Some of `FORMATS`.

    Returns:
        What was said of each exam, in their order.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    results = []
    with contextlib.ExitStack() as stack, progress.bar(exam_count, " exam", delay_s=_SILENT_S) as bar:
        writers = [FORMATS[name](output_dir, said_of) for name in FORMATS if name in names]
        for writer in reversed(writers):  # the last one that is pushed is closed first
            stack.callback(writer.close)
        for part in parts:
            for writer in writers:
                for view in part.views:
                    writer.view(part.exam_id, view)
                if part.result is not None:
                    writer.exam(part.result)
            if part.result is not None:
                results.append(part.result)
                bar.update()
    return results
