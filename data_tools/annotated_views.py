"""Reads a view and what its source knows of it in one frame: that of the upright picture."""

import dataclasses

import numpy as np

from data_tools.source import Annotation, ListedExam, ListedView, Source
from mammo.imaging.image_file import ImageFile


def read(source: Source, exam: ListedExam, view: ListedView) -> tuple[np.ndarray, Annotation]:
    """Returns the grey levels of a view, upright, uint8 or uint16 [H, W], and its annotation in the same pixels.

    Sources outline lesions in the pixels of the file, as they are stored.

    Raises:
        mammo.common.errors.ImageError: The view, or an outline of it, cannot be used.
    """
    file = ImageFile(view.path)
    pixels = file.read_pixels()
    annotation = source.annotate(exam, view, *file.turn.stored_size(*pixels.shape))
    boxes = [file.turn.boxes_to_upright(np.array(lesion.box_xyxy_px), *pixels.shape) for lesion in annotation.lesions]
    lesions = (
        dataclasses.replace(lesion, box_xyxy_px=tuple(box.tolist()))
        for lesion, box in zip(annotation.lesions, boxes, strict=True)
    )
    return pixels, dataclasses.replace(annotation, lesions=tuple(lesions))
