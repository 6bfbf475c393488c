"""Reads boxes as COCO writes them (https://cocodataset.org/#format-data) into typed records."""

import dataclasses
import pathlib

import msgspec

from data_tools.source import BoxXyxyPx
from data_tools.sources import file_names
from mammo.common import typed_json
from mammo.common.errors import InputError

MAX_BYTES = 24 * 2**20
"""JSON takes up to 30 times its size in memory; boxes alone take 200 bytes each."""


class _Image(msgspec.Struct, frozen=True):
    id: int | str
    file_name: str
    width: int | None = None
    height: int | None = None


class _Annotation(msgspec.Struct, frozen=True):
    image_id: int | str
    bbox: tuple[float, float, float, float]
    iscrowd: int | bool = 0


class _Content(msgspec.Struct, frozen=True):
    images: list[_Image]
    annotations: list[_Annotation]


@dataclasses.dataclass(frozen=True, slots=True)
class ImageBoxes:
    """The boxes of one image.

    Attributes:
        height_px: Of the image that they were drawn on; None: not said.
        width_px: The same.
        boxes_xyxy_px: As they are given: they may be empty, or leave the image.
    """

    height_px: int | None = None
    width_px: int | None = None
    boxes_xyxy_px: tuple[BoxXyxyPx, ...] = ()


@dataclasses.dataclass(frozen=True)
class CocoBoxes:
    """The boxes of a data set.

    Attributes:
        images: By the path of the image, relative to the data set.
        strays: How many boxes are of no image that is listed.
        crowds: How many boxes are around a crowd, several objects that nobody told apart.
    """

    images: dict[pathlib.PurePosixPath, ImageBoxes]
    strays: int
    crowds: int


def read(path: pathlib.Path, folder: pathlib.Path) -> CocoBoxes:
    """Reads the boxes of the data set in `folder`.

    Raises:
        InputError: The file is missing, is no COCO file, or lists an image twice or out of the folder.
    """
    content = _content(path)
    names: dict[int | str, pathlib.PurePosixPath] = {}
    images: dict[pathlib.PurePosixPath, _Image] = {}
    for image in content.images:
        try:
            name = file_names.relative_path(image.file_name, folder)
        except ValueError as error:
            raise InputError(f"{path}: file_name {image.file_name[:100]!r} {error}; correct it.") from None
        if name in images or image.id in names:
            raise InputError(f"{path} lists {name}, or an image of its id, twice; remove one.")
        names[image.id], images[name] = name, image
    boxes: dict[pathlib.PurePosixPath, list[BoxXyxyPx]] = {name: [] for name in images}
    strays = crowds = 0
    for annotation in content.annotations:
        if annotation.image_id not in names:
            strays += 1
            continue
        crowds += bool(annotation.iscrowd)
        x, y, width, height = annotation.bbox
        boxes[names[annotation.image_id]].append((x, y, x + width, y + height))
    found = {name: ImageBoxes(image.height, image.width, tuple(boxes[name])) for name, image in images.items()}
    return CocoBoxes(found, strays, crowds)


def _content(path: pathlib.Path) -> _Content:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has more than {MAX_BYTES // 2**20} MiB; leave out its segmentations.")
        return typed_json.into(typed_json.read(path), _Content)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; it holds the boxes.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise InputError(f"{path} is no COCO file ({error}).") from None
