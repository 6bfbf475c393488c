"""`predictions.csv`: one table for the whole run, a row for each view."""

import pathlib
from collections.abc import Mapping, Sequence

from mammo.clinical.exams import ExamResult
from mammo.clinical.labels import NAMES, Laterality
from mammo.common import csv_text, files
from mammo.inference.service import AnsweredView
from mammo.writers.exam_json import rounded
from mammo.writers.writer import About

NAME = "predictions.csv"

COLUMNS = (
    "exam_id",
    "exam_score",
    "breast_score",
    "is_complete",
    "path",
    "laterality",
    "projection",
    "status",
    "reason",
    *NAMES,
    "findings",
    "exam_id_given",
)
"""What is not known is empty; `is_complete` is the exam's; `findings` is 0 where a view was read and shows nothing;
`exam_id_given` is what a person calls the exam. Text is as `csv_text` has it."""


class TableCsvWriter:
    """Writes the table at the end; meets `writer.Writer`."""

    def __init__(self, output_dir: pathlib.Path, about: About) -> None:
        """See `writer.Writer`."""
        self._path = output_dir / NAME

    def view(self, exam_id: str, view: AnsweredView) -> None:
        """See `writer.Writer`: rows tell of the exam, too."""

    def exam(self, result: ExamResult) -> Sequence[pathlib.Path]:
        """See `writer.Writer`: the table is of all exams."""
        return ()

    def close(self, results: Sequence[ExamResult]) -> None:
        """See `writer.Writer`."""
        table = csv_text.table(COLUMNS, ([row[name] for name in COLUMNS] for exam in results for row in rows(exam)))
        files.write_text(self._path, table)


def rows(exam: ExamResult) -> list[Mapping[str, object]]:
    """Returns a row for each view: what `COLUMNS` names."""
    return [
        {
            "exam_id": exam.exam_id,
            "exam_score": rounded(exam.score),
            "breast_score": _breast_score(exam, said.view.laterality),
            "is_complete": exam.is_complete,
            "path": str(said.view),
            "laterality": said.view.laterality,
            "projection": said.view.projection,
            "status": said.status,
            "reason": said.reason,
            **{name: rounded((said.scores or {}).get(name)) for name in NAMES},
            "findings": len(said.findings) if said.status == "ok" else None,
            "exam_id_given": exam.given_id or exam.exam_id,
        }
        for said in exam.views
    ]


def _breast_score(exam: ExamResult, side: Laterality | None) -> float | None:
    return rounded(exam.breasts[side].score) if side is not None and side in exam.breasts else None
