import cv2
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from data_tools import outlines
from mammo.common.errors import ImageError
from tests import drawing

HEIGHT, WIDTH = 300, 200


def _outlined(draw) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    draw(mask)
    return mask


def _circle(x=100, y=150, radius=40, thickness=1):
    return _outlined(lambda mask: cv2.circle(mask, (x, y), radius, (255,), thickness))


def _read(tmp_path, mask, name="mask.png", height=HEIGHT, width=WIDTH):
    return outlines.read_outline(drawing.write(tmp_path / name, mask), height, width)


@hypothesis.given(st.integers(50, 150), st.integers(50, 250), st.integers(3, 45), st.sampled_from([1, 2, -1]))
@hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_a_circle_gives_its_box_and_area(tmp_path, x, y, radius, thickness):
    mask = _circle(x, y, radius, thickness)
    ys, xs = np.nonzero(mask)
    outline = _read(tmp_path, mask)
    assert outline.box_xyxy_px == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    filled = np.count_nonzero(_circle(x, y, radius, -1) | mask)
    assert outline.area_px == pytest.approx(filled, rel=0.08, abs=4)


def test_a_noisy_jpeg_gives_the_same_box(tmp_path):
    mask = _circle(thickness=2)
    noisy = np.clip(mask.astype(int) + np.random.default_rng(0).integers(0, 30, mask.shape), 0, 255).astype(np.uint8)
    clean = _read(tmp_path, mask).box_xyxy_px
    np.testing.assert_allclose(_read(tmp_path, noisy, "mask.jpg").box_xyxy_px, clean, atol=1)


def test_specks_do_not_widen_the_box(tmp_path):
    mask = _circle()
    clean = _read(tmp_path, mask)
    mask[5, 5] = mask[290, 190] = 255
    assert _read(tmp_path, mask) == clean


def test_a_lesion_of_two_parts_is_one_box(tmp_path):
    mask = _circle(60, 100, 20) | _circle(140, 200, 25)
    assert _read(tmp_path, mask).box_xyxy_px == (40, 80, 166, 226)


def test_a_line_with_gaps_is_filled(tmp_path):
    mask = _circle()
    whole = _read(tmp_path, mask).area_px
    mask[148:153] = 0
    assert _read(tmp_path, mask).area_px == pytest.approx(whole, rel=0.05)


def test_a_line_that_ends_at_the_chest_wall_is_filled(tmp_path):
    mask = _circle(x=0)  # half of it, open at the edge of the image
    half = np.count_nonzero(_circle(x=0, thickness=-1))
    assert _read(tmp_path, mask).area_px == pytest.approx(half, rel=0.05)


def test_a_mask_of_another_size_is_scaled(tmp_path):
    outline = _read(tmp_path, _circle(), height=2 * HEIGHT, width=2 * WIDTH)
    assert outline.box_xyxy_px == (120, 220, 282, 382)
    assert outline.area_px == pytest.approx(4 * _read(tmp_path, _circle()).area_px)


def test_16_bit_masks_are_read_alike(tmp_path):
    mask = _circle()
    assert _read(tmp_path, mask.astype(np.uint16) * 257) == _read(tmp_path, mask)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (np.zeros((HEIGHT, WIDTH), np.uint8), "without an outline"),
        (np.full((HEIGHT, WIDTH), 100, np.uint8), "without an outline"),
        (np.full((WIDTH, HEIGHT), 255, np.uint8), "is a mask of 200 × 300 for an image of 300 × 200"),
    ],
)
def test_masks_that_cannot_be_used_are_refused_by_name(tmp_path, mask, reason):
    with pytest.raises(ImageError) as caught:
        _read(tmp_path, mask)
    assert reason in caught.value.reason
    assert caught.value.path.name == "mask.png"


def test_a_boundary_gives_the_box_of_the_pixels_it_passes():
    square = np.array([[10, 20], [30, 20], [30, 40], [10, 40]])
    outline = outlines.from_boundary(square, scale=0.5)
    assert outline.box_xyxy_px == (5, 10, 15.5, 20.5)
    assert outline.area_px == 100
