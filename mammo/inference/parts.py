"""Exams in parts of a few views, so that memory does not grow with the size of one, and batches of such parts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mammo.inference.exam_files import ExamFiles, ViewFile
from mammo.inference.reading import ReadView, Seen

MOST_VIEWS = 4
"""Of a part: those of an exam, and what memory has room for whatever is given."""


class GivenPart(NamedTuple):
    """Views of one exam that are predicted in one batch, and what of the exam was seen before them."""

    exam: ExamFiles
    files: Sequence[ViewFile]
    seen: Seen
    is_last: bool


class ReadPart(NamedTuple):
    """Such views once they are read, and the seconds that it took."""

    part: GivenPart
    views: list[ReadView]
    seconds: float

    @property
    def judged(self) -> list[ReadView]:
        """Those that networks are asked about."""
        return [view for view in self.views if is_judged(view)]


def is_judged(view: ReadView) -> bool:
    """Tells whether networks are asked about a view: it was read, and is a screening view."""
    return view.reason is None and view.file.apart is None


class Parts:
    """The parts of some exams, in order, of which some are taken at a time."""

    def __init__(self, exams: Iterable[ExamFiles]) -> None:
        """Starts with the first part."""
        self._parts = _parts(exams)
        self._next = next(self._parts, None)

    def take(self, most_views: int | None) -> list[list[GivenPart]]:
        """Takes the next batch: one part, or as many parts as have no more views than that; none at the end."""
        batch: list[GivenPart] = []
        while self._next is not None:
            room = (most_views or 0) - sum(len(part.files) for part in batch)
            if batch and len(self._next.files) > room:
                break
            batch.append(self._next)
            self._next = next(self._parts, None)
        return [batch] if batch else []


def _parts(exams: Iterable[ExamFiles]) -> Iterator[GivenPart]:
    for exam in exams:
        seen = Seen()
        for first in range(0, len(exam.views), MOST_VIEWS):
            part = exam.views[first : first + MOST_VIEWS]
            yield GivenPart(exam, part, seen, is_last=first + MOST_VIEWS >= len(exam.views))
