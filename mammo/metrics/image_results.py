"""What is known of one image once a detector has seen it."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mammo.imaging.placements import Placement

LABELS = ("normal", "benign", "cancer")
"""Of an image, by `ImageResult.label`."""

CLASSES = ("benign", "cancer")
"""Of a lesion, by its class."""


class ImageFacts(Protocol):
    """Whom and what an image shows, as `mammo.data.shards` tells it."""

    @property
    def patient_id(self) -> str:
        """The unit of intervals."""

    @property
    def path(self) -> str:
        """Of the source file, relative to its data set."""

    @property
    def exam_id(self) -> str:
        """Unique in the source."""

    @property
    def volume(self) -> str:
        """Part of the source."""

    @property
    def laterality(self) -> str | None:
        """A `Laterality`; None: unknown."""

    @property
    def projection(self) -> str | None:
        """A `Projection`; None: unknown."""

    @property
    def density(self) -> int:
        """BI-RADS 1 to 4; 0: unknown."""

    @property
    def age_years(self) -> float:
        """Of the patient; -1: unknown."""

    @property
    def label(self) -> int:
        """Of the worst lesion: 0 normal, 1 benign, 2 cancer."""

    @property
    def boxes_xyxy_px(self) -> np.ndarray:
        """float32 [N, 4], of the lesions, in pixels of the image."""

    @property
    def pathologies(self) -> np.ndarray:
        """int64 [N], 1 benign, 2 cancer."""

    @property
    def areas_px(self) -> np.ndarray:
        """float32 [N], inside the outline, in pixels of the source; -1: unknown."""

    @property
    def source_height_px(self) -> int:
        """Of the source file."""

    @property
    def source_spacing_mm(self) -> float:
        """Side of a pixel of the source file; -1: unknown."""

    @property
    def placement(self) -> Placement:
        """Where the window of the source lies in the image."""


@dataclasses.dataclass(frozen=True, eq=False)
class ImageResult:
    """One image: its lesions, and what was found in it. Boxes are in pixels of one and the same image.

    Attributes:
        patient_id: The unit of intervals.
        path: Of the source file.
        truth_boxes_xyxy_px: float64 [N, 4].
        truth_classes: int64 [N], 0 benign, 1 cancer.
        boxes_xyxy_px: float64 [M, 4], what was found, the surest first.
        scores: float64 [M], descending.
        classes: int64 [M].
        label: Of the image: 0 normal, 1 benign, 2 cancer.
        exam_id: Empty where unknown, as the following.
        volume: Part of the source.
        laterality: "left" or "right".
        projection: "cc" or "mlo".
        density: BI-RADS 1 to 4; 0: unknown.
        key: Of the record, see `mammo.data.shards`; -1: unknown.

    Raises:
        ValueError: An array is not of its shape, or the scores do not descend.
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
        key: Of its record.
        label: Of the image.
        truth: Boxes [N, 4] and classes [N] of its lesions.
        found: Boxes [M, 4], scores [M] and classes [M].
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
