import numpy as np
import pytest

from mammo.common.errors import ImageError
from mammo.imaging import pixel_path, polarity
from mammo.imaging.image_file import ImageFile
from tests import drawing

VIEWS = {
    "left": drawing.draw_view(),
    "right": drawing.draw_view(chest_wall="right", seed=1),
    "16 bit": drawing.draw_view(is_16_bit=True),
    "12 of 16 bit": drawing.draw_view(is_16_bit=True) // 16,
}


def _with_film_border(view: np.ndarray) -> np.ndarray:
    """White along all edges, as of a film that was scanned without its mask."""
    view = view.copy()
    for edge in (view[:8], view[-8:], view[:, :6], view[:, -6:]):
        edge[:] = drawing.WHITE
    return view


def _inverted(view: np.ndarray) -> np.ndarray:
    return view.max() - view


@pytest.mark.parametrize("view", [*VIEWS.values(), _with_film_border(VIEWS["left"])], ids=[*VIEWS, "film border"])
def test_views_are_told_from_their_inversions(view):
    assert polarity.is_inverted(view) is False
    assert polarity.is_inverted(_inverted(view)) is True


@pytest.mark.parametrize("name", ["view.png", "view.jpg"])
def test_an_inverted_picture_is_turned_over(tmp_path, name):
    upright = ImageFile(drawing.write(tmp_path / "upright" / name, VIEWS["left"])).read_pixels()
    turned = ImageFile(drawing.write(tmp_path / name, 255 - VIEWS["left"])).read_pixels()
    np.testing.assert_allclose(turned.astype(int) - turned.min(), upright.astype(int) - upright.min(), atol=6)
    found = pixel_path.find_breast(tmp_path, turned)
    assert found.box_xyxy_px == pixel_path.find_breast(tmp_path, upright).box_xyxy_px


def test_a_background_that_is_rather_bright_is_refused(tmp_path):
    view = _inverted(VIEWS["left"])
    view[355:] = 0  # black bars, as of a screenshot
    assert polarity.is_inverted(view) is None
    with pytest.raises(ImageError, match="has a bright background, and may be inverted; export it"):
        ImageFile(drawing.write(tmp_path / "view.png", view)).read_pixels()


def test_what_has_no_background_is_left_as_it_is(tmp_path):
    for pixels in (np.full((300, 200), 200, np.uint8), np.tile(np.arange(250, dtype=np.uint8), (300, 1))):
        np.testing.assert_array_equal(ImageFile(drawing.write(tmp_path / "view.png", pixels)).read_pixels(), pixels)


@pytest.mark.parametrize("name", ["mask.png", "mask.jpg"])
def test_a_mask_is_read_as_it_is_and_is_no_view(tmp_path, name):
    mask = np.full((400, 300), 255, np.uint8)
    mask[100:180, 60:150] = 0
    read = ImageFile(drawing.write(tmp_path / name, mask)).read_pixels()
    np.testing.assert_allclose(read.astype(int), mask, atol=40)  # not turned over, though its background is white
    with pytest.raises(ImageError, match="it is a mask, not a mammogram"):
        pixel_path.find_breast(tmp_path / name, read)
    assert not polarity.is_two_valued(VIEWS["left"])
