import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from mammo.clinical.labels import Laterality, Projection
from mammo.imaging import turns
from mammo.imaging.turns import Turn

EVERY_TURN = [Turn(quarters, is_mirrored) for quarters in range(4) for is_mirrored in (False, True)]
CC, MLO = Projection.CC, Projection.MLO
LEFT, RIGHT = Laterality.LEFT, Laterality.RIGHT

pictures = strategies.tuples(strategies.integers(2, 9), strategies.integers(2, 9))


@hypothesis.given(pictures, strategies.sampled_from(EVERY_TURN), strategies.tuples(*[strategies.floats(0, 1)] * 4))
def test_a_box_goes_with_what_it_surrounds_and_back(shape, turn, corners):
    height_px, width_px = shape
    x_min, x_max = sorted(round(corner * (width_px - 1)) for corner in corners[:2])
    y_min, y_max = sorted(round(corner * (height_px - 1)) for corner in corners[2:])
    box = np.array([x_min, y_min, x_max + 1, y_max + 1], np.float64)
    stored = np.zeros(shape, np.uint8)
    stored[y_min : y_max + 1, x_min : x_max + 1] = 1
    upright = turn.apply(stored)
    left, top, right, bottom = turn.boxes_to_upright(box, *upright.shape).astype(int)
    expected = np.zeros_like(upright)
    expected[top:bottom, left:right] = 1
    np.testing.assert_array_equal(upright, expected)
    assert turn.stored_size(*upright.shape) == shape
    np.testing.assert_array_equal(turn.boxes_to_stored([[left, top, right, bottom]], *upright.shape), [box])


def test_the_eight_turns_differ_and_one_of_them_does_nothing():
    stored = np.arange(6).reshape(2, 3)
    assert len({turn.apply(stored).tobytes() + bytes(turn.apply(stored).shape) for turn in EVERY_TURN}) == 8
    assert Turn().apply(stored) is stored
    with pytest.raises(ValueError, match="0 to 3 quarters"):
        Turn(4)


@pytest.mark.parametrize(
    ("directions", "laterality", "projection", "expected"),
    [
        (("A", "FR"), LEFT, MLO, Turn()),
        (("P", "F"), LEFT, MLO, Turn()),  # mirrored: the pixel path finds the chest wall
        (("A", "HL"), LEFT, MLO, Turn(2)),
        (("P", "H"), RIGHT, None, Turn(2)),
        (("FR", "P"), LEFT, MLO, Turn(1)),
        (("H", "P"), LEFT, MLO, Turn(3)),
        (("R", "P"), LEFT, CC, Turn(1)),
        (("L", "A"), LEFT, CC, Turn(3)),
        (("L", "A"), RIGHT, CC, Turn(1)),
        (("R", "P"), None, None, Turn(1)),
        (("A", "L"), LEFT, CC, Turn()),  # on its head, which a CC does not show
    ],
)
def test_patient_orientation_tells_how_to_turn(directions, laterality, projection, expected):
    assert turns.of_patient_orientation(directions, laterality, projection) == expected


@pytest.mark.parametrize(
    ("directions", "projection"),
    [
        ((), MLO),
        (("CC",), CC),
        (("R", "F"), MLO),  # the default of chest images
        (("L", "P"), MLO),  # an axis that an MLO has not
        (("F", "A"), CC),
        (("A", "H"), CC),
        (("A", "P"), None),
        (("A", "A"), None),
        (("A", "HF"), MLO),
        (("A", "HH"), MLO),
        (("a", "h"), MLO),
        (("", "H"), MLO),
        (("A", "H", "F"), MLO),
    ],
)
def test_what_contradicts_itself_or_the_projection_turns_nothing(directions, projection):
    assert turns.of_patient_orientation(directions, LEFT, projection) == Turn()


@pytest.mark.parametrize("turn", [Turn(1), Turn(3)])
def test_a_picture_that_plainly_stands_is_not_laid_on_its_side(turn):
    standing = np.zeros((100, 80), np.uint8)
    standing[20:80, :50] = 200
    assert turns.confirmed(turn, standing) == Turn()
    assert turns.confirmed(turn, np.rot90(standing)) == turn
    assert turns.confirmed(Turn(2), standing) == Turn(2)
