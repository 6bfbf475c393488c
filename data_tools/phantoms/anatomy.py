"""The shape of a compressed breast in one view, and what X-rays meet on their way through it.

Everything is drawn with the chest wall at the left; x runs from it toward the nipple, y runs down the film.
"""

import dataclasses

import cv2
import numpy as np

from data_tools.phantoms import texture
from data_tools.phantoms.cases import Physique

_OUTSIDE_MM = 60.0  # of tissue imagined beyond the film, so that the edge of the film is no skin


@dataclasses.dataclass(frozen=True)
class Grid:
    """The pixels of a view.

    Attributes:
        height_px: Rows.
        width_px: Columns.
        spacing_mm: Side of a pixel.
        x_mm: float32 [H, W], of the middle of each pixel.
        y_mm: float32 [H, W].
    """

    height_px: int
    width_px: int
    spacing_mm: float
    x_mm: np.ndarray
    y_mm: np.ndarray

    @classmethod
    def of(cls, height_px: int, width_px: int, spacing_mm: float) -> "Grid":
        """Returns the grid of a view of that size."""
        y_mm, x_mm = (np.indices((height_px, width_px), np.float32) + 0.5) * spacing_mm
        return cls(height_px, width_px, spacing_mm, x_mm, y_mm)


@dataclasses.dataclass(frozen=True)
class Shape:
    """Where the parts of a breast lie in one view.

    Attributes:
        nipple_xy_mm: The skin at the nipple.
        skin_distance_mm: float32 [H, W], how far inside the skin; 0 outside the breast.
        muscle: float32 [H, W], how much pectoral muscle, 0 to 1.
    """

    nipple_xy_mm: tuple[float, float]
    skin_distance_mm: np.ndarray
    muscle: np.ndarray


def shape(physique: Physique, projection: str, film_height_mm: float, grid: Grid, rng: np.random.Generator) -> Shape:
    """Shapes a breast in one view."""
    if projection == "CC":
        outline, nipple_xy_mm = _cc_outline(physique, film_height_mm, rng)
        muscle = np.zeros_like(grid.x_mm)
    else:
        outline, nipple_xy_mm = _mlo_outline(physique, film_height_mm, rng)
        muscle = _pectoral_muscle(physique, nipple_xy_mm[1], grid, rng)
    return Shape(nipple_xy_mm, _skin_distance_mm(outline, nipple_xy_mm, grid, rng), muscle)


def smooth_curve(points_xy: np.ndarray, steps: int = 16) -> np.ndarray:
    """Returns the Catmull-Rom curve through `points_xy` [N, 2]: float64 [(N-1)*steps+1, 2]."""
    padded = np.vstack([2 * points_xy[0] - points_xy[1], points_xy, 2 * points_xy[-1] - points_xy[-2]])
    before, start, end, after = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = (np.arange(steps) / steps)[None, :, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return np.vstack([curve.reshape(-1, 2), points_xy[-1]])


def _cc_outline(
    physique: Physique, film_height_mm: float, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """Half a superellipse whose upper and lower halves differ a little."""
    middle_mm = film_height_mm * rng.uniform(0.44, 0.53)
    power, roundness = rng.uniform(2.0, 2.6), rng.uniform(1.75, 2.15)
    upper, lower = physique.half_height_mm * rng.normal(1, 0.06, 2)
    share = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 121))  # denser where the curve turns
    x = physique.depth_mm * (1 - np.abs(share) ** power) ** (1 / roundness)
    y = middle_mm + np.where(share < 0, upper, lower) * share
    closing = np.array([[-_OUTSIDE_MM, y[-1]], [-_OUTSIDE_MM, y[0]]])
    return np.vstack([np.stack([x, y], 1), closing]), (physique.depth_mm, float(middle_mm))


