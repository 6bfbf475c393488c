"""`<exam_id>.json`: what is said of an exam, for programs. The fields are those of the project's fixed interface."""

import dataclasses
import json
import pathlib
from collections.abc import Sequence

from mammo.clinical.exams import ExamResult, Finding, ModelInfo, ViewResult
from mammo.clinical.operating_points import OperatingPoint
from mammo.common import files, plain
from mammo.inference.service import AnsweredView
from mammo.writers import overlays
from mammo.writers.writer import About

SCORE_DECIMALS = 6
_PIXEL_DECIMALS = 1


class ExamJsonWriter:
    """Writes a file for each exam as it is done; meets `writer.Writer`."""

    def __init__(self, output_dir: pathlib.Path, about: About) -> None:
        """See `writer.Writer`."""
        self._output_dir, self._about = output_dir, about

    def view(self, exam_id: str, view: AnsweredView) -> None:
        """See `writer.Writer`: an exam is written as a whole."""

    def exam(self, result: ExamResult) -> Sequence[pathlib.Path]:
        """See `writer.Writer`."""
        path = self._output_dir / f"{result.exam_id}.json"
        fields = _encodable(to_json(result, self._about.model, self._about.operating_point, self._output_dir))
        files.write_text(path, json.dumps(fields, indent=2, allow_nan=False) + "\n")
        return (path,)

    def close(self, results: Sequence[ExamResult]) -> None:
        """See `writer.Writer`: nothing is left to write."""


def to_json(
    exam: ExamResult, model: ModelInfo, point: OperatingPoint | None, folder: pathlib.Path
) -> dict[str, object]:
    """Returns what the file holds.

    Args:
        exam: What is said.
        model: By which bundle.
        point: From which score on an exam is an alarm; None: the bundle has none.
        folder: Where the file will lie; overlays that are there are named.
    """
    named = point and {"name": point.name, "threshold": point.threshold, "is_above": exam.is_above}
    made: dict[str, object] = {
        "exam_id": exam.exam_id,
        "exam_id_given": exam.given_id or exam.exam_id,
        "study_uids": list(exam.study_uids),
        "model": dataclasses.asdict(model),
        "views": [_view(view) | {"overlay": overlays.find(folder, exam.exam_id, view.view)} for view in exam.views],
        "breasts": [
            {"laterality": side, "score": rounded(breast.score), "is_complete": breast.is_complete}
            for side, breast in exam.breasts.items()
        ],
        "exam_score": rounded(exam.score),
        "is_complete": exam.is_complete,
        "operating_point": named,
        "seconds": round(exam.seconds, 3),
    }
    if exam.patient is not None:
        made["patient"] = dict(exam.patient)
    return made


def rounded(score: float | None) -> float | None:
    """Returns a score as files hold it."""
    return None if score is None else round(float(score), SCORE_DECIMALS)


def _view(said: ViewResult) -> dict[str, object]:
    return {
        "path": str(said.view),
        "laterality": said.view.laterality,
        "projection": said.view.projection,
        "uids": dataclasses.asdict(said.view.uids),
        "status": said.status,
        "reason": said.reason,
        "scores": said.scores and {name: rounded(value) for name, value in said.scores.items()},
        "findings": [_finding(finding) for finding in said.findings],
    }


def _encodable(value: object) -> object:
    """The same with text that is valid UTF-8: the bytes of a file's name in no encoding are as `plain` writes them."""
    if isinstance(value, dict):
        return {key: _encodable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(inner) for inner in value]
    return plain.utf8(value) if isinstance(value, str) else value


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "box_xyxy_px": [round(value, _PIXEL_DECIMALS) for value in finding.box_xyxy_px],
        "score": rounded(finding.score),
        "benign": rounded(finding.benign),
        "cancer": rounded(finding.cancer),
    }
