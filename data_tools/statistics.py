"""The facts of a data set as two tables, one row a view and one row a lesion, and the counts made from them."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypedDict, TypeVar

import numpy as np
import pandas as pd

from data_tools import processes
from data_tools.source import Lesion, ListedExam, ListedView, Source
from mammo.clinical import labels
from mammo.clinical.labels import Label
from mammo.common.errors import ImageError
from mammo.imaging.image_file import ImageFile

_TITLES = {label: label.title for label in Label}  # each text once, however many rows have it
_Z_95 = 1.96  # two-sided 95 % of a normal distribution


@dataclasses.dataclass(frozen=True)
class Tables:
    """A data set as tables.

    Attributes:
        views: One row a view: patient_id, exam_id, volume, laterality, projection, path, status (of the case), label
            (of the view), age_years, density, height_px, width_px; what is unknown is missing.
        lesions: One row an outline: patient_id, exam_id, laterality, projection, path, pathology, kind, assessment,
            subtlety, length_px (longer side of the box), length_mm, area_px.
        rejected: One row a view that cannot be used: path, reason.
    """

    views: pd.DataFrame
    lesions: pd.DataFrame
    rejected: pd.DataFrame


def gather(source: Source, exams: list[ListedExam], workers_count: int) -> Tables:
    """Reads the headers of all images and the outlines of all lesions, in several processes, with progress."""
    read = functools.partial(_read_exam, source)
    total = sum(len(exam.views) for exam in exams)
    parts: list[_Part] = [()] * len(exams)
    for place, part in processes.run(read, enumerate(exams), workers_count, total=total, unit=" view"):
        parts[place] = part
    return Tables(
        pd.DataFrame([_view_cells(*found) for found in _found(exams, parts, _Seen)], columns=_VIEW_COLUMNS),
        pd.DataFrame(
            [
                [view.patient_id, view.exam_id, view.laterality, view.projection, str(view.path), *lesion]
                for _, view, seen in _found(exams, parts, _Seen)
                for lesion in seen.lesions
            ],
            columns=_LESION_COLUMNS,
        ),
        pd.DataFrame(
            [[str(refused.path), refused.reason] for _, _, refused in _found(exams, parts, _Refused)],
            columns=["path", "reason"],
        ),
    )


_VIEW_COLUMNS = [
    *("patient_id", "exam_id", "volume", "laterality", "projection", "path", "status", "label"),
    *("age_years", "density", "height_px", "width_px"),
]
_LESION_COLUMNS = [
    *("patient_id", "exam_id", "laterality", "projection", "path", "pathology", "kind"),
    *("assessment", "subtlety", "length_px", "length_mm", "area_px"),
]


class _Seen(NamedTuple):
    """What the files of a view tell; what the listing tells of it is not kept again, nor sent."""

    label: Label
    height_px: int
    width_px: int
    lesions: tuple[tuple[object, ...], ...]


class _Refused(NamedTuple):
    path: pathlib.Path  # of the file at fault, which may be an outline's
    reason: str


_Part = tuple[_Seen | _Refused, ...]
"""One of each view of an exam, in their order."""

_Kind = TypeVar("_Kind", _Seen, _Refused)


def _read_exam(source: Source, task: tuple[int, ListedExam], after_view: Callable[[], None]) -> tuple[int, _Part]:
    place, exam = task
    part: list[_Seen | _Refused] = []
    for view in exam.views:
        try:
            height_px, width_px = ImageFile(view.path).read_size()
            annotation = source.annotate(exam, view, height_px, width_px)
        except ImageError as error:
            part.append(_Refused(error.path, error.reason))
        else:
            lesions = tuple(_lesion_cells(lesion, annotation.spacing_mm) for lesion in annotation.lesions)
            part.append(_Seen(annotation.label, height_px, width_px, lesions))
        after_view()
    return place, tuple(part)


def _found(
    exams: Sequence[ListedExam], parts: Sequence[_Part], kind: type[_Kind]
) -> Iterator[tuple[ListedExam, ListedView, _Kind]]:
    """Yields what was found of one kind, in the order of the listing, whichever worker was done first."""
    for exam, part in zip(exams, parts, strict=True):
        for view, found in zip(exam.views, part, strict=True):
            if isinstance(found, kind):
                yield exam, view, found


def _view_cells(exam: ListedExam, view: ListedView, seen: _Seen) -> list[object]:
    where = [view.patient_id, view.exam_id, exam.volume, view.laterality, view.projection, str(view.path)]
    about = [_TITLES[exam.status], _TITLES[seen.label], exam.age_years, exam.density, seen.height_px, seen.width_px]
    return [*where, *about]


def _lesion_cells(lesion: Lesion, spacing_mm: float | None) -> tuple[object, ...]:
    x_min, y_min, x_max, y_max = lesion.box_xyxy_px
    length_px = max(x_max - x_min, y_max - y_min)
    length_mm = length_px * spacing_mm if spacing_mm else None
    facts = (_TITLES[lesion.pathology], lesion.kind, lesion.assessment, lesion.subtlety)
    return (*facts, length_px, length_mm, lesion.area_px)


def balanced(counts: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Returns views by label before balancing and after, by the study's way and by sampling weights.

    The study (section 3.2.2) keeps one normal view of four and throws the others away. Sampling weights keep all views
    and show each class equally often; the figures are how often a class is drawn in as many draws as there are views.
    """
    total = sum(counts.values())
    present = [label for label in counts if counts[label]]
    return {
        "before": dict(counts),
        "one normal in four": {label: n // 4 if label == "normal" else n for label, n in counts.items()},
        "sampling weights": {label: total / len(present) if label in present else 0 for label in counts},
    }


def mean_with_interval(values: pd.Series) -> dict[str, float]:
    """Returns n, mean, and its 95 % interval by the normal approximation; one value a patient makes it honest."""
    known = values.dropna().astype(float)
    if known.empty:
        return {"n": 0, "mean": float("nan"), "low": float("nan"), "high": float("nan")}
    half = _Z_95 * float(known.std(ddof=1)) / np.sqrt(len(known)) if len(known) > 1 else float("nan")
    mean = float(known.mean())
    return {"n": len(known), "mean": mean, "low": mean - half, "high": mean + half}


class Summary(TypedDict):
    """The counts and means of a data set, as statistics.json has them.

    Attributes:
        n: Of patients, exams, images, lesions and rejected views.
        images: By label of the view.
        balance: Views by label, before balancing and after: see `balanced`.
        age_years: By status of the case: see `mean_with_interval`.
        age_unknown: Patients.
        lesions: By property of a lesion, how often each of its values occurs.
        breasts_with_lesion: In both views, in one view.
        exams_with_lesions_in_both_breasts: Exams.
        views: By laterality and projection.
        density: Patients by density of the breast.
        volume: By volume of the source, patients by status.
        mean_size_px: Height and width; None without views.
    """

    n: dict[str, int]
    images: dict[str, int]
    balance: dict[str, dict[str, float]]
    age_years: dict[str, dict[str, float]]
    age_unknown: int
    lesions: dict[str, dict[str, int]]
    breasts_with_lesion: dict[str, int]
    exams_with_lesions_in_both_breasts: int
    views: dict[str, int]
    density: dict[str, int]
    volume: dict[str, dict[str, int]]
    mean_size_px: dict[str, float | None]


def per_patient(views: pd.DataFrame) -> pd.DataFrame:
    """One row a patient, with the case's status, so that no patient counts four times."""
    return views.drop_duplicates("patient_id")


def summarise(tables: Tables) -> Summary:
    """Returns the counts and means of a data set, ready for JSON; every figure has its n beside it or is one."""
    views, lesions = tables.views, tables.lesions
    patients = per_patient(views)
    images = _by_label(views.label)
    breasts = lesions.drop_duplicates("path").groupby(["exam_id", "laterality"]).size()
    return {
        "n": {
            "patients": int(patients.shape[0]),
            "exams": int(views.exam_id.nunique()),
            "images": int(views.shape[0]),
            "lesions": int(lesions.shape[0]),
            "rejected": int(tables.rejected.shape[0]),
        },
        "images": images,
        "balance": balanced({label: images[label] for label in labels.NAMES}),
        "age_years": {
            label: mean_with_interval(patients.age_years[patients.status == label]) for label in labels.NAMES
        },
        "age_unknown": int(patients.age_years.isna().sum()),
        "lesions": {
            "pathology": _counts(lesions.pathology),
            "kind": _counts(lesions.kind),
            "assessment": _counts(lesions.assessment),
            "subtlety": _counts(lesions.subtlety),
            "on_one_image": _counts(lesions.groupby("path").size()),
        },
        "breasts_with_lesion": {"in_both_views": int((breasts > 1).sum()), "in_one_view": int((breasts == 1).sum())},
        "exams_with_lesions_in_both_breasts": int((breasts.groupby("exam_id").size() > 1).sum()),
        "views": _counts(views.laterality + " " + views.projection),
        "density": _counts(patients.density),
        "volume": {str(volume): _by_label(part.status) for volume, part in patients.groupby("volume")},
        "mean_size_px": {
            "height": float(views.height_px.mean()) if len(views) else None,
            "width": float(views.width_px.mean()) if len(views) else None,
        },
    }


def _by_label(values: pd.Series) -> dict[str, int]:
    """How often each label occurs; "unknown" stands there only where it does."""
    counts = {label.title: int((values == label.title).sum()) for label in (*labels.KNOWN, Label.UNKNOWN)}
    return {name: count for name, count in counts.items() if count or name in labels.NAMES}


def _counts(values: pd.Series) -> dict[str, int]:
    """How often each value occurs, in order, and how often none is known."""
    known = values.dropna()
    counts = known.value_counts().sort_index()
    named = {f"{value:g}" if isinstance(value, float) else str(value): int(n) for value, n in counts.items()}
    unknown = len(values) - len(known)
    return named | ({"unknown": unknown} if unknown else {})
