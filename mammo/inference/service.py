"""Answers for exams: reads, asks, and says what was found; writes nothing.

An exam is taken a few views at a time: one part is read while another is predicted, and no more, so that memory does
not grow with the number of exams nor with the size of one. Where many exams are given to a GPU, parts of several make
one batch, and the same holds for batches.
"""

import concurrent.futures
import contextlib
import dataclasses
import importlib
import itertools
import os
import pathlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mammo.clinical import rules
from mammo.clinical.exams import ExamResult, Finding, ViewRef, ViewResult
from mammo.clinical.operating_points import OperatingPoint
from mammo.clinical.rules import ViewScore
from mammo.common.errors import InputError
from mammo.imaging import placements
from mammo.inference import listing, naming, reading
from mammo.inference.bundles import Bundle
from mammo.inference.exam_files import ExamFiles
from mammo.inference.naming import Names
from mammo.inference.parts import MOST_VIEWS, GivenPart, Parts, ReadPart, is_judged
from mammo.inference.reading import ReadView

if TYPE_CHECKING:  # it takes TensorFlow with it
    from mammo.inference.predictor import Answer, Predictor

_THREADS = min(max(MOST_VIEWS, os.cpu_count() or 1), 16)  # reading: decoders let go of the interpreter


@dataclasses.dataclass(frozen=True)
class AnswerSettings:
    """What is asked for.

    Attributes:
        operating_point: Name of one of the bundle's, from which on an exam is called an alarm.
        min_finding_score: Findings below it are not reported; None: the bundle's own threshold.
        with_identity: Whether what DICOM tags say of the person comes into the answers.
    """

    operating_point: str = "screening"
    min_finding_score: float | None = None
    with_identity: bool = False


class AnsweredView(NamedTuple):
    """A view with what is said of it; its pixels are there only as long as nobody has moved on."""

    read: ReadView
    result: ViewResult


class Part(NamedTuple):
    """Views of one exam that were answered together.

    Attributes:
        exam_id: Of the exam.
        views: The views.
        result: What is said of the exam, with its last part; None before.
    """

    exam_id: str
    views: Sequence[AnsweredView]
    result: ExamResult | None


