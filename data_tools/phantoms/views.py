"""Draws one view of a synthetic exam: tissue, lesions, film."""

import dataclasses

import numpy as np

from data_tools.phantoms import anatomy, cases, film, furniture, lesions, texture, tissue
from data_tools.phantoms.anatomy import Grid, Shape
from data_tools.phantoms.cases import Case, Lesion, Physique
from data_tools.phantoms.furniture import Film

_FILM_MM = (175.0, 298.0)  # height of what was scanned: of a cut 18 × 24 cm film, of a whole 24 × 30 cm one
_DEEP_MM = 15.0  # a lesion's middle lies this deep under the skin, or as deep as the lesion is large
_MUSCLE_EDGE = 0.2  # lesions lie in front of more muscle than this


@dataclasses.dataclass(frozen=True)
class View:
    """One view, as stored.

    Attributes:
        grey: float32 [H, W] in [0, 1].
        resolution_um: Side of a pixel of the full scan, which has twice as many rows and columns.
        abnormalities: What is outlined, in order: the lesion and its outline, float64 [N, 2], in pixels x, y.
    """

    grey: np.ndarray
    resolution_um: float
    abnormalities: tuple[tuple[Lesion, np.ndarray], ...]


def draw(case: Case, side: str, projection: str, height_px: int, rng: np.random.Generator) -> View:
    """Draws a view.

    Args:
        case: The exam.
        side: One of `cases.SIDES`.
        projection: One of `cases.PROJECTIONS`.
        height_px: Of the view, to within three in a hundred, as films differ.
        rng: For what this view alone has.
    """
    breast, scanner = case.breasts[side], film.SCANNERS[case.volume]
    height_px = round(height_px * rng.uniform(0.97, 1.0))
    film_mm = float(np.clip(breast.physique.half_height_mm * rng.uniform(2.65, 3.15), *_FILM_MM))
    resolution_um = round(film_mm / height_px / 2 * 1000, 1)
    spacing_mm = 2 * resolution_um / 1000
    narrowest_mm = breast.physique.depth_mm + 14
    width_px = round(max(narrowest_mm, film_mm * rng.uniform(0.40, 0.62)) / spacing_mm)
    grid = Grid.of(height_px, width_px, spacing_mm)

    form = anatomy.shape(breast.physique, projection, film_mm, grid, rng)
    body = tissue.attenuation(breast.physique, form, grid, rng)
    outlined = []
    for lesion in breast.lesions:
        if projection in lesion.projections:
            drawn = lesions.draw(lesion, _site(lesion, breast.physique, projection, form, grid), body, grid, rng)
            body = body + drawn.attenuation * texture.smooth_step(form.skin_distance_mm, 0, 3)
            outlined.append((lesion, drawn.outline_xy_mm / spacing_mm))

    grey = film.develop(body, form.skin_distance_mm, breast.physique.density, scanner, rng)
    is_free = furniture.is_free_of(form.skin_distance_mm, spacing_mm)
    is_wall_right = (side == "RIGHT") != scanner.is_mirrored
    if is_wall_right:
        grey, is_free = np.ascontiguousarray(grey[:, ::-1]), is_free[:, ::-1]
        outlined = [(lesion, np.array([width_px, 0]) + outline * (-1, 1)) for lesion, outline in outlined]
    sheet = Film(grey, is_free, is_wall_right, spacing_mm)
    sheet.furnish(f"{side[0]}{rng.choice(('', '-', ' '))}{projection}", scanner, rng)
    return View(np.clip(sheet.grey, 0, 1), resolution_um, tuple(outlined))


def _site(lesion: Lesion, physique: Physique, projection: str, form: Shape, grid: Grid) -> tuple[float, float]:
    """Where the lesion lies: as many millimetres behind the nipple in one view as in the other."""
    radius_mm = lesion.diameter_mm / 2
    x_mm = form.nipple_xy_mm[0] - lesion.depth * physique.depth_mm
    column = int(x_mm / grid.spacing_mm)
    inside_mm = np.where(form.muscle[:, column] < _MUSCLE_EDGE, form.skin_distance_mm[:, column], 0)
    rows = np.flatnonzero(inside_mm > min(radius_mm, _DEEP_MM, 0.7 * inside_mm.max()))
    top_mm, bottom_mm = (float(grid.y_mm[rows[end], 0]) for end in (0, -1))
    across = float(np.clip(lesion.across[cases.PROJECTIONS.index(projection)], -1, 1))
    return x_mm, (top_mm + bottom_mm) / 2 + across * max((bottom_mm - top_mm) / 2 - radius_mm, 0)
