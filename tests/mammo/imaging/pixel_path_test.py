import pathlib

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from mammo.common.errors import ImageError
from mammo.imaging import pixel_path
from tests import drawing

PATH = pathlib.Path("view.png")
HEIGHT, WIDTH = 256, 160


def _prepare(pixels, height=HEIGHT, width=WIDTH, must_show=None):
    return pixel_path.prepare_view(pixels, pixel_path.find_breast(PATH, pixels), height, width, must_show)


def _box_of_disc(image, threshold=0.85):
    ys, xs = np.nonzero(image > threshold)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


@hypothesis.given(
    st.sampled_from(["left", "right"]), st.integers(40, 150), st.integers(320, 480), st.integers(12, 30), st.booleans()
)
@hypothesis.settings(max_examples=25, deadline=None)
def test_a_disc_lands_where_its_box_is_carried(chest_wall, from_wall, y, radius, is_16_bit):
    x = from_wall if chest_wall == "left" else 519 - from_wall
    pixels = drawing.draw_view(800, 520, chest_wall=chest_wall, discs=((x, y, radius),), is_16_bit=is_16_bit)
    prepared = _prepare(pixels)
    box = np.array([x - radius, y - radius, x + radius + 1, y + radius + 1], float)
    carried = prepared.placement.to_output(box)
    assert np.abs(_box_of_disc(prepared.image) - carried).max() <= 1.0
    np.testing.assert_allclose(prepared.placement.to_source(carried), box, atol=1e-9)


def test_the_chest_wall_is_at_the_left_whichever_side_it_was():
    left = _prepare(drawing.draw_view(800, 520, chest_wall="left"))
    right = _prepare(np.ascontiguousarray(drawing.draw_view(800, 520, chest_wall="left")[:, ::-1]))
    assert not left.placement.is_mirrored
    assert right.placement.is_mirrored
    assert left.image[HEIGHT // 2, 2] > 0.4
    assert np.abs(left.image - right.image).mean() < 0.01


def test_8_and_16_bit_files_of_one_view_look_the_same():
    discs = ((100, 400, 25),)
    small = _prepare(drawing.draw_view(800, 520, discs=discs))
    large = _prepare(drawing.draw_view(800, 520, discs=discs, is_16_bit=True))
    twelve = _prepare(drawing.draw_view(800, 520, discs=discs, is_16_bit=True) // 16)  # 12 bits in a 16 bit file
    assert np.abs(small.image - large.image).max() < 0.02
    assert np.abs(small.image - twelve.image).max() < 0.02


def test_values_are_between_0_and_1_and_padding_is_0():
    prepared = _prepare(drawing.draw_view(800, 520), height=128, width=512)
    assert prepared.image.dtype == np.float32
    assert prepared.image.shape == (128, 512)
    assert prepared.image.min() == 0
    assert prepared.image.max() <= 1
    assert prepared.placement.content_width_px < 512
    assert (prepared.image[:, prepared.placement.content_width_px :] == 0).all()


def test_lettering_inside_the_crop_is_blackened():
    pixels = drawing.draw_view(800, 520)
    drawing.letter(pixels, "L", (250, 175), 1.2)
    prepared = _prepare(pixels)
    x, y, _, _ = prepared.placement.to_output(np.array([250.0, 150, 275, 175]))
    assert prepared.image[int(y) : int(y) + 8, int(x) : int(x) + 8].max() < 0.05


def test_the_crop_is_widened_to_show_a_lesion_that_it_would_cut():
    pixels = drawing.draw_view(800, 520)
    beside = np.array([[400.0, 20, 450, 60]])
    x_min, y_min, x_max, y_max = _prepare(pixels, must_show=beside).placement.to_output(beside)[0]
    assert x_min >= 0
    assert y_min >= 0
    assert x_max <= WIDTH
    assert y_max <= HEIGHT
    inside = np.array([[50.0, 350, 90, 390]])
    assert _prepare(pixels, must_show=inside).placement == _prepare(pixels).placement


def test_a_crop_is_at_full_resolution_and_oriented_as_the_view():
    pixels = drawing.draw_view(800, 520, chest_wall="right", discs=((400, 400, 20),))
    found = pixel_path.find_breast(PATH, pixels)
    crop = pixel_path.prepare_crop(pixels, found, (350, 340, 450, 460), max_side_px=1024)
    assert crop.image.shape == (120, 100)
    assert crop.placement.is_mirrored
    carried = crop.placement.to_output(np.array([380.0, 380, 421, 421]))
    np.testing.assert_array_equal(_box_of_disc(crop.image), carried)


def test_a_large_crop_is_shrunk():
    pixels = drawing.draw_view(800, 520)
    crop = pixel_path.prepare_crop(pixels, pixel_path.find_breast(PATH, pixels), (0, 100, 300, 700), max_side_px=150)
    assert crop.image.shape == (150, 75)


def test_a_view_without_a_breast_is_refused_by_name():
    with pytest.raises(ImageError, match=r"view\.png shows no breast"):
        pixel_path.find_breast(PATH, np.zeros((300, 200), np.uint8))
