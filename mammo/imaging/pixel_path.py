"""The one pixel path, from the grey levels of a file to what a model sees, for conversion and inference alike.

Find the breast, crop to it, turn the chest wall to the left, resize with the aspect kept, stretch the grey levels from
film without tissue (0) to the densest tissue (1), black out film border and lettering, pad with zeros at the right and
below. The stretch makes 8 and 16 bit files of one view, and films of different scanners, look the same.
"""

import dataclasses
import pathlib

import cv2
import numpy as np

from mammo.common.errors import ImageError
from mammo.config import data
from mammo.imaging import breasts, polarity
from mammo.imaging.breasts import Breast
from mammo.imaging.placements import Placement

PIXEL_PATH_VERSION = 2
"""Raised by whoever changes what comes out of this module or of `breast`. Stored in manifests and in model bundles."""


CROP_MIN_SIDE_PX = 384  # of the source: 38 mm of film in Mini-DDSM
CROP_MAX_SIDE_PX = 1024  # of the crop: larger ones are shrunk

_MIN_SIDE_PX = 64  # smaller ones are icons
_MAX_ELONGATION = 8  # mammograms are about 1.5 times as high as wide; what comes after the decoder assumes no strips


@dataclasses.dataclass(frozen=True)
class PreparedImage:
    """What a model sees of a view, or of a part of it.

    Attributes:
        image: float32 [H, W] in [0, 1].
        placement: Where the source lies in it.
    """

    image: np.ndarray
    placement: Placement


def check_shape(path: pathlib.Path, height_px: int, width_px: int) -> None:
    """Refuses an image that is too small or too narrow for a mammogram; its size may be known before its pixels.

    Raises:
        ImageError: It is.
    """
    if min(height_px, width_px) < _MIN_SIDE_PX:
        raise ImageError(path, f"has {height_px:,} × {width_px:,} pixels, too few for a mammogram")
    if max(height_px, width_px) > _MAX_ELONGATION * min(height_px, width_px):
        raise ImageError(path, f"has {height_px:,} × {width_px:,} pixels, too long a strip for a mammogram")


def find_breast(path: pathlib.Path, pixels: np.ndarray) -> Breast:
    """Finds the breast on a view, uint8 or uint16 [H, W].

    Raises:
        ImageError: The view shows no breast, or is no view.
    """
    check_shape(path, *pixels.shape)
    if polarity.is_two_valued(pixels):
        raise ImageError(path, "has two grey levels and none between: it is a mask, not a mammogram")
    found = breasts.find_breast(pixels)
    if found is None:
        raise ImageError(path, "shows no breast: it is of one colour, or nothing on it is large enough")
    return found


def prepare_view(
    pixels: np.ndarray,
    breast: Breast,
    height_px: int,
    width_px: int,
    must_show_xyxy_px: np.ndarray | None = None,
) -> PreparedImage:
    """Prepares a whole view.

    Args:
        pixels: uint8 or uint16 [h, w], as `ImageFile.read_pixels` gives them.
        breast: What `find_breast` found on them.
        height_px: Height of the result.
        width_px: Width of the result.
        must_show_xyxy_px: Boxes [N, 4] in pixels of the source for which the crop is widened where it would cut them;
            conversion passes outlined lesions, so that none is lost.

    Returns:
        An image of `height_px` × `width_px`.
    """
    window = _union(breast.box_xyxy_px, must_show_xyxy_px, pixels.shape)
    placement = Placement.fit(window, height_px, width_px, breast.is_chest_wall_right)
    content = _render(pixels, breast, placement)
    image = np.zeros((height_px, width_px), np.float32)
    image[: content.shape[0], : content.shape[1]] = content
    return PreparedImage(image, placement)


def prepare_crop(
    pixels: np.ndarray, breast: Breast, window_xyxy_px: tuple[int, int, int, int], max_side_px: int
) -> PreparedImage:
    """Prepares a part of a view at full resolution, oriented and stretched as the whole view is, without padding.

    Args:
        pixels: uint8 or uint16 [h, w], as `ImageFile.read_pixels` gives them.
        breast: What `find_breast` found on them.
        window_xyxy_px: The part, inside the image.
        max_side_px: A larger part is shrunk to this.
    """
    x_min, y_min, x_max, y_max = window_xyxy_px
    height_px, width_px = min(y_max - y_min, max_side_px), min(x_max - x_min, max_side_px)
    placement = Placement.fit(window_xyxy_px, height_px, width_px, breast.is_chest_wall_right)
    return PreparedImage(_render(pixels, breast, placement), placement)


