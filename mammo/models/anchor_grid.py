"""The numbers of a detector's anchors, as its plan holds them. No TensorFlow."""

import dataclasses

SCALES_A_LEVEL = 3  # Lin et al. 2017, section 4
_SCALES = tuple(2 ** (index / SCALES_A_LEVEL) for index in range(SCALES_A_LEVEL))

_LEVELS = frozenset(range(3, 11))
_MOST = 1e5  # of a size in pixels, a ratio or a scale
_MOST_A_CELL = 100


@dataclasses.dataclass(frozen=True)
class Anchors:
    """A grid of boxes at each level.

    Attributes:
        levels: Of the pyramid, from 3; level l has stride 2**l.
        sizes_px: Square root of the area of the smallest anchor of each level.
        aspect_ratios: Widths over heights, the same at each level.
        scales: What each size is multiplied by, the same at each level.
    """

    levels: tuple[int, ...]
    sizes_px: tuple[float, ...]
    aspect_ratios: tuple[float, ...]
    scales: tuple[float, ...] = _SCALES

    def __post_init__(self) -> None:
        """Checks that levels and sizes belong together."""
        if len(self.levels) != len(self.sizes_px):
            raise ValueError(f"expected a size for each of the levels {self.levels}, got {self.sizes_px}")
        lengths = (*self.sizes_px, *self.aspect_ratios, *self.scales)
        if not (self.levels and set(self.levels) <= _LEVELS and all(0 < length <= _MOST for length in lengths)):
            raise ValueError("anchors have levels from 3 to 10, and sizes, ratios and scales above 0")
        if self.per_cell > _MOST_A_CELL:
            raise ValueError(f"expected at most {_MOST_A_CELL} anchors at a place, got {self.per_cell}")

    @property
    def per_cell(self) -> int:
        """How many anchors stand at each place of a level."""
        return len(self.aspect_ratios) * len(self.scales)
