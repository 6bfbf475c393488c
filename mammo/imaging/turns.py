"""How a stored picture is turned to stand upright, and boxes with it, there and back."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mammo.clinical.labels import Laterality, Projection

_OPPOSITES = {"A": "P", "P": "A", "R": "L", "L": "R", "H": "F", "F": "H"}
_ANTERIOR_POSTERIOR = frozenset("AP")
_RIGHT_LEFT = frozenset("RL")
_MEDIAL = {Laterality.LEFT: "R", Laterality.RIGHT: "L"}
_EDGE = 0.02  # of a side: as wide as the strips along the edges in which the chest wall is looked for


@dataclasses.dataclass(frozen=True)
class Turn:
    """One of the eight ways in which a square lies on itself: first mirrored, then turned clockwise.

    Attributes:
        quarters: Quarter turns clockwise, 0 to 3.
        is_mirrored: Whether left and right are exchanged first.
    """

    quarters: int = 0
    is_mirrored: bool = False

    def __post_init__(self) -> None:
        if self.quarters not in range(4):
            raise ValueError(f"a picture is turned by 0 to 3 quarters, got {self.quarters}")

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Turns a stored picture upright: [H, W] to [H, W] or [W, H], C-contiguous; the same array where it stands."""
        if self == Turn():
            return pixels
        return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if self.is_mirrored else pixels, -self.quarters))

    def stored_size(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Returns (height_px, width_px) of the stored picture whose upright one has this size."""
        return (width_px, height_px) if self.quarters % 2 else (height_px, width_px)

    def boxes_to_upright(self, boxes_xyxy_px: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
        """Carries boxes, float64 [..., 4], from the stored picture to the upright one, which has this size."""
        boxes = np.asarray(boxes_xyxy_px, np.float64)
        stored_height_px, stored_width_px = self.stored_size(height_px, width_px)
        boxes = _mirrored(boxes, stored_width_px) if self.is_mirrored else boxes
        for quarter in range(self.quarters):
            boxes = _turned_clockwise(boxes, stored_width_px if quarter % 2 else stored_height_px)
        return boxes

    def boxes_to_stored(self, boxes_xyxy_px: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
        """Carries boxes, float64 [..., 4], from the upright picture, which has this size, back to the stored one."""
        boxes = np.asarray(boxes_xyxy_px, np.float64)
        for quarter in range(-self.quarters % 4):  # on, until it has gone round
            boxes = _turned_clockwise(boxes, width_px if quarter % 2 else height_px)
        return _mirrored(boxes, self.stored_size(height_px, width_px)[1]) if self.is_mirrored else boxes


UPRIGHT = Turn()
"""Of a picture that stands already."""


def of_patient_orientation(
    directions: Sequence[str], laterality: Laterality | None, projection: Projection | None
) -> Turn:
    """Returns how a mammogram must be turned by what Patient Orientation (0020,0020) says of it.

    PS3.3, C.7.6.1.1.1: the first value says where rows go to, from left to right, the second where columns go to, from
    top to bottom. An upright mammogram has rows that go to the front or the back (A, P), and columns that go to the
    feet (F), or across the body (R, L) where it is a CC. Whether left and right are exchanged does not matter here,
    since the pixel path looks for the chest wall; nor does it matter which way up a CC is.

    Args:
        directions: The values of the tag. Where they are not two, or contradict themselves or the projection, nothing
            is turned: many files hold a default here.
        laterality: Tells which end of a CC is medial, and so down.
        projection: None is told by the directions.
    """
    if len(directions) != 2 or not all(map(_is_direction, directions)):  # noqa: PLR2004
        return UPRIGHT
    along_row, along_column = directions
    is_on_side = along_column[0] in _ANTERIOR_POSTERIOR
    if is_on_side == (along_row[0] in _ANTERIOR_POSTERIOR):
        return UPRIGHT
    across = along_row if is_on_side else along_column
    is_across_body = across[0] in _RIGHT_LEFT
    if projection is not None and is_across_body != (projection == Projection.CC):
        return UPRIGHT
    if not is_on_side:
        return Turn(2) if not is_across_body and "H" in across else UPRIGHT
    medial = _MEDIAL[laterality] if laterality else across[0]
    return Turn(1) if (medial if is_across_body else "F") in across else Turn(3)  # clockwise, the right comes down


def confirmed(turn: Turn, stored: np.ndarray) -> Turn:
    """Returns a turn unless the picture speaks against it: the breast meets the edge at the chest wall.

    Args:
        turn: As the tags have it.
        stored: uint8 or uint16 [H, W], brighter meaning denser tissue.
    """
    if turn.quarters % 2 == 0:
        return turn
    high, wide = (max(int(side * _EDGE), 1) for side in stored.shape)
    beside = max(float(stored[:, :wide].mean()), float(stored[:, -wide:].mean()))
    above = max(float(stored[:high].mean()), float(stored[-high:].mean()))
    return turn if above > beside else UPRIGHT


def _is_direction(value: str) -> bool:
    """Whether a value names one direction: "A", "FR", and not "AP", "CC" or ""."""
    letters = set(value)
    is_known = 0 < len(value) == len(letters) and letters <= _OPPOSITES.keys()
    return is_known and not any(_OPPOSITES[letter] in letters for letter in letters)


def _mirrored(boxes_xyxy_px: np.ndarray, width_px: int) -> np.ndarray:
    x_min, y_min, x_max, y_max = np.moveaxis(boxes_xyxy_px, -1, 0)
    return np.stack([width_px - x_max, y_min, width_px - x_min, y_max], -1)


def _turned_clockwise(boxes_xyxy_px: np.ndarray, height_px: int) -> np.ndarray:
    """Boxes in a picture of this height, after a quarter turn."""
    x_min, y_min, x_max, y_max = np.moveaxis(boxes_xyxy_px, -1, 0)
    return np.stack([height_px - y_max, x_min, height_px - y_min, x_max], -1)
