"""From exams to answers: reads, predicts, draws and writes, a few views at a time, whatever the number of exams."""

import concurrent.futures
import csv
import dataclasses
import io
import itertools
import json
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mammo.clinical import exams as exams_lib
from mammo.clinical import rules
from mammo.clinical.exams import ExamResult, Finding, ModelInfo, ViewResult
from mammo.common import files, progress
from mammo.common.errors import InputError
from mammo.imaging import placements
from mammo.imaging.breasts import Breast
from mammo.inference import reading
from mammo.inference.bundles import Bundle, OperatingPoint
from mammo.inference.listing import ExamFiles, ViewFile
from mammo.inference.reading import ReadView
from mammo.writers import overlays, page
from mammo.writers.page import Info, Shown

if TYPE_CHECKING:  # it takes TensorFlow with it
    from mammo.inference.predictor import Answer, Predictor

CSV_NAME = "predictions.csv"
PAGE_NAME = "report.html"

MOST_VIEWS = 4
"""Predicted as one batch: those of an exam, and what memory has room for whatever is given."""

_THREADS = 4  # reading and drawing: decoders let go of the interpreter
_SILENT_S = 5.0  # work that takes longer shows how far it is


@dataclasses.dataclass(frozen=True)
class AnswerOptions:
    """What is asked for.

    Attributes:
        operating_point: Name of one of the bundle's, from which on an exam is called an alarm.
        min_finding_score: Findings below it are not reported; None: the bundle's own.
        with_identity: Whether what DICOM tags say of the person comes into the answers.
    """

    operating_point: str = "screening"
    min_finding_score: float | None = None
    with_identity: bool = False


class _Part(NamedTuple):
    """Views of one exam that are predicted as one batch, and what of the exam was seen before them."""

    exam: ExamFiles
    files: Sequence[ViewFile]
    seen: dict[bytes, str]
    is_last: bool


class _Read(NamedTuple):
    part: _Part
    views: list[ReadView]
    seconds: float


@dataclasses.dataclass
class _Growing:
    """An exam whose parts are being answered."""

    views: list[ViewResult] = dataclasses.field(default_factory=list)
    overlays: list["concurrent.futures.Future[str] | None"] = dataclasses.field(default_factory=list)
    names: set[str] = dataclasses.field(default_factory=set)
    seconds: float = 0.0