def _mlo_outline(
    physique: Physique, film_height_mm: float, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """From the armpit down over the nipple to the fold under the breast."""
    depth_mm, half_mm = physique.depth_mm * rng.normal(1.02, 0.02), physique.half_height_mm
    nipple_mm = film_height_mm * rng.uniform(0.58, 0.65)
    nipple_mm = min(nipple_mm, film_height_mm - 0.95 * half_mm)
    armpit, sag = rng.uniform(0.38, 0.62), rng.uniform(-0.03, 0.05)
    points = np.array(
        [
            [depth_mm * (armpit + 0.10), -_OUTSIDE_MM],
            [depth_mm * (armpit + 0.02), 0.02 * film_height_mm],
            [depth_mm * (armpit + 0.05), nipple_mm - 1.30 * half_mm],
            [depth_mm * (0.80 + sag), nipple_mm - 0.72 * half_mm],
            [depth_mm * 0.955, nipple_mm - 0.30 * half_mm],
            [depth_mm, nipple_mm],
            [depth_mm * 0.945, nipple_mm + 0.30 * half_mm],
            [depth_mm * (0.74 + sag), nipple_mm + 0.62 * half_mm],
            [depth_mm * 0.36, nipple_mm + 0.84 * half_mm],
            [depth_mm * 0.08, nipple_mm + 0.90 * half_mm],
            [depth_mm * rng.uniform(0.02, 0.16), nipple_mm + 1.10 * half_mm],
            [depth_mm * 0.05, film_height_mm + _OUTSIDE_MM],
        ]
    )
    curve = smooth_curve(points)
    closing = np.array([[-_OUTSIDE_MM, curve[-1, 1]], [-_OUTSIDE_MM, curve[0, 1]]])
    return np.vstack([curve, closing]), (float(depth_mm), float(nipple_mm))


def _skin_distance_mm(
    outline_mm: np.ndarray, nipple_xy_mm: tuple[float, float], grid: Grid, rng: np.random.Generator
) -> np.ndarray:
    margin_px = int(_OUTSIDE_MM / grid.spacing_mm)
    canvas = np.zeros((grid.height_px + 2 * margin_px, grid.width_px + margin_px), np.uint8)
    outline_px = outline_mm / grid.spacing_mm + margin_px
    cv2.fillPoly(canvas, [np.round(outline_px).astype(np.int32)], (255,))
    nipple_px = np.array(nipple_xy_mm) / grid.spacing_mm + margin_px
    radius_mm = rng.uniform(3.5, 5.5)
    axes_px = (int(radius_mm * rng.uniform(0.6, 1.3) / grid.spacing_mm), int(radius_mm / grid.spacing_mm))
    cv2.ellipse(canvas, np.round(nipple_px).astype(int).tolist(), axes_px, 0, 0, 360, (255,), -1)
    distance_px = cv2.distanceTransform(canvas, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    smooth_px = cv2.GaussianBlur(distance_px, (0, 0), 1.2 / grid.spacing_mm)
    smooth_px[canvas == 0] = 0
    inside = smooth_px[margin_px : margin_px + grid.height_px, margin_px : margin_px + grid.width_px]
    return inside * grid.spacing_mm


def _pectoral_muscle(physique: Physique, nipple_y_mm: float, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """A triangle in the upper corner at the chest wall, thicker away from its edge."""
    top_mm = physique.depth_mm * rng.uniform(0.34, 0.55)
    bottom_mm = nipple_y_mm * rng.uniform(0.70, 1.10)
    down = np.clip(grid.y_mm / bottom_mm, 0, 1)
    bulge = rng.uniform(-0.12, 0.22)
    inside_mm = top_mm * (1 - down) * (1 + bulge * down) - grid.x_mm
    edge = texture.smooth_step(inside_mm, -rng.uniform(1.0, 2.5), rng.uniform(1.5, 4))
    edge *= texture.smooth_step(-down, -1, -0.9)  # soft as it is, it ends where the triangle does
    return edge * (0.55 + 0.45 * texture.smooth_step(inside_mm, 0, 0.8 * top_mm))