def prepare_crop_about(pixels: np.ndarray, breast: Breast, focus_xyxy_px: np.ndarray) -> PreparedImage:
    """Prepares the square around a lesion or another focus, with context, as `prepare_crop` does.

    Args:
        pixels: uint8 or uint16 [h, w], as `ImageFile.read_pixels` gives them.
        breast: What `find_breast` found on them.
        focus_xyxy_px: float64 [4].
    """
    return prepare_crop(pixels, breast, crop_window(focus_xyxy_px, *pixels.shape), CROP_MAX_SIDE_PX)


def crop_window(focus_xyxy_px: np.ndarray, height_px: int, width_px: int) -> tuple[int, int, int, int]:
    """The square around a focus, moved into the image where it would leave it; smaller only where the image is."""
    x_min, y_min, x_max, y_max = focus_xyxy_px
    side = int(np.ceil(max(data.CROP_CONTEXT * max(x_max - x_min, y_max - y_min), CROP_MIN_SIDE_PX)))
    side_x, side_y = min(side, width_px), min(side, height_px)
    left = int(np.clip(round((x_min + x_max - side_x) / 2), 0, width_px - side_x))
    top = int(np.clip(round((y_min + y_max - side_y) / 2), 0, height_px - side_y))
    return left, top, left + side_x, top + side_y


def _render(pixels: np.ndarray, breast: Breast, placement: Placement) -> np.ndarray:
    """Returns the placed window: float32 [content_height_px, content_width_px] in [0, 1], C-contiguous."""
    x_min, y_min, x_max, y_max = placement.window_xyxy_px
    size_xy = (placement.content_width_px, placement.content_height_px)
    shrinks = max(placement.scale_yx) < 1
    window = pixels[y_min:y_max, x_min:x_max]
    unit = 257 if pixels.dtype == np.uint8 else 1  # 255 × 257 = 65535: averages keep their fractions in 16 bits
    window = cv2.resize(
        window if unit == 1 else window.astype(np.uint16) * np.uint16(unit),
        size_xy,
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    low, high = unit * breast.background_level, unit * breast.dense_level
    content = np.clip((window.astype(np.float32) - low) * (1 / max(high - low, 1.0)), 0, 1)
    content[_foreign_in(breast, placement, pixels.shape, size_xy) > 0] = 0
    return np.ascontiguousarray(content[:, ::-1]) if placement.is_mirrored else content


def _foreign_in(
    breast: Breast,
    placement: Placement,
    shape: tuple[int, ...],
    size_xy: tuple[int, int],
) -> np.ndarray:
    """The mask of film border, lettering and tape, under the placed window: uint8 [H, W]."""
    height, width = breast.foreign.shape
    x_min, y_min, x_max, y_max = placement.window_xyxy_px
    # Maps the centre of each pixel of the result to where it lies in the mask.
    step_x = (x_max - x_min) / size_xy[0] * width / shape[1]
    step_y = (y_max - y_min) / size_xy[1] * height / shape[0]
    offset_x, offset_y = x_min * width / shape[1], y_min * height / shape[0]
    affine = np.array([[step_x, 0, offset_x + step_x / 2 - 0.5], [0, step_y, offset_y + step_y / 2 - 0.5]])
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(breast.foreign, affine, size_xy, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _union(
    box: tuple[int, int, int, int], others: np.ndarray | None, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    if others is None or not len(others):
        return box
    low = np.floor(np.minimum(box[:2], others[:, :2].min(0))).astype(int)
    high = np.ceil(np.maximum(box[2:], others[:, 2:].max(0))).astype(int)
    return max(int(low[0]), 0), max(int(low[1]), 0), min(int(high[0]), shape[1]), min(int(high[1]), shape[0])
