"""Draws a lesion's attenuation and its outline: smooth masses, spiculated masses, clusters of microcalcifications."""

import dataclasses

import cv2
import numpy as np

from data_tools.phantoms.anatomy import Grid
from data_tools.phantoms.cases import Lesion

# Contrast of a mass over the spread of the texture around it, by subtlety from 1 to 5, and attenuation of one
# calcification. Set by looking: from 3 on a mass is plain at a glance, at 1 it is found by who knows where it is.
_MASS_CONTRAST = (1.2, 2.6, 4.7, 6.4, 8.0)
_CALCIFICATION_ATTENUATION = (0.5, 1.0, 1.7, 2.5, 3.4)
_MOST_CONTRAST = 0.8  # 2 cm of carcinoma in place of fat: Johns & Yaffe 1987, Phys. Med. Biol. 32(6)
_OPACITY = 0.5  # share of the texture that a mass takes the place of
_SHARE_LINEAR = 0.4  # of malignant clusters
_LEAST_SPREAD = 0.035  # of the attenuation, where tissue is all fat

_ANGLES = np.linspace(0, 2 * np.pi, 180, endpoint=False)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A lesion in one view.

    Attributes:
        attenuation: float32 [H, W], what it adds.
        outline_xy_mm: float64 [N, 2], drawn around it as a radiologist would.
    """

    attenuation: np.ndarray
    outline_xy_mm: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Patch:
    """Polar coordinates about the lesion: radius_mm and angle, float32 [h, w], and where they lie on the grid."""

    rows: slice
    columns: slice
    dx_mm: np.ndarray
    dy_mm: np.ndarray

    @property
    def radius_mm(self) -> np.ndarray:
        return np.hypot(self.dx_mm, self.dy_mm)

    @property
    def angle(self) -> np.ndarray:
        return np.arctan2(self.dy_mm, self.dx_mm)


def draw(
    lesion: Lesion,
    center_xy_mm: tuple[float, float],
    tissue: np.ndarray,
    grid: Grid,
    rng: np.random.Generator,
) -> Drawn:
    """Draws a lesion into the tissue of one view.

    Args:
        lesion: What it is like; its seed shapes it alike in both views.
        center_xy_mm: Where.
        tissue: float32 [H, W], the attenuation it is seen against.
        grid: The view's pixels.
        rng: For how this view differs from the other.
    """
    shared = np.random.default_rng(lesion.seed)
    radius_mm = lesion.diameter_mm / 2 * float(rng.normal(1, 0.05))
    turn = float(rng.normal(0, 0.25))
    patch = _patch(center_xy_mm, 3.2 * radius_mm + 4, grid)
    added = np.zeros_like(tissue)
    local = added[patch.rows, patch.columns]
    if lesion.has_mass:
        under = tissue[patch.rows, patch.columns]
        detail = under - cv2.GaussianBlur(under, (0, 0), max(radius_mm / grid.spacing_mm, 1.0))
        spread = max(float(detail.std()), _LEAST_SPREAD)
        contrast = min(_MASS_CONTRAST[lesion.subtlety - 1] * spread, _MOST_CONTRAST)
        profile = _spiculated if lesion.is_malignant else _circumscribed
        shape = profile(patch, radius_mm, turn, shared)
        local += contrast * shape - _OPACITY * shape * detail
    if lesion.has_calcifications:
        local += _calcifications(lesion, patch, radius_mm, turn, shared, grid.spacing_mm)
    loose = radius_mm * (1.22 if lesion.has_mass and lesion.is_malignant else 1.08) + 1.2
    wobble = _wobble(shared, range(2, 6), 0.05, _ANGLES + turn)
    outline = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], 1) * (loose * wobble)[:, None] + np.array(center_xy_mm)
    return Drawn(added, outline)


def _patch(center_xy_mm: tuple[float, float], reach_mm: float, grid: Grid) -> _Patch:
    slices = []
    for center_mm, size_px in zip(center_xy_mm, (grid.width_px, grid.height_px), strict=True):
        start = max(int((center_mm - reach_mm) / grid.spacing_mm), 0)
        slices.append(slice(start, min(int((center_mm + reach_mm) / grid.spacing_mm) + 2, size_px)))
    columns, rows = slices
    dx_mm = grid.x_mm[rows, columns] - np.float32(center_xy_mm[0])
    dy_mm = grid.y_mm[rows, columns] - np.float32(center_xy_mm[1])
    return _Patch(rows, columns, dx_mm, dy_mm)


def _wobble(rng: np.random.Generator, harmonics: range, size: float, angle: np.ndarray) -> np.ndarray:
    """One plus a few harmonics of the angle: a closed curve's radius."""
    radius = np.ones_like(angle)
    for harmonic in harmonics:
        strength, phase = rng.normal(0, size / np.sqrt(harmonic - 1)), rng.uniform(0, 2 * np.pi)
        radius += strength * np.cos(harmonic * angle + phase)
    return radius


