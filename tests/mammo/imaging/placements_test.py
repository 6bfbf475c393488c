import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from mammo.imaging.placements import Placement


@st.composite
def placements(draw):
    x, y = draw(st.integers(0, 3000)), draw(st.integers(0, 3000))
    width, height = draw(st.integers(1, 4000)), draw(st.integers(1, 6000))
    window = (x, y, x + width, y + height)
    return Placement.fit(window, draw(st.integers(8, 2048)), draw(st.integers(8, 2048)), draw(st.booleans()))


boxes = st.lists(st.floats(-100, 6000), min_size=4, max_size=4).map(
    lambda v: np.array([min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3])])
)


@hypothesis.given(placements(), boxes)
def test_boxes_go_there_and_back(placed, box):
    back = placed.to_source(placed.to_output(box))
    np.testing.assert_allclose(back, box, rtol=0, atol=1e-8)


@hypothesis.given(placements())
def test_the_window_fills_the_content_from_the_top_left(placed):
    window = np.array(placed.window_xyxy_px, float)
    expected = [0, 0, placed.content_width_px, placed.content_height_px]
    np.testing.assert_allclose(placed.to_output(window), expected, rtol=0, atol=1e-9)


@hypothesis.given(placements(), boxes)
def test_a_box_keeps_its_corners_in_order(placed, box):
    x_min, y_min, x_max, y_max = placed.to_output(box)
    assert x_min <= x_max
    assert y_min <= y_max


@hypothesis.given(st.integers(400, 4000), st.integers(400, 4000))
def test_the_aspect_is_kept_to_half_a_pixel(height, width):
    placed = Placement.fit((0, 0, width, height), 1024, 640, is_mirrored=False)
    exact = min(1024 / height, 640 / width)
    assert abs(placed.content_height_px - height * exact) <= 0.5
    assert abs(placed.content_width_px - width * exact) <= 0.5
    assert placed.content_height_px == 1024 or placed.content_width_px == 640


def test_a_mirrored_box_by_hand():
    placed = Placement.fit((100, 0, 300, 400), 200, 100, is_mirrored=True)  # halves: 200 × 400 to 100 × 200
    np.testing.assert_array_equal(placed.to_output(np.array([110, 20, 150, 60])), [75, 10, 95, 30])


def test_no_boxes_stay_no_boxes():
    placed = Placement.fit((0, 0, 10, 10), 20, 20, is_mirrored=True)
    assert placed.to_output(np.zeros((0, 4))).shape == (0, 4)


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="window"):
        Placement.fit((5, 5, 5, 9), 10, 10, is_mirrored=False)
