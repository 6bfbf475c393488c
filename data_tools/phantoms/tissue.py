"""What X-rays meet on their way through a breast: fat, fibroglandular tissue, strands, muscle, skin.

Where no source is named, a number was set by looking: contact sheets beside those of Mini-DDSM, and the quantiles of
the grey levels inside the breast and the slope of the power spectrum of both.
"""

import numpy as np

from data_tools.phantoms import distractors, texture
from data_tools.phantoms.anatomy import Grid, Shape
from data_tools.phantoms.cases import Physique
from data_tools.phantoms.texture import Fan

# Linear attenuation at 20 keV, per cm: Johns & Yaffe 1987, Phys. Med. Biol. 32(6).
FAT_PER_CM = 0.456
GLAND_PER_CM = 0.802
_MUSCLE_CM = 1.25  # of fat, given way to pectoral muscle
_SKIN_MM = 1.6


def attenuation(physique: Physique, form: Shape, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Returns what a breast takes from the beam: float32 [H, W], the natural logarithm of the exposure lost."""
    inside_mm = form.skin_distance_mm
    edge_mm = 0.6 * physique.thickness_mm  # the free edge bulges: half a circle or so
    bulge = np.sqrt(np.clip(1 - np.square(1 - np.clip(inside_mm / edge_mm, 0, 1)), 0, 1))
    thickness_cm = physique.thickness_mm / 10 * bulge
    fibres = texture.power_law_noise(rng, grid.height_px, grid.width_px, grid.spacing_mm)
    total = thickness_cm * (FAT_PER_CM + (GLAND_PER_CM - FAT_PER_CM) * _gland_share(physique, form, grid, rng))
    total += form.muscle * (1 + 0.05 * fibres) * _MUSCLE_CM * GLAND_PER_CM
    total += (inside_mm > 0) * 0.12 * np.exp(-inside_mm / _SKIN_MM)  # the beam grazes the skin at the rim
    return total + _nipple(form, grid) + distractors.attenuation(form, grid, rng)


def _gland_share(physique: Physique, form: Shape, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """How much of the thickness is fibroglandular tissue, 0 to 1: a disc behind the nipple, and strands beyond it."""
    size = grid.height_px, grid.width_px, grid.spacing_mm
    bends_mm = np.stack([texture.smooth_noise(rng, *size, longest_mm=50) for _ in range(2)]) * 1.6
    fan = Fan.toward(grid.x_mm, grid.y_mm, bends_mm, (form.nipple_xy_mm[0] + 12.0, form.nipple_xy_mm[1]))
    web = (
        0.50 * fan.strands(rng, cell_mm=17, width=0.22, stretch=2.2)
        + 0.40 * fan.strands(rng, cell_mm=9, width=0.32, stretch=2.0)
        + 0.30 * fan.strands(rng, cell_mm=5, width=0.45, stretch=1.8)
    )
    streaks = fan.noise(rng, grid.spacing_mm, stretch=2.2, longest_mm=22, exponent=texture.POWER_LAW_EXPONENT)
    blotches = texture.power_law_noise(rng, *size, longest_mm=35)
    patches = texture.smooth_noise(rng, *size, longest_mm=60)

    envelope = _disc(physique, form, grid)
    filled = envelope + 0.42 * patches + 0.13 * streaks + 0.05 * blotches + (0.25 * physique.density - 0.70)
    dense = texture.smooth_step(filled, -0.75, 1.15)
    inner = dense * (0.39 + 0.045 * physique.density + 0.05 * streaks + 0.04 * blotches + 0.05 * patches + 0.32 * web)
    outer = (1 - dense) * (0.03 + (0.16 + 0.20 * np.clip(envelope + 1.2, 0, 1)) * web)
    share = inner + outer + 0.015 * streaks + 0.022 * blotches
    return np.clip(share, 0, 1) * texture.smooth_step(form.skin_distance_mm, 1, 14)


def _disc(physique: Physique, form: Shape, grid: Grid) -> np.ndarray:
    """Above 0 where the fibroglandular disc is, below it elsewhere, smoothly; about -1.5 to 0.8."""
    shared = np.random.default_rng(physique.seed)  # the same breast in both views
    fat_rim_mm = shared.uniform(9, 16) * (1.25 - 0.12 * physique.density)
    reach_mm = physique.depth_mm * (0.50 + 0.13 * physique.density + shared.normal(0, 0.06))
    off_axis_mm = physique.half_height_mm * shared.normal(-0.06, 0.08)
    behind_mm = form.nipple_xy_mm[0] - grid.x_mm
    beside_mm = grid.y_mm - form.nipple_xy_mm[1] - off_axis_mm * np.clip(behind_mm / 40, 0, 1)
    half_disc_mm = physique.half_height_mm * (0.48 + 0.09 * physique.density)
    disc = 1 - np.square((behind_mm - 0.45 * reach_mm) / (0.62 * reach_mm)) - np.square(beside_mm / half_disc_mm)
    rim = (form.skin_distance_mm - fat_rim_mm) / 14
    ducts = 0.6 - np.square(beside_mm / 9) - np.square(behind_mm / 22)  # behind the nipple no fat lies between
    return np.clip(np.maximum(np.minimum(disc, rim), ducts), -1.5, 0.8)


def _nipple(form: Shape, grid: Grid) -> np.ndarray:
    x_mm, y_mm = form.nipple_xy_mm
    distance_mm = np.hypot(grid.x_mm - x_mm + 2.0, grid.y_mm - y_mm)
    return 0.22 * texture.smooth_step(-distance_mm, -7.0, -2.0) * (form.skin_distance_mm > 0)