def _circumscribed(patch: _Patch, radius_mm: float, turn: float, rng: np.random.Generator) -> np.ndarray:
    """A round, oval or gently lobulated mass with a clear border: Sickles et al., BI-RADS atlas 2013, masses."""
    elongation = rng.uniform(1.0, 1.45)
    angle = patch.angle + turn
    border = radius_mm * _wobble(rng, range(2, 5), rng.choice((0.015, 0.06)), angle)
    border = border / np.sqrt(elongation * np.cos(angle) ** 2 + np.sin(angle) ** 2 / elongation)
    return np.power(np.clip(1 - np.square(patch.radius_mm / border), 0, 1), 0.6).astype(np.float32)


def _spiculated(patch: _Patch, radius_mm: float, turn: float, rng: np.random.Generator) -> np.ndarray:
    """An irregular core that fades outwards, and thin lines that radiate from it beyond its border."""
    angle, distance_mm = patch.angle + turn, patch.radius_mm
    border = 0.82 * radius_mm * _wobble(rng, range(2, 12), 0.14, angle)
    profile = np.exp(-np.power(distance_mm / np.maximum(border, 0.3 * radius_mm), 3.5))
    for _ in range(int(rng.integers(18, 40))):
        direction, bend = rng.uniform(-np.pi, np.pi), rng.normal(0, 0.15)
        length_mm = radius_mm * (1.1 + rng.gamma(2.0, 0.28))
        width_mm = rng.uniform(0.25, 0.55)
        away = np.remainder(angle - direction - bend * distance_mm / radius_mm + np.pi, 2 * np.pi) - np.pi
        aside_mm = distance_mm * np.sin(np.clip(away, -np.pi / 2, np.pi / 2))
        along = np.sqrt(np.clip(1 - distance_mm / length_mm, 0, 1)) * (np.abs(away) < 1)
        spicule = rng.uniform(0.15, 0.45) * along * np.exp(-np.square(aside_mm / width_mm) / 2)
        profile += spicule * (1 - profile.clip(0, 1))
    return profile.astype(np.float32)


def _calcifications(
    lesion: Lesion, patch: _Patch, radius_mm: float, turn: float, rng: np.random.Generator, spacing_mm: float
) -> np.ndarray:
    """Benign: few, round, alike. Malignant: many, of all sizes, some strung along a duct."""
    count = int(rng.integers(16, 36)) if lesion.is_malignant else int(rng.integers(6, 14))
    places = rng.normal(0, 0.42, (count, 2)) * radius_mm
    if lesion.is_malignant and rng.random() < _SHARE_LINEAR:
        places *= (1.3, 0.35)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    places = np.clip(places, -0.95 * radius_mm, 0.95 * radius_mm) @ rotation
    strength = _CALCIFICATION_ATTENUATION[lesion.subtlety - 1]
    haze = np.exp(-np.square(patch.radius_mm / (0.8 * radius_mm)))
    drawn = (0.18 * strength * haze).astype(np.float32)
    for x_mm, y_mm in places:
        size_mm = rng.lognormal(np.log(0.33), 0.30 if lesion.is_malignant else 0.12)
        blur_mm = max(size_mm, 0.6 * spacing_mm)  # a pixel sees no finer
        peak = strength * rng.uniform(0.6, 1.2)
        drawn += peak * np.exp(-(np.square(patch.dx_mm - x_mm) + np.square(patch.dy_mm - y_mm)) / (2 * blur_mm**2))
    return drawn
