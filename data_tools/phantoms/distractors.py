"""What is harmless and yet catches the eye: veins, lymph nodes, single coarse calcifications."""

import cv2
import numpy as np

from data_tools.phantoms import anatomy, texture
from data_tools.phantoms.anatomy import Grid, Shape

_SKIN_MM = 3.0  # nothing of this lies in the skin
_COARSE_GRAINS = 1.2  # a view, on average


def attenuation(form: Shape, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Returns what they take from the beam together: float32 [H, W]."""
    added = _veins(form, grid, rng) + _coarse_grains(form, grid, rng)
    if form.muscle.any():
        for _ in range(int(rng.choice((0, 0, 1, 1, 2)))):
            added += _lymph_node(form, grid, rng)
    return added * texture.smooth_step(form.skin_distance_mm, _SKIN_MM, 2 * _SKIN_MM)


def _veins(form: Shape, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Winding from the chest wall forwards, one to two millimetres wide."""
    cover = np.zeros(grid.x_mm.shape, np.uint8)
    nipple_x_mm, nipple_y_mm = form.nipple_xy_mm
    for _ in range(int(rng.integers(1, 5))):
        steps = int(rng.integers(5, 9))
        x_mm = np.linspace(rng.uniform(0, 0.3), rng.uniform(0.6, 0.9), steps) * nipple_x_mm
        start_mm, end_mm = nipple_y_mm + rng.uniform(-60, 50), nipple_y_mm + rng.uniform(-25, 25)
        y_mm = np.linspace(start_mm, end_mm, steps) + rng.normal(0, 3.5, steps)
        curve_px = anatomy.smooth_curve(np.stack([x_mm, y_mm], 1)) / grid.spacing_mm
        corners = [np.round(curve_px * 16).astype(np.int32)]
        width_px, strength = max(round(rng.uniform(0.9, 1.9) / grid.spacing_mm), 1), (int(rng.integers(110, 230)),)
        cv2.polylines(cover, corners, False, strength, width_px, cv2.LINE_AA, shift=4)
    soft = cv2.GaussianBlur(cover, (0, 0), max(0.25 / grid.spacing_mm, 0.5))
    return np.float32(0.20 / 255) * soft


def _lymph_node(form: Shape, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """In the armpit: a bean with fat in its hilum."""
    x_mm, y_mm = rng.uniform(0.2, 0.55) * form.nipple_xy_mm[0], rng.uniform(0.06, 0.3) * grid.y_mm[-1, 0]
    turn, half_mm = rng.uniform(0, np.pi), rng.uniform(3, 6)
    along = ((grid.x_mm - x_mm) * np.cos(turn) + (grid.y_mm - y_mm) * np.sin(turn)) / half_mm
    across = ((grid.y_mm - y_mm) * np.cos(turn) - (grid.x_mm - x_mm) * np.sin(turn)) / half_mm
    body = texture.smooth_step(1 - np.hypot(along, across / 0.6), 0, 0.35)
    hilum = texture.smooth_step(1 - 1.6 * np.hypot(along, (across - 0.25) / 0.35), 0, 0.5)
    return rng.uniform(0.15, 0.3) * np.clip(body - 0.7 * hilum, 0, 1)


def _coarse_grains(form: Shape, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    added = np.zeros_like(grid.x_mm)
    for _ in range(int(rng.poisson(_COARSE_GRAINS))):
        x_mm = form.nipple_xy_mm[0] * rng.uniform(0.1, 0.85)
        y_mm = form.nipple_xy_mm[1] + rng.uniform(-45, 45)
        blur_mm = max(rng.uniform(0.25, 0.5), 0.6 * grid.spacing_mm)
        distance_mm = np.hypot(grid.x_mm - x_mm, grid.y_mm - y_mm)
        added += rng.uniform(0.2, 0.7) * np.exp(-np.square(distance_mm / blur_mm) / 2)
    return added
