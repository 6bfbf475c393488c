import numpy as np
import pytest

from data_tools.phantoms import cases, lesions, texture
from data_tools.phantoms.anatomy import Grid
from data_tools.phantoms.cases import Lesion

CENTER = (60.0, 90.0)
GRID = Grid.of(360, 240, 0.5)
TISSUE = 2.5 + 0.1 * texture.power_law_noise(np.random.default_rng(3), 360, 240, 0.5)


def _lesion(**changes):
    values = {
        "is_malignant": False,
        "has_mass": True,
        "has_calcifications": False,
        "diameter_mm": 14.0,
        "depth": 0.5,
        "across": (0.0, 0.0),
        "subtlety": 4,
        "assessment": 4,
        "projections": cases.PROJECTIONS,
        "seed": 11,
    }
    return Lesion(**{**values, **changes})


def _draw(seed=0, **changes):
    return lesions.draw(_lesion(**changes), CENTER, TISSUE, GRID, np.random.default_rng(seed))


def _inside(drawn):
    distances = np.linalg.norm(drawn.outline_xy_mm - CENTER, axis=1)
    return np.hypot(GRID.x_mm - CENTER[0], GRID.y_mm - CENTER[1]) < distances.min()


@pytest.mark.parametrize("is_malignant", [False, True])
@pytest.mark.parametrize("finding", [(True, False), (False, True), (True, True)])
def test_what_is_drawn_lies_within_its_outline(is_malignant, finding):
    drawn = _draw(is_malignant=is_malignant, has_mass=finding[0], has_calcifications=finding[1])
    x_min, y_min = drawn.outline_xy_mm.min(0)
    x_max, y_max = drawn.outline_xy_mm.max(0)
    in_box = (GRID.x_mm > x_min) & (GRID.x_mm < x_max) & (GRID.y_mm > y_min) & (GRID.y_mm < y_max)
    added = np.abs(drawn.attenuation)
    assert added[in_box].sum() > 0.85 * added.sum()  # spicules run on a little
    assert drawn.attenuation[_inside(drawn)].mean() > 0


def test_outline_is_of_the_lesions_size():
    drawn = _draw(diameter_mm=20.0)
    width_mm, height_mm = np.ptp(drawn.outline_xy_mm, axis=0)
    assert 18 < width_mm < 32
    assert 18 < height_mm < 32


@pytest.mark.parametrize("finding", [(True, False), (False, True)])
@pytest.mark.parametrize("is_malignant", [False, True])
def test_subtler_lesions_have_less_contrast(finding, is_malignant):
    peaks = [
        _draw(
            is_malignant=is_malignant, has_mass=finding[0], has_calcifications=finding[1], subtlety=subtlety
        ).attenuation.max()
        for subtlety in (1, 2, 3, 4, 5)
    ]
    assert peaks == sorted(peaks)
    assert peaks[4] > 2.5 * peaks[0]


def test_obvious_masses_stand_out_from_the_texture():
    drawn = _draw(subtlety=5)
    middle = np.hypot(GRID.x_mm - CENTER[0], GRID.y_mm - CENTER[1]) < 3
    around = np.hypot(GRID.x_mm - CENTER[0], GRID.y_mm - CENTER[1])
    ring = (around > 12) & (around < 20)
    with_lesion = TISSUE + drawn.attenuation
    assert with_lesion[middle].mean() > with_lesion[ring].mean() + 1.5 * TISSUE[ring].std()


def test_a_lesion_has_the_same_character_in_both_views():
    one, other = (_draw(seed=seed).attenuation for seed in (1, 2))
    another = lesions.draw(_lesion(seed=12), CENTER, TISSUE, GRID, np.random.default_rng(1)).attenuation
    assert not np.array_equal(one, other)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9
    assert not np.array_equal(one, another)


def _roughness(drawn):
    """Spread of the attenuation along a circle at the lesion's border: spicules cross it, a smooth border does not."""
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    columns = ((CENTER[0] + 9 * np.cos(angles)) / 0.5).astype(int)
    rows = ((CENTER[1] + 9 * np.sin(angles)) / 0.5).astype(int)
    return drawn.attenuation[rows, columns].std() / drawn.attenuation.max()


def test_cancers_are_spiculated_and_benign_masses_smooth():
    flat = np.full_like(TISSUE, 2.5)
    rng = np.random.default_rng
    smooth, rough = (
        np.mean(
            [
                _roughness(lesions.draw(_lesion(is_malignant=malignant, seed=seed), CENTER, flat, GRID, rng(seed)))
                for seed in range(6)
            ]
        )
        for malignant in (False, True)
    )
    assert rough > 2 * smooth


def test_a_lesion_at_the_edge_of_the_view_is_drawn_as_far_as_it_is_there():
    drawn = lesions.draw(_lesion(), (2.0, 3.0), TISSUE, GRID, np.random.default_rng(0))
    assert drawn.attenuation.shape == TISSUE.shape
    assert drawn.attenuation[:8, :8].mean() > 0
