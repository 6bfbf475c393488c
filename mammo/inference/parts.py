"""Exams in parts of a few views, so that memory does not grow with the size of one, and batches of such parts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mammo.clinical.labels import Laterality, Projection
from mammo.inference.exam_files import ExamFiles, ViewFile
from mammo.inference.reading import ReadView, Seen

MOST_VIEWS = 4
"""Of a part: those of an exam, and what memory has room for whatever is given."""


class GivenPart(NamedTuple):
    """Views of one exam that are predicted in one batch, and what of the exam was seen before them.

    Attributes:
        exam: Whose they are.
        places: Which of its views, ascending.
        seen: What was read of the exam.
        is_last: Whether it is the last part of the exam.
    """

    exam: ExamFiles
    places: Sequence[int]
    seen: Seen
    is_last: bool

    @property
    def files(self) -> list[ViewFile]:
        """The views."""
        return [self.exam.views[place] for place in self.places]


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
        seen, dealt = Seen(), list(deal(exam.views))
        for number, places in enumerate(dealt, start=1):
            yield GivenPart(exam, places, seen, is_last=number == len(dealt))


def deal(views: Sequence[ViewFile]) -> Iterator[list[int]]:
    """Deals the views of an exam into parts, so that a network may see a whole breast.

    A breast of no more than `MOST_VIEWS` views is in one part. Of one of more, the first that are judged of each
    projection are together, and the others come after them.

    Args:
        views: Of which those of an unknown side stand each for a breast of its own.

    Yields:
        Places of views, ascending; one empty part for an exam without any.
    """
    breasts: dict[Laterality | int, list[int]] = {}
    for place, view in enumerate(views):
        breasts.setdefault(view.laterality or place, []).append(place)
    part: list[int] = []
    for its in breasts.values():
        ranks = {place: _rank(views, its, place) for place in its}
        by_rank = sorted(ranks, key=ranks.__getitem__)
        for first in range(0, len(its), MOST_VIEWS):
            together = by_rank[first : first + MOST_VIEWS]
            if len(part) + len(together) > MOST_VIEWS:
                yield sorted(part)
                part = []
            part += together
    yield sorted(part)


def _rank(views: Sequence[ViewFile], places: Sequence[int], place: int) -> tuple[bool, int]:
    """Returns whether a view of a breast is judged by nobody, and how many such of its projection come before it."""

    def kind(view: ViewFile) -> tuple[bool, Projection | None]:
        return view.apart is not None or view.reason is not None, view.projection

    own = kind(views[place])
    return own[0], sum(kind(views[other]) == own for other in places if other < place)
