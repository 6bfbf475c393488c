import itertools

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from data_tools.phantoms import texture
from data_tools.phantoms.texture import Fan


def _slope_of_power_spectrum(field, spacing_mm):
    """Exponent of the radial power spectrum, between a fortieth of the field and half the Nyquist frequency."""
    window = np.outer(np.hanning(field.shape[0]), np.hanning(field.shape[1]))
    power = np.abs(np.fft.fft2((field - field.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(size, spacing_mm) for size in field.shape), indexing="ij"))
    edges = np.geomspace(8 / (field.shape[0] * spacing_mm), 0.25 / spacing_mm, 12)
    middles = np.sqrt(edges[:-1] * edges[1:])
    means = [power[(frequency >= low) & (frequency < high)].mean() for low, high in itertools.pairwise(edges)]
    return np.polyfit(np.log(middles), np.log(means), 1)[0]


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.0])
def test_power_spectrum_falls_as_the_exponent_says(exponent):
    field = texture.power_law_noise(np.random.default_rng(1), 512, 512, 0.2, longest_mm=80, exponent=exponent)
    assert _slope_of_power_spectrum(field, 0.2) == pytest.approx(-exponent, abs=0.25)


@hypothesis.given(st.integers(8, 90), st.integers(8, 90), st.floats(0.05, 2), st.integers(0, 2**32))
@hypothesis.settings(max_examples=25, deadline=None)
def test_noise_is_standardised_at_any_size(height_px, width_px, spacing_mm, seed):
    field = texture.power_law_noise(np.random.default_rng(seed), height_px, width_px, spacing_mm)
    assert field.shape == (height_px, width_px)
    assert field.dtype == np.float32
    assert abs(field.mean()) < 1e-3
    assert field.std() == pytest.approx(1, abs=1e-3)


def test_smooth_noise_has_no_fine_detail():
    field = texture.smooth_noise(np.random.default_rng(0), 300, 200, 0.3, longest_mm=50)
    assert field.shape == (300, 200)
    between = (field[:-2] + field[2:]) / 2  # what a straight line between its neighbours says of each pixel
    assert np.abs(field[1:-1] - between).std() < 0.02


def _fan(size_px=200, point=(100.0, 50.0)):
    y_mm, x_mm = (np.indices((size_px, size_px), np.float32) + 0.5) * 0.5
    return Fan.toward(x_mm, y_mm, np.zeros((2, size_px, size_px), np.float32), point)


def test_fan_noise_is_drawn_out_toward_its_point():
    field = _fan().noise(np.random.default_rng(0), 0.5, stretch=3.0, longest_mm=20, exponent=3.0)
    rows_near_the_axis = field[80:120]  # there "along" is x and "around" is y
    along, around = (np.abs(np.diff(rows_near_the_axis, axis=axis)).mean() for axis in (1, 0))
    assert along < 0.6 * around


def test_strands_are_thin_bright_lines():
    web = _fan().strands(np.random.default_rng(0), cell_mm=10, width=0.3, stretch=2.0)
    assert web.min() == 0
    assert 0.9 < web.max() <= 1
    assert 0.02 < (web > 0.5).mean() < 0.2


def test_smooth_step_rises_from_zero_to_one():
    step = texture.smooth_step(np.linspace(-1, 2, 301), 0.0, 1.0)
    assert step[:100].max() == 0
    assert step[201:].min() == 1
    assert np.all(np.diff(step) >= 0)
    assert step[150] == pytest.approx(0.5)
