"""What every format of answer is behind: views as they are answered, exams as they are done, and an end."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Protocol

from mammo.clinical.exams import ExamResult, ModelInfo
from mammo.clinical.operating_points import OperatingPoint
from mammo.inference.service import AnsweredView


@dataclasses.dataclass(frozen=True)
class About:
    """What holds for all exams of a run.

    Attributes:
        model: By which bundle.
        title: Of its concept.
        gives_boxes: Whether it says where, or judges whole views only.
        operating_point: None: the model has none.
        is_phantom: Whether a program drew what it was trained on.
        left_out: Files that are no views, each with what it is ("a structured report").
    """

    model: ModelInfo
    title: str
    gives_boxes: bool
    operating_point: OperatingPoint | None
    is_phantom: bool
    left_out: Sequence[tuple[pathlib.Path, str]] = ()


class Writer(Protocol):
    """Writes answers in one format into a folder. What it has written is whole, whenever it is stopped."""

    def __init__(self, output_dir: pathlib.Path, about: About) -> None:
        """Writes nothing yet.

        Args:
            output_dir: A folder, which is there.
            about: What holds for all exams.
        """

    def view(self, exam_id: str, view: AnsweredView) -> None:
        """Takes a view as it is answered; its pixels are not kept beyond what the format takes of them."""

    def exam(self, result: ExamResult) -> Sequence[pathlib.Path]:
        """Takes an exam once all of its views are answered; returns the files that it wrote of the exam, all whole."""

    def close(self, results: Sequence[ExamResult]) -> None:
        """Writes what holds for the whole run; called once, also when the run was stopped.

        Args:
            results: Of all exams in their order, also of those that an earlier run has answered.
        """
