"""What a data source tells: exams, their views, and the lesions outlined on them. Plain data, no TensorFlow.

A source works in two steps. `list_exams` is cheap: it reads the sheet and the folder tree, opens no image,
and is enough to split the patients. `annotate` reads the outlines of one view and runs in the workers,
beside the decoding of the view itself.
"""

import dataclasses
import pathlib
from collections.abc import Iterable
from typing import Protocol

from mammo.clinical.labels import Label, Laterality, Projection
from mammo.common.errors import ImageError

_ROUNDING_PX = 1.0

BoxXyxyPx = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in pixels; the maxima are exclusive, so width is x_max - x_min."""


@dataclasses.dataclass(frozen=True)
class Lesion:
    """One outlined lesion on one view.

    Attributes:
        box_xyxy_px: Extent of the outline in pixels of the full image.
        pathology: BENIGN or CANCER; UNKNOWN where nobody has judged it.
        kind: "mass", "calcification", "mass+calcification", "other" or "unknown".
        outline_index: The number of its mask, from 1; 0 where the source has boxes only.
        area_px: Area inside the outline in pixels; None where the source has boxes only.
        assessment: BI-RADS category, 0 to 5, or None.
        subtlety: From 1 (subtle) to 5 (obvious), or None.
    """

    box_xyxy_px: BoxXyxyPx
    pathology: Label
    kind: str = "unknown"
    outline_index: int = 0
    area_px: float | None = None
    assessment: int | None = None
    subtlety: int | None = None

    def __post_init__(self) -> None:
        x_min, y_min, x_max, y_max = self.box_xyxy_px
        if not (x_min < x_max and y_min < y_max):
            raise ValueError(f"a lesion's box must have x_min < x_max and y_min < y_max, got {self.box_xyxy_px}")
        if self.pathology == Label.NORMAL:
            raise ValueError("a lesion is BENIGN, CANCER or UNKNOWN, never NORMAL")


@dataclasses.dataclass(frozen=True, slots=True)
class ListedView:
    """One image of an exam, as listed: nothing of it has been read yet.

    Attributes:
        patient_id: The patient, who is the unit of splits and intervals.
        exam_id: Which exam (case) of the patient.
        laterality: Which breast; None: unknown.
        projection: Which projection; None: unknown.
        path: The image file.
        outline_paths: One mask file a lesion, by outline number from 1; empty for a view without lesions.
    """

    patient_id: str
    exam_id: str
    laterality: Laterality | None
    projection: Projection | None
    path: pathlib.Path
    outline_paths: dict[int, pathlib.Path] = dataclasses.field(default_factory=dict)

    @property
    def caption(self) -> str:
        """Below its picture: its file's name, and its exam where that does not tell, as in P_0017/LEFT_CC.png."""
        return self.path.stem if self.exam_id in self.path.stem else f"{self.exam_id} {self.path.stem}"


@dataclasses.dataclass(frozen=True, slots=True)
class ListedExam:
    """The views of one visit of one patient, and what the sheet says of it.

    Attributes:
        patient_id: The patient.
        exam_id: Unique in the source.
        status: The worst finding of the exam, as the source states it; UNKNOWN where it does not.
        volume: The part of the source it comes from (DDSM volumes A to D were scanned by different machines);
            results are reported by it.
        age_years: Or None.
        density: BI-RADS density 1 to 4, or None.
        views: Its images.
    """

    patient_id: str
    exam_id: str
    status: Label
    volume: str
    age_years: float | None
    density: int | None
    views: tuple[ListedView, ...]


@dataclasses.dataclass(frozen=True)
class Annotation:
    """What a source knows of one view beyond its pixels.

    Attributes:
        lesions: By outline number.
        spacing_mm: Side of a pixel of the image, or None where it is not known.
        is_judged: Whether somebody has looked for lesions, so that what is not outlined is normal.
    """

    lesions: tuple[Lesion, ...]
    spacing_mm: float | None
    is_judged: bool = True

    @property
    def label(self) -> Label:
        """The worst lesion's pathology; NORMAL for a view without lesions, UNKNOWN where nobody has looked for any."""
        if not self.lesions:
            return Label.NORMAL if self.is_judged else Label.UNKNOWN
        return worst(lesion.pathology for lesion in self.lesions)


def worst(pathologies: Iterable[Label]) -> Label:
    """Returns the worst of at least one pathology: UNKNOWN where one is, since it may be the worst."""
    known = tuple(pathologies)
    return Label.UNKNOWN if Label.UNKNOWN in known else max(known)


def box_within(path: pathlib.Path, box_xyxy_px: BoxXyxyPx, height_px: int, width_px: int) -> BoxXyxyPx:
    """Returns a box as it lies inside its image; what programs round beyond the edge, up to a pixel, is cut off.

    Args:
        path: Of the image, for the message.
        box_xyxy_px: As the source gives it.
        height_px: Height of the image.
        width_px: Width of the image.

    Raises:
        ImageError: The box is empty, leaves the image by more than a pixel, or is not finite.
    """
    x_min, y_min, x_max, y_max = box_xyxy_px
    low_x, low_y, high_x, high_y = max(x_min, 0.0), max(y_min, 0.0), min(x_max, width_px), min(y_max, height_px)
    cut_off_px = max(low_x - x_min, low_y - y_min, x_max - high_x, y_max - high_y)
    # Written so that a NaN is refused, too.
    if not (low_x < high_x and low_y < high_y and cut_off_px <= _ROUNDING_PX):
        box = ", ".join(f"{value:g}" for value in box_xyxy_px)
        raise ImageError(path, f"has a box ({box}) that is not inside its {height_px} × {width_px} pixels")
    return float(low_x), float(low_y), float(high_x), float(high_y)


class Source(Protocol):
    """Where exams come from. Sources are small and picklable: workers get a copy."""

    @property
    def name(self) -> str:
        """As given to --source, and as the manifest states it."""
        ...

    def list_exams(self) -> list[ListedExam]:
        """Returns every exam, sorted by `exam_id`, without opening an image.

        Raises:
            mammo.common.errors.InputError: The folder or its sheet cannot be used.
        """
        ...

    def annotate(self, exam: ListedExam, view: ListedView, height_px: int, width_px: int) -> Annotation:
        """Reads what belongs to one view of an exam, an image of `height_px` × `width_px`.

        Raises:
            mammo.common.errors.ImageError: An outline is missing, empty, or does not fit the image.
        """
        ...
