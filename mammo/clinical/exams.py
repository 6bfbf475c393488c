"""What is said of an exam, and how it stands in JSON and in CSV."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

CSV_COLUMNS = (
    "exam_id",
    "exam_score",
    "breast_score",
    "path",
    "laterality",
    "projection",
    "status",
    "reason",
    "normal",
    "benign",
    "cancer",
    "findings",
)
"""Of `csv_rows`. What is not known is empty; `findings` is 0 where a view was read and nothing was found."""

_DECIMALS = 6  # of scores
_PIXEL_DECIMALS = 1


@dataclasses.dataclass(frozen=True)
class Uids:
    """Which image of which series of which study a DICOM file says it is; "" stands for what is not known.

    Attributes:
        study: Study Instance UID (0020,000D): of one visit.
        series: Series Instance UID (0020,000E).
        instance: SOP Instance UID (0008,0018): of the image.
    """

    study: str = ""
    series: str = ""
    instance: str = ""


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """Which bundle gave the answer.

    Attributes:
        name: Of the bundle.
        sha256: Of its list of checksums, and so of all that is in it.
        pixel_path_version: By which images are prepared.
    """

    name: str
    sha256: str
    pixel_path_version: int


@dataclasses.dataclass(frozen=True)
class Finding:
    """A place that looks like a lesion.

    Attributes:
        box_xyxy_px: In pixels of the file that was given, as it is stored.
        score: In [0, 1], how sure the models are that there is a lesion; no probability.
        benign: The part of the score that speaks for a benign one.
        cancer: The part that speaks for cancer.
    """

    box_xyxy_px: tuple[float, float, float, float]
    score: float
    benign: float
    cancer: float


@dataclasses.dataclass(frozen=True)
class ViewResult:
    """What is said of one file.

    Attributes:
        path: As it was given.
        laterality: "left", "right"; None: unknown.
        projection: "cc", "mlo"; None: unknown.
        reason: Why it could not be read; None: it was.
        scores: Calibrated probabilities of "normal", "benign" and "cancer"; None: it could not be read.
        findings: The surest first.
        is_chest_wall_right: Whether the chest wall is at the right of the file.
    """

    path: pathlib.Path
    laterality: str | None
    projection: str | None
    reason: str | None = None
    scores: Mapping[str, float] | None = None
    findings: tuple[Finding, ...] = ()
    is_chest_wall_right: bool = False

    @property
    def status(self) -> Literal["ok", "failed"]:
        """Whether it was read; a view that was read and shows nothing is "ok", without findings."""
        return "ok" if self.reason is None else "failed"


@dataclasses.dataclass(frozen=True)
class ExamResult:
    """What is said of one exam.

    Attributes:
        exam_id: As in the names of its files.
        views: One a file, in the order in which they were given.
        breasts: The score of "left" and "right", so far as a view of it was read.
        exam_score: How suspicious the exam is of cancer, calibrated; None: no view could be read.
        is_above: Whether that is at or above the operating point; None: there is no score, or no operating point.
        seconds: From its files to this.
        patient: What DICOM tags say of the person; None where it was not asked for.
    """

    exam_id: str
    views: tuple[ViewResult, ...]
    breasts: Mapping[str, float]
    exam_score: float | None
    is_above: bool | None
    seconds: float
    patient: Mapping[str, str] | None = None

    @property
    def failed(self) -> tuple[ViewResult, ...]:
        """The views that could not be read."""
        return tuple(view for view in self.views if view.reason is not None)


def to_json(exam: ExamResult, model: ModelInfo, operating_point: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns what <exam_id>.json holds; the fields are those of the project's fixed interface.

    Args:
        exam: What is said.
        model: By which bundle.
        operating_point: {"name", "threshold"}, or None.
    """
    made: dict[str, Any] = {
        "exam_id": exam.exam_id,
        "model": dataclasses.asdict(model),
        "views": [_view(view) for view in exam.views],
        "breasts": [{"laterality": side, "score": _score(score)} for side, score in exam.breasts.items()],
        "exam_score": _score(exam.exam_score),
        "operating_point": operating_point and {**operating_point, "is_above": exam.is_above},
        "seconds": round(exam.seconds, 3),
    }
    if exam.patient is not None:
        made["patient"] = dict(exam.patient)
    return made


def csv_rows(exam: ExamResult) -> Sequence[Mapping[str, Any]]:
    """Returns a row for each view: what `CSV_COLUMNS` names."""
    return [
        {
            "exam_id": exam.exam_id,
            "exam_score": _score(exam.exam_score),
            "breast_score": _score(exam.breasts.get(view.laterality or "")),
            "path": str(view.path),
            "laterality": view.laterality,
            "projection": view.projection,
            "status": view.status,
            "reason": view.reason,
            **{name: _score((view.scores or {}).get(name)) for name in ("normal", "benign", "cancer")},
            "findings": len(view.findings) if view.status == "ok" else None,
        }
        for view in exam.views
    ]


def _view(view: ViewResult) -> dict[str, Any]:
    return {
        "path": str(view.path),
        "laterality": view.laterality,
        "projection": view.projection,
        "status": view.status,
        "reason": view.reason,
        "scores": view.scores and {name: _score(value) for name, value in view.scores.items()},
        "findings": [
            {
                "box_xyxy_px": [round(value, _PIXEL_DECIMALS) for value in finding.box_xyxy_px],
                "score": _score(finding.score),
                "benign": _score(finding.benign),
                "cancer": _score(finding.cancer),
            }
            for finding in view.findings
        ],
    }


def _score(value: float | None) -> float | None:
    return None if value is None else round(float(value), _DECIMALS)
