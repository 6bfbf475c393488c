"""One image for an evaluation: what is known of it, and what a detector found in it."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mammo.imaging.placements import Placement


class ImageFacts(Protocol):
    """Whom and what an image shows, as `mammo.data.shards` tells it."""

    @property
    def patient_id(self) -> str:
        """The patient; intervals are made by drawing patients."""

    @property
    def path(self) -> str:
        """Path of the source file, relative to its data set."""

    @property
    def exam_id(self) -> str:
        """The exam; unique in the source."""

    @property
    def volume(self) -> str:
        """Which part of the source it comes from."""

    @property
    def laterality(self) -> str | None:
        """Which breast, a `Laterality`; None: unknown."""

    @property
    def projection(self) -> str | None:
        """How the breast was compressed, a `Projection`; None: unknown."""

    @property
    def density(self) -> int:
        """BI-RADS density, 1 to 4; 0: unknown."""

    @property
    def age_years(self) -> float:
        """Age of the patient; -1: unknown."""

    @property
    def label(self) -> int:
        """The worst of its lesions: a value of `mammo.clinical.labels.Label`."""

    @property
    def boxes_xyxy_px(self) -> np.ndarray:
        """Boxes of the lesions, float32 [N, 4], in pixels of the image."""

    @property
    def pathologies(self) -> np.ndarray:
        """Values of `Label` for the lesions, int64 [N]: 1 benign, 2 cancer."""

    @property
    def areas_px(self) -> np.ndarray:
        """Areas inside the outlines, float32 [N], in pixels of the source; -1: unknown."""

    @property
    def source_height_px(self) -> int:
        """Height of the source file."""

    @property
    def source_spacing_mm(self) -> float:
        """Side of a pixel of the source file; -1: unknown."""

    @property
    def placement(self) -> Placement:
        """Which window of the source became the image, and where it lies in it."""


@dataclasses.dataclass(frozen=True, eq=False)
class ImageResult:
    """One image: its lesions, and what was found in it. Boxes are in pixels of one and the same image.

    Attributes:
        patient_id: The patient; intervals are made by drawing patients.
        path: Path of the source file.
        truth_boxes_xyxy_px: Boxes of the lesions, float64 [N, 4].
        truth_classes: Classes of the lesions, int64 [N]: 0 benign, 1 cancer; all 0 for a class-blind detector.
        boxes_xyxy_px: Boxes of the detections, float64 [M, 4], the highest score first.
        scores: Scores of the detections, float64 [M], descending.
        classes: Classes of the detections, int64 [M].
        label: The worst of the lesions, a value of `mammo.clinical.labels.Label`.
        exam_id: The exam; this and the following are empty where unknown.
        volume: Which part of the source it comes from.
        laterality: "left" or "right".
        projection: "cc" or "mlo".
        density: BI-RADS density, 1 to 4; 0: unknown.
        key: Key of the record, see `mammo.data.shards`; -1: unknown.

    Raises:
        ValueError: An array has a wrong shape, or the scores do not descend.
    """

    patient_id: str
    path: str
    truth_boxes_xyxy_px: np.ndarray
    truth_classes: np.ndarray
    boxes_xyxy_px: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    label: int
    exam_id: str = ""
    volume: str = ""
    laterality: str = ""
    projection: str = ""
    density: int = 0
    key: int = -1

    def __post_init__(self) -> None:
        lesions, found = len(self.truth_classes), len(self.scores)
        shapes = {
            "truth_boxes_xyxy_px": (lesions, 4),
            "truth_classes": (lesions,),
            "boxes_xyxy_px": (found, 4),
            "scores": (found,),
            "classes": (found,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} of {self.path} must have shape {shape}, got {getattr(self, name).shape}")
        if not (np.isfinite(self.scores).all() and (np.diff(self.scores) <= 0).all()):
            raise ValueError(f"scores of {self.path} must be finite and descend, got {self.scores}")


def result_of(
    facts: ImageFacts,
    key: int,
    label: int,
    truth: tuple[np.ndarray, np.ndarray],
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> ImageResult:
    """Joins what is known of an image with what was found in it.

    Args:
        facts: Whom and what it shows.
        key: Key of its record.
        label: A value of `mammo.clinical.labels.Label`.
        truth: Boxes [N, 4] and classes [N] of its lesions.
        found: Boxes [M, 4], scores [M] and classes [M] of the detections.
    """
    return ImageResult(
        patient_id=facts.patient_id,
        path=facts.path,
        truth_boxes_xyxy_px=np.asarray(truth[0], np.float64),
        truth_classes=np.asarray(truth[1], np.int64),
        boxes_xyxy_px=np.asarray(found[0], np.float64),
        scores=np.asarray(found[1], np.float64),
        classes=np.asarray(found[2], np.int64),
        label=label,
        exam_id=facts.exam_id,
        volume=facts.volume,
        laterality=facts.laterality or "",
        projection=facts.projection or "",
        density=int(facts.density),
        key=key,
    )


def patients(results: Sequence[ImageResult]) -> tuple[int, np.ndarray]:
    """Numbers the patients: how many there are, and int64 [images], which one each image is of."""
    names, numbers = np.unique([result.patient_id for result in results], return_inverse=True)
    return len(names), numbers.astype(np.int64)
