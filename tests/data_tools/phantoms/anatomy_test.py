import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from data_tools.phantoms import anatomy, cases
from data_tools.phantoms.anatomy import Grid
from data_tools.phantoms.cases import Physique


def _physique(depth_mm=85.0, half_height_mm=75.0, density=2):
    return Physique(depth_mm, half_height_mm, 50.0, density, seed=7)


def _grid(film_mm=220.0, width_mm=140.0, spacing_mm=1.0):
    return Grid.of(round(film_mm / spacing_mm), round(width_mm / spacing_mm), spacing_mm)


physiques = st.builds(_physique, st.floats(58, 124), st.floats(54, 106))


@hypothesis.given(physiques, st.sampled_from(cases.PROJECTIONS), st.integers(0, 2**32))
@hypothesis.settings(max_examples=30, deadline=None)
def test_breast_is_one_piece_that_hangs_on_the_chest_wall_and_ends_at_the_nipple(physique, projection, seed):
    film_mm = 2.9 * physique.half_height_mm
    grid = _grid(film_mm)
    form = anatomy.shape(physique, projection, film_mm, grid, np.random.default_rng(seed))
    is_breast = form.skin_distance_mm > 0
    columns = np.flatnonzero(is_breast.any(0))
    assert columns[0] == 0
    assert columns[-1] == pytest.approx(form.nipple_xy_mm[0], abs=9)  # the nipple stands out
    assert np.array_equal(columns, np.arange(len(columns)))
    assert form.nipple_xy_mm[0] == pytest.approx(physique.depth_mm, rel=0.12)
    assert 0.2 < is_breast.mean() < 0.75


def test_only_the_oblique_view_shows_the_pectoral_muscle_at_the_upper_wall():
    grid = _grid()
    cc = anatomy.shape(_physique(), "CC", 220, grid, np.random.default_rng(0))
    mlo = anatomy.shape(_physique(), "MLO", 220, grid, np.random.default_rng(0))
    assert cc.muscle.max() == 0
    assert mlo.muscle[2, 2] > 0.8
    assert mlo.muscle[-1].max() == 0
    assert mlo.muscle[:, -1].max() == 0


def test_edge_of_the_film_is_no_skin():
    form = anatomy.shape(_physique(), "CC", 220, _grid(), np.random.default_rng(0))
    middle = round(form.nipple_xy_mm[1])
    assert form.skin_distance_mm[middle, 0] > 40
    assert np.all(np.diff(form.skin_distance_mm[middle, 40:80]) < 0)


def test_curve_goes_through_its_points():
    points = np.array([[0.0, 0], [1, 2], [3, 3], [4, 0]])
    curve = anatomy.smooth_curve(points, steps=10)
    assert len(curve) == 31
    assert np.allclose(curve[::10], points)
