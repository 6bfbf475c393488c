"""What lies on a film besides the breast: white edges, lettering, names blanked out, tape, a step wedge."""

import dataclasses

import cv2
import numpy as np

from data_tools.phantoms.film import Scanner

# How often a view has each, judged from 44 views of Mini-DDSM.
_TAB, _BLACK_TAPE, _LABEL, _STEP_WEDGE, _BLACK_STRIP = 0.5, 0.7, 0.75, 0.05, 0.6
_WHITE_EDGE_AT_WALL, _WHITE_EDGE_ELSEWHERE = 0.75, 0.45
_ANGLES = (0, 0, 35, -35, 55, -55, 90)
_WEDGE_STEPS = 11
_CLEARANCE_MM = 2.0  # between the skin and whatever lies beside it


@dataclasses.dataclass
class Film:
    """A digitised film, as it is stored, to be furnished. Places are given as for a chest wall at the left.

    Attributes:
        grey: float32 [H, W] in [0, 1], changed in place.
        is_free: bool [H, W], where there is no breast.
        is_wall_right: Whether the chest wall is at the right.
        spacing_mm: Side of a pixel.
    """

    grey: np.ndarray
    is_free: np.ndarray
    is_wall_right: bool
    spacing_mm: float

    def furnish(self, label: str, scanner: Scanner, rng: np.random.Generator) -> None:
        """Adds edges, lettering such as "R-MLO", what hides the patient's name, and sometimes a step wedge."""
        height_mm, width_mm = (size_px * self.spacing_mm for size_px in self.grey.shape)
        angle = float(rng.choice(_ANGLES)) + rng.normal(0, 3)
        place_mm = (rng.uniform(0.78, 0.95) * width_mm, rng.uniform(0.05, 0.11) * height_mm)
        if scanner.is_blanked_white and rng.random() < _LABEL:
            self._label(label, place_mm, angle, rng)
        else:
            if not scanner.is_blanked_white:
                self._black_tape(height_mm, width_mm, rng)
            self._marker(label, place_mm, angle, rng)
        if rng.random() < _STEP_WEDGE:
            self._step_wedge(height_mm, width_mm, rng)
        self._edges(scanner, rng)

    def _marker(self, text: str, place_mm: tuple[float, float], angle: float, rng: np.random.Generator) -> None:
        """Lead letters, some on a tab of their own."""
        width_mm, height_mm = rng.uniform(17, 26), rng.uniform(7, 10)
        if rng.random() < _TAB:
            self._rectangle(place_mm, (1.3 * width_mm, 1.3 * height_mm), angle, rng.uniform(0.06, 0.12))
        self._text([text], place_mm, (width_mm, height_mm), angle, rng.uniform(0.22, 0.95))

    def _label(self, text: str, place_mm: tuple[float, float], angle: float, rng: np.random.Generator) -> None:
        """A printed label, the patient's name on it blanked in white."""
        width_mm, height_mm = rng.uniform(34, 48), rng.uniform(14, 20)
        date = f"{rng.choice(('JAN', 'MAR', 'JUN', 'OCT'))} {rng.integers(1, 29)} 91"
        self._rectangle(place_mm, (width_mm, height_mm), angle, rng.uniform(0.10, 0.28))
        size_mm = (0.8 * width_mm, 0.85 * height_mm)
        self._text([text, "PHANTOM CTR", date], place_mm, size_mm, angle, rng.uniform(0.5, 0.8))
        name_mm = (place_mm[0] + rng.normal(-6, 5), place_mm[1] + rng.uniform(4, 10))
        self._rectangle(name_mm, (0.7 * width_mm, 0.6 * height_mm), angle + rng.normal(0, 8), 1.0)

    def _black_tape(self, height_mm: float, width_mm: float, rng: np.random.Generator) -> None:
        for share in (rng.uniform(0.88, 0.95), rng.uniform(0.12, 0.30)):
            if rng.random() < _BLACK_TAPE:
                place_mm = (rng.uniform(0.80, 1.0) * width_mm, share * height_mm)
                self._rectangle(place_mm, (rng.uniform(15, 40), rng.uniform(10, 16)), rng.normal(0, 3), 0.0)

    def _step_wedge(self, height_mm: float, width_mm: float, rng: np.random.Generator) -> None:
        """Equal steps from dark to white along the far edge, where the breast leaves room."""
        x_mm, step_mm = width_mm - 5, rng.uniform(5, 7)
        top_mm = rng.uniform(0.35, 0.6) * height_mm
        corners = self._corners_px((x_mm, top_mm + _WEDGE_STEPS / 2 * step_mm), (10, _WEDGE_STEPS * step_mm), 0)
        (left, top), (right, bottom) = corners.min(0).clip(0).astype(int), corners.max(0).astype(int)
        if self.is_free[top:bottom, left:right].all():
            for index, level in enumerate(np.linspace(0.08, 0.95, _WEDGE_STEPS)):
                self._rectangle((x_mm, top_mm + (index + 0.5) * step_mm), (8, step_mm), 0, float(level))

    def _edges(self, scanner: Scanner, rng: np.random.Generator) -> None:
        """White edges a little askew, and the black strip of a scanner that saw past the film at the wall."""
        grey = self.grey[:, ::-1] if self.is_wall_right else self.grey  # a view: the wall is at its left
        if scanner.is_mirrored and rng.random() < _BLACK_STRIP:
            strip = grey[:, : int(rng.uniform(0.01, 0.05) * grey.shape[1])]
            strip *= 0.1
            strip += rng.uniform(0.01, 0.08)
        edges = ((0, _WHITE_EDGE_AT_WALL), (1, _WHITE_EDGE_ELSEWHERE), (3, _WHITE_EDGE_ELSEWHERE))
        for quarter_turns, likelihood in edges:
            if rng.random() < likelihood:
                turned = np.rot90(grey, quarter_turns)
                ends_px = np.abs(rng.normal(0, 1.3, 2)) / self.spacing_mm
                depth_px = np.linspace(ends_px[0], ends_px[1], turned.shape[0])[:, None]
                cover = np.clip(depth_px - np.arange(turned.shape[1]), 0, 1)
                turned += cover * (rng.uniform(0.65, 1.0) - turned)

    def _rectangle(
        self, place_mm: tuple[float, float], size_mm: tuple[float, float], angle: float, level: float
    ) -> None:
        cover = np.zeros(self.grey.shape, np.uint8)
        corners = np.round(self._corners_px(place_mm, size_mm, angle) * 16).astype(np.int32)
        cv2.fillPoly(cover, [corners], (255,), cv2.LINE_AA, shift=4)
        self._blend(cover, level)

    def _text(
        self,
        lines: list[str],
        place_mm: tuple[float, float],
        size_mm: tuple[float, float],
        angle: float,
        level: float,
    ) -> None:
        tile = np.zeros((90 * len(lines), 380), np.uint8)
        rows, columns = tile.shape
        for index, line in enumerate(lines):
            (width_px, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, 2.4, 9)
            scale = 2.4 * min(350 / width_px, 1.0)
            cv2.putText(tile, line, (12, 72 + 90 * index), cv2.FONT_HERSHEY_SIMPLEX, scale, (255,), 9, cv2.LINE_AA)
        shrinking = columns * self.spacing_mm / size_mm[0]
        soft = cv2.GaussianBlur(tile, (0, 0), max(0.4 * shrinking, 0.5))  # else strokes thinner than a pixel break up
        corners = self._corners_px(place_mm, size_mm, angle)[:3].astype(np.float32)
        matrix = cv2.getAffineTransform(np.array([[0, 0], [columns, 0], [columns, rows]], np.float32), corners)
        self._blend(cv2.warpAffine(soft, matrix, self.grey.shape[::-1]), level)

    def _blend(self, cover: np.ndarray, level: float) -> None:
        weight = (cover * self.is_free).astype(np.float32) / 255
        self.grey += weight * (np.float32(level) - self.grey)

    def _corners_px(self, place_mm: tuple[float, float], size_mm: tuple[float, float], angle: float) -> np.ndarray:
        """Corners of a turned rectangle from its top left clockwise, float64 [4, 2], on the film as it is stored."""
        turn = np.radians(angle)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(size_mm) / 2
        corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        corners = (corners + np.array(place_mm)) / self.spacing_mm
        if self.is_wall_right:  # the place is mirrored, the letters are not
            corners[:, 0] += self.grey.shape[1] - 2 * place_mm[0] / self.spacing_mm
        return corners


def is_free_of(skin_distance_mm: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Returns where lettering may lie: bool [H, W], clear of the breast (0 outside it, above 0 inside)."""
    size = 2 * max(round(_CLEARANCE_MM / spacing_mm), 1) + 1
    return cv2.dilate((skin_distance_mm > 0).astype(np.uint8), np.ones((size, size), np.uint8)) == 0
