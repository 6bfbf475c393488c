"""Turns one view into records: the whole view, a crop around each lesion, and crops of breast without one."""

import dataclasses
import pathlib
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from data_tools import annotated_views
from data_tools.source import Annotation, Lesion, ListedExam, ListedView, Source
from mammo.config.data import Encoding
from mammo.data import encodings
from mammo.data.encodings import Content
from mammo.imaging import pixel_path, placements
from mammo.imaging.breasts import Breast
from mammo.imaging.pixel_path import PreparedImage

BACKGROUND_FOCUS_SHARE = (0.025, 0.2)
"""Sides of what a background crop is about, of the film's height, log-uniform: 64 to 512 px of Mini-DDSM, as its
lesions are. Were they of another size, a classifier would tell background by magnification alone."""

_PLACING_ATTEMPTS = 20  # of a background crop, before a breast is taken to have no room for one

Record = dict[str, Any]
"""A value for every key of `mammo.data.schema.FEATURES`."""


@dataclasses.dataclass(frozen=True)
class RecordOptions:
    """What decides the bytes of a record, besides the view.

    Attributes:
        data_dir: Paths in records are relative to it.
        height_px: Of a view's image.
        width_px: Of a view's image.
        encoding: How images are stored.
        seed: Of the background crops.
        background_crops: How many a view gives.
    """

    data_dir: pathlib.Path
    height_px: int
    width_px: int
    encoding: Encoding
    seed: int
    background_crops: int


@dataclasses.dataclass(frozen=True)
class ViewRecords:
    """The records that are made of one view.

    Attributes:
        view: The whole view.
        crops: One a lesion, then those of background.
        is_widened: Whether the crop to the breast had to be widened to hold a lesion.
    """

    view: Record
    crops: list[Record]
    is_widened: bool


def make(options: RecordOptions, source: Source, exam: ListedExam, view: ListedView) -> ViewRecords:
    """Reads a view and what belongs to it, once, and makes its records.

    Raises:
        mammo.common.errors.ImageError: The view, or an outline of it, cannot be used.
    """
    pixels, annotation = annotated_views.read(source, exam, view)
    breast = pixel_path.find_breast(view.path, pixels)
    maker = _Maker(options, exam, view, annotation, pixels, breast)
    boxes_xyxy_px = maker.lesion_boxes_xyxy_px
    prepared = pixel_path.prepare_view(pixels, breast, options.height_px, options.width_px, boxes_xyxy_px)
    return ViewRecords(
        maker.record(Content.VIEW, prepared, np.array(breast.box_xyxy_px), annotation.lesions),
        [*maker.lesion_crops(), *maker.background_crops()],
        is_widened=prepared.placement.window_xyxy_px != breast.box_xyxy_px,
    )


@dataclasses.dataclass(frozen=True)
class _Maker:
    """One view with all that is known of it."""

    options: RecordOptions
    exam: ListedExam
    view: ListedView
    annotation: Annotation
    pixels: np.ndarray
    breast: Breast

    @property
    def lesion_boxes_xyxy_px(self) -> np.ndarray:
        return np.array([lesion.box_xyxy_px for lesion in self.annotation.lesions], np.float64).reshape(-1, 4)

    def lesion_crops(self) -> Iterator[Record]:
        for lesion in self.annotation.lesions:
            yield self._crop(Content.LESION, np.array(lesion.box_xyxy_px), (lesion,))

    def background_crops(self) -> Iterator[Record]:
        """Draws places inside the breast whose focus touches no lesion; the square about it may show one."""
        view_key = zlib.crc32(f"{self.view.exam_id}/{self.view.laterality}/{self.view.projection}".encode())
        random = np.random.default_rng([self.options.seed, view_key])
        ys, xs = np.nonzero(self.breast.mask)
        to_source = np.array(self.pixels.shape) / np.array(self.breast.mask.shape)
        found = 0
        for _ in range(_PLACING_ATTEMPTS * self.options.background_crops):
            if found == self.options.background_crops:
                return
            place = random.integers(len(ys))
            centre_y, centre_x = (np.array([ys[place], xs[place]]) + 0.5) * to_source
            half = np.exp(random.uniform(*np.log(BACKGROUND_FOCUS_SHARE))) * self.pixels.shape[0] / 2
            focus = np.array([centre_x - half, centre_y - half, centre_x + half, centre_y + half])
            focus = placements.clip(focus, *self.pixels.shape)
            if not _touches_any(focus, self.lesion_boxes_xyxy_px):
                found += 1
                yield self._crop(Content.BACKGROUND, focus, ())

    def _crop(self, content: Content, focus: np.ndarray, lesions: tuple[Lesion, ...]) -> Record:
        prepared = pixel_path.prepare_crop_about(self.pixels, self.breast, focus)
        return self.record(content, prepared, focus, lesions)

    def record(
        self,
        content: Content,
        prepared: PreparedImage,
        focus_xyxy_px: np.ndarray,
        lesions: tuple[Lesion, ...],
    ) -> Record:
        """Returns the record of one image; `focus_xyxy_px` and `lesions` are in pixels of the source."""
        placement = prepared.placement
        boxes = np.array([lesion.box_xyxy_px for lesion in lesions], np.float64).reshape(-1, 4)
        return {
            "patient_id": self.view.patient_id,
            "exam_id": self.view.exam_id,
            "volume": self.exam.volume,
            "path": self.view.path.relative_to(self.options.data_dir).as_posix(),
            "laterality": self.view.laterality or "",
            "projection": self.view.projection or "",
            "age_years": _or(self.exam.age_years, -1),
            "density": _or(self.exam.density, 0),
            "content": content,
            "label": dataclasses.replace(self.annotation, lesions=lesions).label,
            "image": encodings.encode_image(prepared.image, self.options.encoding),
            "height_px": prepared.image.shape[0],
            "width_px": prepared.image.shape[1],
            "focus_xyxy_px": placement.to_output(focus_xyxy_px),
            "boxes_xyxy_px": placement.to_output(boxes),
            "pathologies": [lesion.pathology for lesion in lesions],
            "kinds": [lesion.kind for lesion in lesions],
            "outline_indices": [lesion.outline_index for lesion in lesions],
            "areas_px": [_or(lesion.area_px, -1) for lesion in lesions],
            "assessments": [_or(lesion.assessment, -1) for lesion in lesions],
            "subtleties": [_or(lesion.subtlety, -1) for lesion in lesions],
            "source_height_px": self.pixels.shape[0],
            "source_width_px": self.pixels.shape[1],
            "source_spacing_mm": _or(self.annotation.spacing_mm, -1),
            "window_xyxy_px": placement.window_xyxy_px,
            "content_height_px": placement.content_height_px,
            "content_width_px": placement.content_width_px,
            "is_mirrored": placement.is_mirrored,
        }


def _or(value: float | None, unknown: float) -> float:
    return unknown if value is None else value


def _touches_any(box_xyxy_px: np.ndarray, others_xyxy_px: np.ndarray) -> bool:
    low = np.maximum(box_xyxy_px[:2], others_xyxy_px[:, :2])
    high = np.minimum(box_xyxy_px[2:], others_xyxy_px[:, 2:])
    return bool((low < high).all(-1).any())