class Service:
    """A bundle that answers for one exam after another. Networks are loaded with the first view."""

    def __init__(
        self,
        bundle: Bundle,
        settings: AnswerSettings | None = None,
        make_predictor: "Callable[[Bundle], Predictor] | None" = None,
    ) -> None:
        """Checks what is asked for; reads and loads nothing yet.

        Args:
            bundle: What to ask.
            settings: What is asked for.
            make_predictor: Loads the networks; called while the first files are read, since TensorFlow takes seconds to
                start. None: `Predictor` in the precision that is fastest here.

        Raises:
            InputError: The bundle has no such operating point.
        """
        self.bundle, self.settings = bundle, settings or AnswerSettings()
        points, name = bundle.facts.operating_points, self.settings.operating_point
        if points and name not in points:
            raise InputError(f"{bundle.folder} has no operating point {name!r}; it has {', '.join(sorted(points))}.")
        self._point = points.get(name)
        self._make_predictor = make_predictor or _load
        self._predictor: Predictor | None = None

    @property
    def operating_point(self) -> OperatingPoint | None:
        """From which score on an exam is an alarm; None: the bundle has none."""
        return self._point

    def answer(self, views: Sequence[pathlib.Path | bytes], exam_id: str = "exam") -> ExamResult:
        """Answers for one exam and keeps nothing.

        Args:
            views: Its PNG, JPEG or DICOM files: paths, or their bytes.
            exam_id: Names the exam in the answer.

        Raises:
            InputError: There is no view.
        """
        *_, last = self.stream([listing.exam_of(views, exam_id)])
        assert last.result is not None
        return last.result

    def stream(self, exams: Sequence[ExamFiles]) -> Iterator[Part]:
        """Answers for exams, one after the other, a few views at a time.

        Args:
            exams: As `listing` gives them.

        Yields:
            Each part as it is answered; the last one of an exam has its result.
        """
        if self._predictor is None:
            _import_distutils()
        with make_pool() as pool, concurrent.futures.ThreadPoolExecutor(1) as reader:
            parts, view_count = Parts(exams), sum(len(exam.views) for exam in exams)
            coming = [reader.submit(self._read, part, pool) for part in parts.take(None)]
            grown = _Grown()
            while coming:
                self._predictor = self._predictor or self._make_predictor(self.bundle)
                batch_views = self._predictor.batch_views(view_count)
                read = coming.pop().result()
                # One batch is read while another is predicted, and no more: memory holds two.
                coming += [reader.submit(self._read, batch, pool) for batch in parts.take(batch_views)]
                for part, answers in self._predict(read, is_of_many=batch_views is not None):
                    views = self._answer(part, answers, grown)
                    exam, is_last = part.part.exam, part.part.is_last
                    yield Part(exam.exam_id, views, self._end(exam, grown) if is_last else None)
                    grown = _Grown() if is_last else grown

    def _read(self, parts: Sequence[GivenPart], pool: concurrent.futures.Executor) -> list[ReadPart]:
        facts, began_s = self.bundle.facts, time.monotonic()
        begun = [reading.begin(part.files, facts.height_px, facts.width_px, pool) for part in parts]
        read = []
        for part, views in zip(parts, begun, strict=True):
            ended = reading.end(views, part.seen)
            read.append(ReadPart(part, ended, time.monotonic() - began_s))
            began_s = time.monotonic()
        return read

    def _predict(self, read: Sequence[ReadPart], *, is_of_many: bool) -> Iterator[tuple[ReadPart, Iterator["Answer"]]]:
        """Yields each part with the answers for those of its views that are judged; its time has that of predicting."""
        assert self._predictor is not None
        began_s = time.monotonic()
        asked = [view for part in read for view in part.judged]
        exams = [index for index, part in enumerate(read) for _ in part.judged]
        try:
            answers = iter(self._predictor.predict(asked, exams, is_of_many=is_of_many))
        except InputError:
            if len(read) == 1:
                raise
            for part in read:  # what is said of an exam does not hang on its neighbours in the batch
                yield from self._predict([part], is_of_many=is_of_many)
            return
        a_view_s = (time.monotonic() - began_s) / max(len(asked), 1)
        for part in read:
            its = list(itertools.islice(answers, len(part.judged)))
            yield part._replace(seconds=part.seconds + a_view_s * len(its)), iter(its)

    def _answer(self, read: ReadPart, answers: Iterator["Answer"], grown: "_Grown") -> list[AnsweredView]:
        began_s = time.monotonic()
        grown.references = grown.references or _references(read.part.exam)
        said = []
        for place, view in zip(read.part.places, read.views, strict=True):
            answer = next(answers) if is_judged(view) else None
            said.append(AnsweredView(view, self._said(grown.references[place], view, answer)))
            grown.of_place[place] = said[-1].result
        grown.seconds += read.seconds + time.monotonic() - began_s
        return said

    def _said(self, reference: ViewRef, view: ReadView, answer: "Answer | None") -> ViewResult:
        if answer is None:
            return _not_judged(reference, view)
        assert view.pixels is not None
        assert view.breast is not None
        least = self.settings.min_finding_score
        least = self.bundle.facts.finding_threshold or 0.0 if least is None else least
        found = answer.findings
        upright_boxes = placements.clip(found.boxes_xyxy_px, *view.pixels.shape)
        boxes = view.turn.boxes_to_stored(upright_boxes, *view.pixels.shape)
        findings = tuple(
            Finding(tuple(box.tolist()), score, score * (1 - share), score * share)
            for box, score, share in zip(boxes, found.scores.tolist(), found.cancer_shares.tolist(), strict=True)
            if score >= least
        )
        return ViewResult(
            reference,
            scores=answer.scores,
            findings=findings,
            is_chest_wall_right=view.breast.is_chest_wall_right,
        )

    def _end(self, exam: ExamFiles, grown: "_Grown") -> ExamResult:
        scored = rules.of_exam(
            [
                ViewScore(said.view.laterality, said.view.projection, said.scores["cancer"] if said.scores else None)
                for said in grown.views
            ],
            self.bundle.facts.missing_projection,
        )
        point = self._point
        return ExamResult(
            exam_id=exam.exam_id,
            views=tuple(grown.views),
            breasts=scored.breasts,
            score=scored.score,
            is_complete=scored.is_complete,
            is_above=None if scored.score is None or point is None else scored.score >= point.threshold,
            seconds=grown.seconds,
            patient=exam.patient if self.settings.with_identity else None,
            given_id=exam.given_id,
        )


def make_pool() -> concurrent.futures.Executor:
    """Returns the threads that read files."""
    return concurrent.futures.ThreadPoolExecutor(_THREADS)


@dataclasses.dataclass
class _Grown:
    """What was said of an exam so far."""

    references: list[ViewRef] = dataclasses.field(default_factory=list)
    of_place: dict[int, ViewResult] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0

    @property
    def views(self) -> list[ViewResult]:
        """In the order in which they were given, whatever that of the parts was."""
        return [self.of_place[place] for place in sorted(self.of_place)]


def _import_distutils() -> None:
    """Lets TensorFlow be imported while other threads read files.

    It imports distutils, for which a hook of setuptools imports dozens of modules while it holds the lock of all
    imports. A thread that imports one of them at that time waits for this lock, and the hook waits for the thread.
    """
    with warnings.catch_warnings(), contextlib.suppress(ImportError):
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 has none
        importlib.import_module("distutils")


def _load(bundle: Bundle) -> "Predictor":
    from mammo.inference.predictor import Predictor  # noqa: PLC0415  TensorFlow starts while the first files are read

    return Predictor(bundle)


def _not_judged(reference: ViewRef, view: ReadView) -> ViewResult:
    """Says why a view was not judged: it could not be read, or is no screening view."""
    apart = view.file.apart
    if apart is None:
        return ViewResult(reference, view.reason)
    if view.breast is None:
        return ViewResult(reference, f"is {apart}: neither judged nor shown, as it {view.reason}", apart=apart)
    reason = f"is {apart}: shown, not judged"
    return ViewResult(reference, reason, is_chest_wall_right=view.breast.is_chest_wall_right, apart=apart)


def _references(exam: ExamFiles) -> list[ViewRef]:
    """Returns which view each file of an exam is, under a name that is not taken in it."""
    names = Names()
    return [
        ViewRef(
            names.take(file.name if file.path is None else naming.of_view(file.path.name), "view"),
            file.path,
            file.laterality,
            file.projection,
            file.uids,
        )
        for file in exam.views
    ]
