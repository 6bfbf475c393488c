"""From a mask file to the lesion it outlines: a filled region and its box, in pixels of the full image.

Mini-DDSM's masks are lines of one or two pixels, drawn in white and, as JPEGs, noisy (MINI-DDSM keeps 25 to 30 grey
levels around a line); a mask that is filled already is as good.
"""

import dataclasses
import pathlib

import cv2
import numpy as np

from data_tools.source import BoxXyxyPx
from mammo.common.errors import ImageError
from mammo.imaging.image_file import ImageFile

_LINE_LEVEL = 127  # of 255: above the noise around a line
_SMALLEST_PART = 0.05  # of the largest part's pixels: smaller ones are specks and must not widen the box
_GAP_PX = 9  # a line may be interrupted by this much
_ASPECT_TOLERANCE = 0.02  # a mask may be of another size than its image, never of another shape


@dataclasses.dataclass(frozen=True)
class Outline:
    """One outlined lesion, in pixels of the full image.

    Attributes:
        box_xyxy_px: Extent of the line, maxima exclusive.
        area_px: Inside the line, the line included.
    """

    box_xyxy_px: BoxXyxyPx
    area_px: float


def read_outline(path: pathlib.Path, height_px: int, width_px: int) -> Outline:
    """Reads a mask that belongs to an image of `height_px` × `width_px`.

    Raises:
        ImageError: It cannot be read, is empty, or has another shape than the image.
    """
    mask = ImageFile(path).read_pixels()
    mask_height_px, mask_width_px = mask.shape
    scale_y, scale_x = height_px / mask_height_px, width_px / mask_width_px
    if abs(scale_y / scale_x - 1) > _ASPECT_TOLERANCE:
        raise ImageError(
            path, f"is a mask of {mask_height_px} × {mask_width_px} for an image of {height_px} × {width_px} pixels"
        )
    is_line = find_line(mask)
    if not is_line.any():
        raise ImageError(path, "is a mask without an outline: no pixel is brighter than half")
    x, y, width, height = cv2.boundingRect(is_line.astype(np.uint8))
    return Outline(
        (x * scale_x, y * scale_y, (x + width) * scale_x, (y + height) * scale_y),
        area_px=float(np.count_nonzero(fill(is_line))) * scale_x * scale_y,
    )


def from_boundary(boundary_xy_px: np.ndarray, scale: float) -> Outline:
    """Returns the outline that a boundary draws: int [N, 2], times `scale` in pixels of the full image."""
    low, high = boundary_xy_px.min(0) * scale, (boundary_xy_px.max(0) + 1) * scale
    area_px = cv2.contourArea(boundary_xy_px.astype(np.float32) * scale)
    return Outline((float(low[0]), float(low[1]), float(high[0]), float(high[1])), area_px)


def find_line(mask: np.ndarray) -> np.ndarray:
    """Returns where the outline is: bright pixels, without specks, of uint8 or uint16 [H, W] as bool [H, W].

    A lesion may be outlined in several parts; a part of less than a twentieth of the largest one's pixels is a speck.
    """
    unit = np.iinfo(mask.dtype).max // 255
    is_bright = mask > _LINE_LEVEL * unit
    count, parts, stats, _ = cv2.connectedComponentsWithStats(is_bright.astype(np.uint8), connectivity=8)
    if count == 1:
        return is_bright
    areas = stats[:, cv2.CC_STAT_AREA]
    is_kept = areas >= _SMALLEST_PART * areas[1:].max()
    is_kept[0] = False
    return is_kept[parts]


def fill(is_line: np.ndarray) -> np.ndarray:
    """Returns the region inside an outline, the line included: bool [H, W] to bool [H, W].

    Small gaps in a line are bridged. A line that stays open, as at the chest wall, where the image ends, encloses next
    to nothing; its convex hull is taken instead.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GAP_PX, _GAP_PX))
    thick = cv2.dilate(np.pad(is_line.astype(np.uint8), _GAP_PX), disc)
    contours, _ = cv2.findContours(thick, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    region = np.zeros_like(thick)
    for contour in contours:
        hull = cv2.convexHull(contour)
        is_open = cv2.contourArea(contour) < 0.5 * cv2.contourArea(hull)
        cv2.drawContours(region, [hull if is_open else contour], -1, (1,), cv2.FILLED)
    return cv2.erode(region, disc)[_GAP_PX:-_GAP_PX, _GAP_PX:-_GAP_PX] > 0