class Answering:
    """One run over exams; what is answered is written at once, so that a run that is stopped loses nothing."""

    def __init__(self, bundle: Bundle, options: AnswerOptions, output_dir: pathlib.Path) -> None:
        """Checks what is asked for, and writes nothing yet.

        Args:
            bundle: What to ask.
            options: What is asked for.
            output_dir: A folder, which is made if need be.

        Raises:
            InputError: The bundle has no such operating point.
        """
        points, name = bundle.facts.operating_points, options.operating_point
        if points and name not in points:
            raise InputError(f"{bundle.folder} has no operating point {name!r}; it has {', '.join(sorted(points))}.")
        self.output_dir = output_dir
        self._bundle, self._options, self._point = bundle, options, points.get(name)
        self._growing = _Growing()
        self._shown: list[Shown] = []

    def run(self, exams: Sequence[ExamFiles], make_predictor: Callable[[], "Predictor"]) -> list[ExamResult]:
        """Answers every exam: JSON and overlays as each is done, the table and the page at the end or when stopped.

        Args:
            exams: What to answer.
            make_predictor: Called once the first files are being read, since TensorFlow takes seconds to start.

        Returns:
            What was said of each, in their order.
        """
        self.output_dir.mkdir(parents=True, exist_ok=True)
        with (
            make_pool() as pool,
            concurrent.futures.ThreadPoolExecutor(1) as reader,
            progress.bar(len(exams), " exam", delay_s=_SILENT_S) as bar,
        ):
            parts = _parts(exams)
            coming = [reader.submit(self._read, part, pool) for part in itertools.islice(parts, 1)]
            try:
                predictor = make_predictor()
                while coming:
                    read = coming.pop().result()
                    # One part is read while another is predicted, and no more: so much memory and not more is taken.
                    coming += [reader.submit(self._read, part, pool) for part in itertools.islice(parts, 1)]
                    self._answer(read, predictor, pool)
                    bar.update(int(read.part.is_last))
            finally:
                self._write_run()
        return [shown.exam for shown in self._shown]

    def _read(self, part: _Part, pool: concurrent.futures.Executor) -> _Read:
        began_s = time.monotonic()
        facts = self._bundle.facts
        views = reading.read(part.files, facts.height_px, facts.width_px, pool, part.seen)
        return _Read(part, views, time.monotonic() - began_s)

    def _answer(self, read: _Read, predictor: "Predictor", pool: concurrent.futures.Executor) -> None:
        """Answers a part of an exam; the last one ends it."""
        began_s = time.monotonic()
        answers = iter(predictor.predict([view for view in read.views if view.reason is None]))
        said = [self._said(view, None if view.reason is not None else next(answers)) for view in read.views]
        exam = self._growing
        exam.seconds += read.seconds + time.monotonic() - began_s
        for view, result in zip(read.views, said, strict=True):
            exam.views.append(result)
            exam.overlays.append(self._draw(read.part.exam.exam_id, view, result, pool))
        if read.part.is_last:
            self._growing = _Growing()
            self._write_exam(read.part.exam, exam)

    def _said(self, view: ReadView, answer: "Answer | None") -> ViewResult:
        file = view.file
        if answer is None:
            return ViewResult(pathlib.Path(file.name), file.laterality, file.projection, reason=view.reason)
        assert view.pixels is not None
        assert view.breast is not None
        least = self._options.min_finding_score
        least = self._bundle.facts.finding_threshold or 0.0 if least is None else least
        found = answer.findings
        boxes_xyxy_px = placements.clip(found.boxes_xyxy_px, *view.pixels.shape)
        findings = [
            Finding(tuple(box.tolist()), score, score * (1 - share), score * share)
            for box, score, share in zip(
                boxes_xyxy_px, found.scores.tolist(), found.cancer_shares.tolist(), strict=True
            )
            if score >= least
        ]
        return ViewResult(
            pathlib.Path(file.name),
            file.laterality,
            file.projection,
            scores=answer.scores,
            findings=tuple(findings),
            is_chest_wall_right=view.breast.is_chest_wall_right,
        )

    def _draw(
        self, exam_id: str, view: ReadView, result: ViewResult, pool: concurrent.futures.Executor
    ) -> "concurrent.futures.Future[str] | None":
        """Has the overlay of a view drawn; gives its path, relative to the output folder."""
        if view.pixels is None or view.breast is None or result.reason is not None:
            return None
        name = _unused(f"{exam_id}/{result.path.stem}", self._growing.names)
        return pool.submit(_draw, self.output_dir, f"{name}.png", view.pixels, view.breast, result)

    def _write_exam(self, exam: ExamFiles, grown: _Growing) -> None:
        scores = exam_scores(grown.views)
        point = self._point
        result = ExamResult(
            exam_id=exam.exam_id,
            views=tuple(grown.views),
            breasts=scores.breasts,
            exam_score=scores.exam,
            is_above=None if scores.exam is None or point is None else scores.exam >= point.threshold,
            seconds=grown.seconds,
            patient=exam.patient if self._options.with_identity else None,
        )
        named = {"name": point.name, "threshold": point.threshold} if point else None
        made = exams_lib.to_json(result, _model(self._bundle), named)
        files.write_text(self.output_dir / f"{exam.exam_id}.json", json.dumps(made, indent=2, allow_nan=False) + "\n")
        drawn = [None if overlay is None else overlay.result() for overlay in grown.overlays]
        self._shown.append(Shown(result, drawn))

    def _write_run(self) -> None:
        """Writes what holds for all exams that were answered."""
        table = io.StringIO()
        writer = csv.DictWriter(table, exams_lib.CSV_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for shown in self._shown:
            writer.writerows(exams_lib.csv_rows(shown.exam))
        files.write_text(self.output_dir / CSV_NAME, table.getvalue())
        page.write(self.output_dir / PAGE_NAME, self._shown, _info(self._bundle, self._point))


def make_pool() -> concurrent.futures.Executor:
    """Returns the threads that read files and draw overlays."""
    return concurrent.futures.ThreadPoolExecutor(_THREADS)


class Scores(NamedTuple):
    """How suspicious of cancer an exam is, calibrated.

    Attributes:
        breasts: Of "right" and "left", so far as a view of it was read.
        exam: None: no view was read.
    """

    breasts: Mapping[str, float]
    exam: float | None


def exam_scores(views: Sequence[ViewResult]) -> Scores:
    """Scores breasts and the exam by the rules of `probabilities`; a view of an unknown breast stands for one."""
    of_side: dict[str, list[float]] = {}
    for index, view in enumerate(views):
        if view.scores is not None:
            of_side.setdefault(view.laterality or f"unknown {index}", []).append(view.scores["cancer"])
    made = {side: rules.of_breast(np.array(scores)) for side, scores in of_side.items()}
    exam = rules.of_exam(np.array(list(made.values()))) if made else None
    return Scores({side: made[side] for side in ("right", "left") if side in made}, exam)


def _parts(exams: Iterable[ExamFiles]) -> Iterator[_Part]:
    for exam in exams:
        seen: dict[bytes, str] = {}
        for first in range(0, len(exam.views), MOST_VIEWS):
            part = exam.views[first : first + MOST_VIEWS]
            yield _Part(exam, part, seen, is_last=first + MOST_VIEWS >= len(exam.views))


def _draw(output_dir: pathlib.Path, name: str, pixels: np.ndarray, breast: Breast, view: ViewResult) -> str:
    path = output_dir / name
    path.parent.mkdir(exist_ok=True)
    overlays.write(path, overlays.draw(pixels, breast, view))
    return name


def _unused(name: str, names: set[str]) -> str:
    """Returns the name, with a number where it is taken."""
    made = next(made for count in itertools.count(1) if (made := f"{name}_{count}" if count > 1 else name) not in names)
    names.add(made)
    return made


def _model(bundle: Bundle) -> ModelInfo:
    return ModelInfo(bundle.facts.name, bundle.sha256, bundle.facts.pixel_path_version)


def _info(bundle: Bundle, point: OperatingPoint | None) -> Info:
    facts = bundle.facts
    return Info(
        model=_model(bundle),
        title=facts.title,
        gives_boxes=facts.gives_boxes,
        operating_point=point,
        source=str(facts.data["source"]),
        is_phantom=bool(facts.data["is_phantom"]),
    )
