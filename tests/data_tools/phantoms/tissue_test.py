import numpy as np
import pytest

from data_tools.phantoms import anatomy, tissue
from data_tools.phantoms.anatomy import Grid
from data_tools.phantoms.cases import Physique


def _drawn(density, projection="CC", seed=0):
    physique = Physique(85.0, 75.0, 50.0, density, seed=seed)
    grid = Grid.of(280, 180, 0.8)
    rng = np.random.default_rng(seed)
    form = anatomy.shape(physique, projection, 224.0, grid, rng)
    return form, tissue.attenuation(physique, form, grid, rng)


def test_nothing_but_the_breast_takes_from_the_beam():
    form, attenuation = _drawn(3)
    assert attenuation.dtype == np.float32
    assert attenuation[form.skin_distance_mm == 0].max() == 0
    assert attenuation[form.skin_distance_mm > 10].min() > 0


def test_inside_lies_between_all_fat_and_all_gland():
    form, attenuation = _drawn(2)
    deep = attenuation[form.skin_distance_mm > 35]
    assert deep.min() > 0.95 * 5 * tissue.FAT_PER_CM
    assert np.percentile(deep, 99.9) < 1.1 * 5 * tissue.GLAND_PER_CM


def test_denser_breasts_take_more():
    means = [
        np.mean([a[f.skin_distance_mm > 20].mean() for f, a in (_drawn(density, seed=seed) for seed in range(3))])
        for density in (1, 2, 3, 4)
    ]
    assert means == sorted(means)
    assert means[3] - means[0] > 0.3


def test_tissue_thins_out_toward_the_skin():
    form, attenuation = _drawn(2)
    rim, depth = form.skin_distance_mm, attenuation
    assert depth[(rim > 2) & (rim < 5)].mean() < 0.75 * depth[rim > 30].mean()


def test_pectoral_muscle_is_brighter_than_the_breast():
    form, attenuation = _drawn(1, "MLO")
    assert attenuation[form.muscle > 0.9].mean() > attenuation[(form.skin_distance_mm > 20) & (form.muscle == 0)].mean()


@pytest.mark.parametrize("density", [1, 4])
def test_texture_is_not_flat(density):
    form, attenuation = _drawn(density)
    assert attenuation[form.skin_distance_mm > 40].std() > 0.03
