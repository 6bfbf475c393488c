"""Where a window of a source image lies in a prepared image, so that boxes go there and back."""

import dataclasses

import numpy as np


def clip(boxes_xyxy_px: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    """Cuts boxes, float64 [..., 4], off at the borders of an image."""
    return np.clip(boxes_xyxy_px, 0, [width_px, height_px, width_px, height_px])


@dataclasses.dataclass(frozen=True)
class Placement:
    """A window of the source, resized with its aspect kept, mirrored if need be, at the top left of the output.

    All integers, so that it is stored, compared and inverted without rounding. The two scales differ from one another
    only by the rounding of the resized size to whole pixels.

    Attributes:
        window_xyxy_px: The part of the source that is shown, maxima exclusive.
        content_height_px: Height of that part in the output; below it is padding.
        content_width_px: Width of that part in the output; right of it is padding.
        is_mirrored: Whether left and right are exchanged.
    """

    window_xyxy_px: tuple[int, int, int, int]
    content_height_px: int
    content_width_px: int
    is_mirrored: bool

    @classmethod
    def fit(
        cls, window_xyxy_px: tuple[int, int, int, int], height_px: int, width_px: int, is_mirrored: bool
    ) -> "Placement":
        """Returns the placement that shows the window as large as an output of `height_px` × `width_px` allows."""
        x_min, y_min, x_max, y_max = window_xyxy_px
        if not (x_min < x_max and y_min < y_max):
            raise ValueError(f"a window must have x_min < x_max and y_min < y_max, got {window_xyxy_px}")
        scale = min(height_px / (y_max - y_min), width_px / (x_max - x_min))
        return cls(
            window_xyxy_px,
            content_height_px=min(max(round((y_max - y_min) * scale), 1), height_px),
            content_width_px=min(max(round((x_max - x_min) * scale), 1), width_px),
            is_mirrored=is_mirrored,
        )

    @property
    def scale_yx(self) -> tuple[float, float]:
        """Output pixels for one source pixel, down and across."""
        x_min, y_min, x_max, y_max = self.window_xyxy_px
        return self.content_height_px / (y_max - y_min), self.content_width_px / (x_max - x_min)

    def to_output(self, boxes_xyxy_px: np.ndarray) -> np.ndarray:
        """Carries boxes from the source image into the output, unclipped: float64 [..., 4] to float64 [..., 4]."""
        scale_y, scale_x = self.scale_yx
        x_min, y_min, _, _ = self.window_xyxy_px
        shift = np.array([x_min, y_min, x_min, y_min], np.float64)
        boxes = (np.asarray(boxes_xyxy_px, np.float64) - shift) * np.array([scale_x, scale_y, scale_x, scale_y])
        return self._mirror(boxes) if self.is_mirrored else boxes

    def to_source(self, boxes_xyxy_px: np.ndarray) -> np.ndarray:
        """Carries boxes from the output back into the source image: the inverse of `to_output`."""
        scale_y, scale_x = self.scale_yx
        x_min, y_min, _, _ = self.window_xyxy_px
        shift = np.array([x_min, y_min, x_min, y_min], np.float64)
        boxes = np.asarray(boxes_xyxy_px, np.float64)
        boxes = self._mirror(boxes) if self.is_mirrored else boxes
        return boxes / np.array([scale_x, scale_y, scale_x, scale_y]) + shift

    def _mirror(self, boxes_xyxy_px: np.ndarray) -> np.ndarray:
        x_min, y_min, x_max, y_max = np.moveaxis(boxes_xyxy_px, -1, 0)
        return np.stack([self.content_width_px - x_max, y_min, self.content_width_px - x_min, y_max], -1)
