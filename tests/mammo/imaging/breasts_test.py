import cv2
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from mammo.imaging import breasts
from mammo.imaging.breasts import Breast
from tests import drawing


def _found(view: np.ndarray) -> Breast:
    found = breasts.find_breast(view)
    assert found is not None
    return found


# The half ellipse of drawing.draw_view(800, 520): 312 px across, 280 px above and below the middle.
DRAWN_LEFT = (0, 120, 312, 680)
DRAWN_RIGHT = (520 - 312, 120, 520, 680)


def _assert_holds_tightly(found: Breast, drawn, slack_px: int = 30):
    box = np.array(found.box_xyxy_px)
    drawn = np.array(drawn)
    assert (box[:2] <= drawn[:2]).all(), "tissue is cut off"
    assert (box[2:] >= drawn[2:]).all(), "tissue is cut off"
    assert (np.abs(box - drawn) <= slack_px).all()


@pytest.mark.parametrize("is_16_bit", [False, True])
@pytest.mark.parametrize(("chest_wall", "drawn"), [("left", DRAWN_LEFT), ("right", DRAWN_RIGHT)])
def test_the_breast_and_its_chest_wall_are_found(is_16_bit, chest_wall, drawn):
    found = _found(drawing.draw_view(800, 520, chest_wall=chest_wall, is_16_bit=is_16_bit))
    _assert_holds_tightly(found, drawn)
    assert found.is_chest_wall_right == (chest_wall == "right")


def test_levels_are_those_of_film_and_of_dense_tissue():
    found = _found(drawing.draw_view(800, 520, discs=((100, 400, 40),)))
    assert found.background_level == pytest.approx(drawing.BACKGROUND, abs=2)
    assert found.dense_level == pytest.approx(drawing.DISC, abs=6)


def _with_lettering(view):
    drawing.letter(view, "RMLO", (370, 90), 1.6)


def _with_tape(view):
    cv2.rectangle(view, (400, 60), (500, 150), 90, -1)


def _with_film_border(view):
    view[:, :7] = drawing.WHITE
    view[-12:, :] = drawing.WHITE
    view[:9, :] = drawing.WHITE


def _with_step_wedge(view):
    for step in range(8):
        view[100 + 60 * step : 160 + 60 * step, -28:] = 40 + 25 * step


@pytest.mark.parametrize("add", [_with_lettering, _with_tape, _with_film_border, _with_step_wedge])
def test_what_is_on_film_besides_is_neither_breast_nor_in_its_way(add):
    view = drawing.draw_view(800, 520)
    add(view)
    found = _found(view)
    drawn = (7, *DRAWN_LEFT[1:]) if add is _with_film_border else DRAWN_LEFT
    _assert_holds_tightly(found, drawn)
    clean = _found(drawing.draw_view(800, 520)).mask > 0
    assert (clean != (found.mask > 0)).mean() < 0.02  # the border hides the skin below it


def test_lettering_and_tape_are_foreign():
    view = drawing.draw_view(800, 520)
    _with_lettering(view)
    foreign = cv2.resize(_found(view).foreign, (520, 800), interpolation=cv2.INTER_NEAREST) > 0
    assert foreign[view >= 200].mean() > 0.99
    assert foreign[:, :320].sum() == 0


@pytest.mark.parametrize(
    "view",
    [np.zeros((300, 200), np.uint8), np.full((300, 200), 255, np.uint8), np.full((40, 30), 7, np.uint16)],
    ids=["black", "white", "grey"],
)
def test_an_image_of_one_colour_shows_no_breast(view):
    assert breasts.find_breast(view) is None


def test_film_with_lettering_only_shows_no_breast():
    view = np.random.default_rng(0).integers(5, 9, (800, 520)).astype(np.uint8)
    drawing.letter(view, "RMLO", (300, 90), 1.6)
    assert breasts.find_breast(view) is None


@hypothesis.given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(1, 90))
@hypothesis.settings(max_examples=30, deadline=None)
def test_any_image_gives_a_box_inside_it_or_none(seed, height, width):
    view = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    found = breasts.find_breast(view)
    if found is not None:
        x_min, y_min, x_max, y_max = found.box_xyxy_px
        assert 0 <= x_min < x_max <= width
        assert 0 <= y_min < y_max <= height


def test_mirroring_a_view_mirrors_what_is_found():
    view = drawing.draw_view(800, 520, discs=((120, 380, 25),))
    left, right = _found(view), _found(view[:, ::-1])
    x_min, y_min, x_max, y_max = left.box_xyxy_px
    np.testing.assert_allclose(right.box_xyxy_px, (520 - x_max, y_min, 520 - x_min, y_max), atol=2)
    assert right.is_chest_wall_right
    assert not left.is_chest_wall_right
