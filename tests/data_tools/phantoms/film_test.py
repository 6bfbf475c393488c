import numpy as np
import pytest

from data_tools.phantoms import film

SKIN_DISTANCE_MM = np.tile(np.clip(60 - np.arange(100, dtype=np.float32), 0, None), (80, 1))


def _develop(attenuation, density=2, volume="C", seed=0):
    return film.develop(attenuation, SKIN_DISTANCE_MM, density, film.SCANNERS[volume], np.random.default_rng(seed))


@pytest.mark.parametrize("volume", sorted(film.SCANNERS))
def test_film_is_black_beside_the_breast_and_grey_on_it(volume):
    attenuation = np.where(SKIN_DISTANCE_MM > 0, np.float32(2.5), np.float32(0))
    grey = _develop(attenuation, volume=volume)
    assert grey.dtype == np.float32
    assert grey.min() >= 0
    assert grey.max() <= 1
    assert grey[:, 70:].mean() < 0.07
    assert 0.2 < grey[:, :30].mean() < 0.6


def test_more_tissue_is_brighter_and_the_curve_flattens_at_both_ends():
    attenuation = np.full(SKIN_DISTANCE_MM.shape, 2.5, np.float32)  # what the exposure control sees, near the wall
    attenuation[:, 25:] = np.linspace(0, 6, 75)
    steps = np.diff(_develop(attenuation).mean(0)[25::6])
    assert np.all(steps > -0.005)
    assert steps[0] < 0.5 * steps.max()
    assert steps[-1] < 0.5 * steps.max()


def test_exposure_control_makes_up_for_thickness():
    thin, thick = (
        _develop(np.where(SKIN_DISTANCE_MM > 0, np.float32(loss), np.float32(0)))[:, :30].mean() for loss in (2.0, 3.5)
    )
    assert thin == pytest.approx(thick, abs=0.01)


def test_only_volume_a_is_stored_mirrored():
    assert [volume for volume, scanner in sorted(film.SCANNERS.items()) if scanner.is_mirrored] == ["A"]
