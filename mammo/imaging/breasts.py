"""Finds the breast on a mammogram, in spite of film borders, lettering, tape and step wedges."""

import dataclasses

import cv2
import numpy as np

_WORKING_HEIGHT_PX = 512  # one pixel is about 0.5 mm of film: finer than any decision taken here

# Fractions of the working height or width, each set on the sheets of 44 Mini-DDSM and 1,231 CBIS-DDSM views.
_FILM_BORDER = 0.06  # film borders end within this much of the edge of the image,
_FILM_BORDER_LENGTH = 0.3  # and go along at least this much of one side
_WHITE_LEVEL = 0.8  # of the way from background to the brightest: film border, lettering, dense muscle
_SMALLEST_BREAST = 0.01  # of the area of the image
_OPENING = 0.025  # strings, tape edges and letters that touch the skin are narrower
_MARGIN = 0.015  # added around what is found: the skin line fades into the background
_SKIN_LEVEL = 0.045  # of the way from background to dense tissue: below it is scatter, above it skin


@dataclasses.dataclass(frozen=True)
class Breast:
    """Where the breast is, and how bright it is.

    Attributes:
        box_xyxy_px: Its extent with a small margin, in pixels of the image, maxima exclusive.
        is_chest_wall_right: Whether the chest wall is at the right of the image, by what the image shows.
        mask: uint8 [h, w], 255 on the breast, at a working size of its own that spans the whole image.
        foreign: uint8 [h, w], 255 on film border, lettering and tape, of the same working size.
        background_level: Grey level of film without tissue, in the image's own unit.
        dense_level: Grey level of the densest tissue, in the image's own unit.
    """

    box_xyxy_px: tuple[int, int, int, int]
    is_chest_wall_right: bool
    mask: np.ndarray
    foreign: np.ndarray
    background_level: float
    dense_level: float


def find_breast(pixels: np.ndarray) -> Breast | None:
    """Finds the one breast on a view.

    Args:
        pixels: uint8 or uint16 [H, W], brighter meaning denser tissue.

    Returns:
        The breast, or None where the image shows none: one colour only, or nothing large enough.
    """
    small = _shrink(pixels)
    background = _background_level(small)
    if small.max() - background < 1:
        return None
    small, is_border = _without_film_border(small, background)
    tissue = small[small > background + 0.02 * (small.max() - background)]
    if not tissue.size:
        return None
    is_lit = small > background + _SKIN_LEVEL * (np.percentile(tissue, 95) - background)
    is_breast = _largest_part(is_lit)
    if is_breast.mean() < _SMALLEST_BREAST:
        return None
    is_near = _dilate(is_breast, 2)
    is_foreign = is_border | (_dilate(is_lit & ~is_near, 2) & ~is_near)
    height_px, width_px = pixels.shape
    return _describe(height_px, width_px, small, is_breast, is_foreign, background)


def _shrink(pixels: np.ndarray) -> np.ndarray:
    height_px, width_px = pixels.shape
    stride = max(height_px // (2 * _WORKING_HEIGHT_PX), 1)  # averaging every pixel would cost more than all else here
    width = max(round(width_px * _WORKING_HEIGHT_PX / height_px), 16)
    small = cv2.resize(pixels[::stride, ::stride], (width, _WORKING_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.0)


def _background_level(small: np.ndarray) -> float:
    """The commonest dark grey level: film without tissue is flat, tissue is not."""
    low, high = np.percentile(small, [0.5, 99.5])
    counts, edges = np.histogram(small, bins=128, range=(float(low), max(float(high), float(low) + 1)))
    mode = int(np.argmax(counts[:40]))
    return float(edges[mode : mode + 2].mean())


def _without_film_border(small: np.ndarray, background: float) -> tuple[np.ndarray, np.ndarray]:
    """Blackens film border: white runs from the edge inwards, short, about equally deep, along much of one side.

    The pectoral muscle may be as white, but it is deeper, and where it is not, it tapers.
    """
    small = small.copy()
    is_border = np.zeros(small.shape, bool)
    is_white = small > background + _WHITE_LEVEL * (small.max() - background)
    for turns in range(4):
        lines, marks = (
            np.rot90(is_white, turns),
            np.rot90(is_border, turns),
        )  # views: the side in question is at the left
        depth = max(round(_FILM_BORDER * lines.shape[1]), 3)
        edge = lines[:, : depth + 2]
        ends = np.where(edge.any(1), edge.shape[1] - np.argmax(edge[:, ::-1], axis=1), 0)
        ends[edge[:, depth:].all(1)] = 0  # white goes on beyond the depth of a border: tape or muscle
        is_short = ends > 0
        if is_short.mean() < _FILM_BORDER_LENGTH:
            continue
        ends[ends > 1.5 * np.percentile(ends[is_short], 25) + 3] = 0
        ends = np.where(ends > 0, ends + 2, 0)  # 2: what the blur carried over
        marks |= np.arange(lines.shape[1]) < ends[:, None]
    small[is_border] = background
    return small, is_border


def _largest_part(is_lit: np.ndarray) -> np.ndarray:
    """The largest connected part once what is narrow has been cut off, then grown back over its own narrow ends."""
    size = max(round(_OPENING * is_lit.shape[0]), 3) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    lit = is_lit.astype(np.uint8)
    # Black beyond the frame, so that strips along the edge of the film are as narrow as they look.
    opened = cv2.morphologyEx(np.pad(lit, size), cv2.MORPH_OPEN, disc)[size:-size, size:-size]
    count, parts, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:  # noqa: PLR2004
        return np.zeros_like(is_lit)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return (cv2.dilate((parts == largest).astype(np.uint8), disc) > 0) & is_lit


def _dilate(mask: np.ndarray, radius: int) -> np.ndarray:
    size = 2 * radius + 1
    return cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) > 0


def _describe(
    height_px: int, width_px: int, small: np.ndarray, is_breast: np.ndarray, is_foreign: np.ndarray, background: float
) -> Breast:
    height, width = is_breast.shape
    rows, columns = np.flatnonzero(is_breast.any(1)), np.flatnonzero(is_breast.any(0))
    margin = _MARGIN * height
    to_y_px, to_x_px = height_px / height, width_px / width
    box_xyxy_px = (
        max(int((columns[0] - margin) * to_x_px), 0),
        max(int((rows[0] - margin) * to_y_px), 0),
        min(int(np.ceil((columns[-1] + 1 + margin) * to_x_px)), width_px),
        min(int(np.ceil((rows[-1] + 1 + margin) * to_y_px)), height_px),
    )
    # At the chest wall the breast is tallest, toward the nipple it tapers.
    heights = is_breast[:, columns[0] : columns[-1] + 1].sum(0)
    third = max(len(heights) // 3, 1)
    return Breast(
        box_xyxy_px,
        is_chest_wall_right=bool(heights[-third:].sum() > heights[:third].sum()),
        mask=is_breast.astype(np.uint8) * 255,
        foreign=is_foreign.astype(np.uint8) * 255,
        background_level=background,
        dense_level=float(np.percentile(small[is_breast], 99.8)),
    )
