import cv2
import numpy as np
import pytest

from data_tools.phantoms import anatomy, cases, distractors
from data_tools.phantoms.anatomy import Grid
from data_tools.phantoms.cases import Physique


def _drawn(seed, projection):
    grid = Grid.of(480, 300, 0.5)
    physique = Physique(85.0, 75.0, 50.0, 2, seed=0)
    form = anatomy.shape(physique, projection, 240.0, grid, np.random.default_rng(0))
    return form, distractors.attenuation(form, grid, np.random.default_rng(seed))


@pytest.mark.parametrize("projection", cases.PROJECTIONS)
def test_they_lie_in_the_breast_and_are_slight(projection):
    for seed in range(8):
        form, added = _drawn(seed, projection)
        assert added.dtype == np.float32
        assert added.min() >= 0
        assert 0.05 < added.max() < 1.2
        assert added[form.skin_distance_mm <= 3].max() == 0
        assert (added > 0.03).mean() < 0.05


def test_they_differ_from_view_to_view():
    assert not np.array_equal(_drawn(1, "CC")[1], _drawn(2, "CC")[1])


@pytest.mark.parametrize("projection, fewest, most", [("CC", 0, 0), ("MLO", 3, 15)])
def test_only_the_oblique_view_reaches_the_nodes_of_the_armpit(projection, fewest, most):
    found = 0
    for seed in range(20):
        lit = (_drawn(seed, projection)[1][:150] > 0.04).astype(np.uint8)
        solid = cv2.morphologyEx(lit, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))  # 3.5 mm: wider than any vein
        found += int(solid.any())
    assert fewest <= found <= most
