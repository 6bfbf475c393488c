import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from mammo.augment import photometric, seeds
from mammo.augment.seeds import Operation
from mammo.config.augmentation import AugmentationConfig
from tests.mammo.augment import discs

OFF = AugmentationConfig.off()
EACH: list[dict] = [
    {"gamma_range": (0.5, 2.0)},
    {"contrast_range": (0.5, 2.0)},
    {"brightness": 0.5},
    {"blur_sigma_px": 0.7},
    {"noise_std": 0.2},
]
TOGETHER = {name: value for change in EACH for name, value in change.items()}


def _varied(image, seed=0, **changes):
    image = tf.constant(image, tf.float32)
    seed, position = tf.constant([seed, 0]), tf.range(len(image), dtype=tf.int64)
    draws = seeds.uniform(seed, position)
    return photometric.vary(image, draws, seed, position, dataclasses.replace(OFF, **changes)).numpy(), draws.numpy()


@pytest.mark.parametrize("changes", [*EACH, TOGETHER])
def test_black_stays_black_and_the_rest_within_the_scale(changes):
    image = discs.breasts(8).image.numpy()
    varied, _ = _varied(image, **changes)
    assert varied.dtype == np.float32
    assert (varied[image == 0] == 0).all()
    assert varied.min() >= 0
    assert varied.max() <= 1
    assert all(np.abs(one - other).max() > 1e-3 for one, other in zip(varied, image, strict=True))


def test_nothing_to_draw_changes_nothing():
    image = discs.breasts(2).image
    np.testing.assert_array_equal(_varied(image)[0], image)


def test_the_grain_of_bare_film_is_not_raised_to_specks():
    image = discs.breasts(8).image.numpy()
    is_film = image == 0
    image[is_film] = np.random.default_rng(0).choice([0, 0.01], is_film.sum())
    varied, _ = _varied(image, gamma_range=(0.8, 1.25), contrast_range=(0.85, 1.18), brightness=0.05, noise_std=0.01)
    assert varied[is_film].max() < 0.06


def test_an_image_all_black_stays_so():
    assert not _varied(np.zeros((2, 8, 8, 1)), **TOGETHER)[0].any()


@hypothesis.given(st.integers(0, 1000))
@hypothesis.settings(deadline=None, max_examples=15)
def test_gamma_is_a_power_within_its_range(seed):
    image = np.linspace(0, 1, 64).reshape(1, 8, 8, 1)
    varied, draws = _varied(image, seed, gamma_range=(0.5, 2.0))
    exponent = 0.5 * 4 ** draws[0, Operation.GAMMA, 0]
    np.testing.assert_allclose(varied, image**exponent, atol=1e-5)


@hypothesis.given(st.integers(0, 1000))
@hypothesis.settings(deadline=None, max_examples=15)
def test_contrast_leaves_the_mean_of_the_breast_where_it_is_and_brightness_moves_it(seed):
    image = np.zeros((1, 8, 8, 1))
    image[:, :, :4] = np.linspace(0.35, 0.65, 32).reshape(8, 4, 1)  # so that nothing is cut off at 0 or 1
    varied, draws = _varied(image, seed, contrast_range=(0.5, 1.5), brightness=0.1)
    added = 0.1 * (2 * draws[0, Operation.BRIGHTNESS, 0] - 1)
    factor = 0.5 * 3 ** draws[0, Operation.CONTRAST, 0]
    np.testing.assert_allclose(varied[:, :, :4].mean(), 0.5 + added, atol=1e-5)
    np.testing.assert_allclose(np.ptp(varied[:, :, :4]), 0.3 * factor, atol=1e-5)


def test_the_blur_of_a_point_has_its_sum_and_its_variance():
    image = np.full((4, 9, 9, 1), 0.2)
    image[:, 4, 4] = 1
    varied, draws = _varied(image, blur_sigma_px=0.7)
    sigma_px = 0.7 * draws[:, Operation.BLUR, 0]
    varied = (varied - 0.2) / 0.8
    np.testing.assert_allclose(varied.sum((1, 2, 3)), 1, atol=1e-3)
    distance = np.arange(9) - 4
    np.testing.assert_allclose((varied[..., 0].sum(1) * distance**2).sum(1), sigma_px**2, atol=1e-3)
    np.testing.assert_allclose((varied[..., 0].sum(2) * distance**2).sum(1), sigma_px**2, atol=1e-3)


def test_the_blur_does_not_darken_the_chest_wall():
    np.testing.assert_allclose(_varied(np.full((1, 8, 8, 1), 0.7), blur_sigma_px=0.7)[0], 0.7, atol=1e-6)


def test_channels_are_blurred_as_each_is_alone():
    image = discs.breasts(3 * 4).image.numpy().reshape(3, 4, 96, 64).transpose(1, 2, 3, 0)  # four of three channels
    varied, _ = _varied(image, blur_sigma_px=0.7)
    alone = [_varied(image[..., channel, None], blur_sigma_px=0.7)[0] for channel in range(3)]
    np.testing.assert_allclose(varied, np.concatenate(alone, axis=-1), atol=1e-6)
    assert np.abs(varied - image).max() > 0.01


@pytest.mark.parametrize("changes", [{"gamma_range": (0.5, 2.0)}, {"contrast_range": (0.5, 2.0), "brightness": 0.5}])
def test_grey_levels_of_channels_are_varied_as_those_of_one_image_that_shows_them_side_by_side(changes):
    image = discs.breasts(3 * 4).image.numpy().reshape(3, 4, 96, 64).transpose(1, 2, 3, 0)
    image[..., 1] *= 0.5  # so that each has a mean of its own
    varied, _ = _varied(image, **changes)
    beside, _ = _varied(np.concatenate(np.split(image, 3, axis=-1), axis=2), **changes)
    np.testing.assert_allclose(np.concatenate(np.split(varied, 3, axis=-1), axis=2), beside, atol=1e-5)


def test_the_noise_of_channels_is_of_each_alone_and_none_on_black():
    image = np.full((2, 64, 64, 3), 0.5)
    image[:, :8] = 0
    varied, draws = _varied(image, noise_std=0.1)
    assert not varied[:, :8].any()
    noise = (varied - image)[:, 8:]
    expected = np.tile(0.1 * draws[:, Operation.NOISE, 0, None], 3)
    np.testing.assert_allclose(noise.std((1, 2)), expected, rtol=0.05)
    for of_image in noise:
        assert np.abs(np.corrcoef(of_image.reshape(-1, 3), rowvar=False) - np.eye(3)).max() < 0.1


def test_the_noise_has_its_deviation():
    varied, draws = _varied(np.full((3, 64, 64, 1), 0.5), noise_std=0.1)
    np.testing.assert_allclose(varied.std((1, 2, 3)), 0.1 * draws[:, Operation.NOISE, 0], rtol=0.05)
    np.testing.assert_allclose(varied.mean((1, 2, 3)), 0.5, atol=0.01)
