"""From exposure to a digitised film: characteristic curve, grain, and what else lies on films."""

import dataclasses

import cv2
import numpy as np

_BASE_DENSITY, _MAXIMUM_DENSITY = 0.2, 3.7  # optical, of mammography film: Haus & Hendrick 1990s curves, gradient ~3


@dataclasses.dataclass(frozen=True)
class Scanner:
    """How a DDSM volume was digitised.

    Attributes:
        digitizer: As `.ics` files call it.
        is_mirrored: Whether images are stored with a RIGHT breast's chest wall at the left.
        gradient: Of the characteristic curve, in optical density per decade of exposure.
        grain: Standard deviation of the noise of one pixel, as a share of the grey range.
        blackest: Grey of film without tissue, as a share of the grey range.
        is_labelled_white: Whether names on the film are blanked in white; elsewhere in black.
    """

    digitizer: str
    is_mirrored: bool
    gradient: float
    grain: float
    blackest: float
    is_labelled_white: bool


SCANNERS = {
    "A": Scanner("DBA 21", True, 3.3, 0.0055, 0.018, True),
    "B": Scanner("HOWTEK 960", False, 2.9, 0.0045, 0.030, False),
    "C": Scanner("LUMISYS LASER", False, 3.0, 0.0040, 0.025, False),
    "D": Scanner("HOWTEK 960", False, 3.1, 0.0060, 0.038, False),
}


def develop(
    attenuation: np.ndarray, skin_distance_mm: np.ndarray, density: int, scanner: Scanner, rng: np.random.Generator
) -> np.ndarray:
    """Exposes a film as an automatic exposure control would, develops and digitises it.

    Args:
        attenuation: float32 [H, W], natural logarithm of the exposure lost on the way.
        skin_distance_mm: float32 [H, W], 0 outside the breast.
        density: BI-RADS 1 to 4; the control does not quite make up for it.
        scanner: What digitises it.
        rng: Where its randomness comes from.

    Returns:
        float32 [H, W] in [0, 1], brighter for more tissue.
    """
    log_exposure = -attenuation / np.float32(np.log(10))
    metered = float(log_exposure[skin_distance_mm > 0.6 * skin_distance_mm.max()].mean())
    wanted_density = rng.normal(2.50 - 0.19 * (density - 1), 0.10)
    span = _MAXIMUM_DENSITY - _BASE_DENSITY
    share = (wanted_density - _BASE_DENSITY) / span
    slope = 4 * scanner.gradient * rng.normal(1, 0.04) / span  # of a logistic curve, in its middle
    optical_density = _BASE_DENSITY + span / (
        1 + np.exp(-slope * (log_exposure - metered) - np.log(share / (1 - share)))
    )
    grey = (_MAXIMUM_DENSITY - optical_density) / _MAXIMUM_DENSITY * (1 - scanner.blackest) + scanner.blackest
    noise = rng.standard_normal(grey.shape, np.float32)
    mottle = scanner.grain * (0.6 + 0.8 * np.sqrt(np.clip(grey, 0, 1)))
    return np.clip(grey + mottle * noise, 0, 1).astype(np.float32)


@dataclasses.dataclass
class Film:
    """A developed film on the light box, as it is stored, to be furnished.

    Attributes:
        grey: float32 [H, W] in [0, 1], changed in place.
        is_free: bool [H, W], where no breast is.
        is_wall_right: Whether the chest wall is at the right.
        spacing_mm: Side of a pixel.
    """

    grey: np.ndarray
    is_free: np.ndarray
    is_wall_right: bool
    spacing_mm: float

    def furnish(self, label: str, scanner: Scanner, rng: np.random.Generator) -> None:
        """Adds borders, lettering such as "R-MLO", what hides the patient's name, and sometimes a step wedge."""
        height_mm, width_mm = (size * self.spacing_mm for size in self.grey.shape)
        angle = float(rng.choice((0, 0, 35, -35, 55, -55, 90))) + rng.normal(0, 3)
        place_mm = (rng.uniform(0.78, 0.95) * width_mm, rng.uniform(0.05, 0.11) * height_mm)
        if scanner.is_labelled_white:
            self._name_in_white(label, place_mm, angle, rng)
        else:
            self._marker(label, place_mm, angle, rng)
            self._names_in_black(height_mm, width_mm, rng)
        if rng.random() < 0.07:  # noqa: PLR2004  now and then, as in DDSM
            self._step_wedge(height_mm, width_mm, rng)
        self._borders(scanner, rng)

    def _marker(self, label: str, place_mm: tuple[float, float], angle: float, rng: np.random.Generator) -> None:
        """Lead letters, some on a tab of their own."""
        size_mm = (rng.uniform(17, 26), rng.uniform(7, 10))
        if rng.random() < 0.5:  # noqa: PLR2004
            self._rectangle(place_mm, (size_mm[0] * 1.3, size_mm[1] * 1.3), angle, rng.uniform(0.06, 0.12))
        self._text([label], place_mm, size_mm, angle, rng.uniform(0.22, 0.95))

    def _names_in_black(self, height_mm: float, width_mm: float, rng: np.random.Generator) -> None:
        for share_y in (rng.uniform(0.88, 0.95), rng.uniform(0.12, 0.30)):
            if rng.random() < 0.7:  # noqa: PLR2004
                place_mm = (rng.uniform(0.80, 1.0) * width_mm, share_y * height_mm)
                self._rectangle(place_mm, (rng.uniform(15, 40), rng.uniform(10, 16)), rng.normal(0, 3), 0.0)

    def _name_in_white(self, label: str, place_mm: tuple[float, float], angle: float, rng: np.random.Generator) -> None:
        size_mm = (rng.uniform(34, 48), rng.uniform(14, 20))
        if rng.random() < 0.75:  # noqa: PLR2004
            self._rectangle(place_mm, size_mm, angle, rng.uniform(0.10, 0.28))
            lines = [label, "PHANTOM CTR", f"{rng.choice(('JAN', 'MAR', 'JUN', 'OCT'))} {rng.integers(1, 29)} 91"]
            self._text(lines, place_mm, (size_mm[0] * 0.8, size_mm[1] * 0.85), angle, rng.uniform(0.5, 0.8))
            blank_mm = (place_mm[0] + rng.normal(-6, 5), place_mm[1] + rng.uniform(4, 10))
            self._rectangle(blank_mm, (size_mm[0] * 0.7, size_mm[1] * 0.6), angle + rng.normal(0, 8), 1.0)
        else:
            self._text([label], place_mm, (18, 8), angle, rng.uniform(0.3, 0.9))

    def _step_wedge(self, height_mm: float, width_mm: float, rng: np.random.Generator) -> None:
        x_mm, top_mm, step_mm = 0.96 * width_mm, rng.uniform(0.35, 0.6) * height_mm, rng.uniform(5, 7)
        for index, level in enumerate(np.linspace(0.08, 0.95, 11)):
            self._rectangle((x_mm, top_mm + index * step_mm), (8, step_mm), 0, float(level))

    def _borders(self, scanner: Scanner, rng: np.random.Generator) -> None:
        """White unexposed edges, a little askew; where the scanner saw past the film, a black strip at the wall."""
        height_px, width_px = self.grey.shape
        if scanner.is_mirrored and rng.random() < 0.6:  # noqa: PLR2004
            strip_px = int(rng.uniform(0.01, 0.05) * width_px)
            strip = slice(width_px - strip_px, width_px) if self.is_wall_right else slice(0, strip_px)
            self.grey[:, strip] = self.grey[:, strip] * 0.1 + rng.uniform(0.01, 0.08)
        for turns, likelihood in ((0, 0.75), (1, 0.45), (3, 0.45)):  # the wall's side, then top and bottom
            if rng.random() >= likelihood:
                continue
            turned = np.rot90(self.grey if not self.is_wall_right else self.grey[:, ::-1], turns)
            ends_px = np.abs(rng.normal(0, 1.3, 2)) / self.spacing_mm
            depth_px = np.linspace(ends_px[0], ends_px[1], turned.shape[0])[:, None]
            covered = np.clip(depth_px - np.arange(turned.shape[1]), 0, 1)
            turned += covered * (rng.uniform(0.65, 1.0) - turned)

    def _rectangle(
        self, place_mm: tuple[float, float], size_mm: tuple[float, float], angle: float, level: float
    ) -> None:
        corners = cv2.boxPoints((self._stored_px(place_mm), self._px(size_mm), angle))
        cover = np.zeros(self.grey.shape, np.uint8)
        cv2.fillPoly(cover, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
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
        for index, line in enumerate(lines):
            (width_px, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, 2.4, 9)
            scale = 2.4 * min(350 / width_px, 1.0)
            cv2.putText(tile, line, (12, 72 + 90 * index), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 9, cv2.LINE_AA)
        center_px, (width_px, height_px) = self._stored_px(place_mm), self._px(size_mm)
        corners = cv2.boxPoints((center_px, (width_px, height_px), angle))[1:].astype(np.float32)
        rows, columns = tile.shape
        matrix = cv2.getAffineTransform(np.array([[0, 0], [columns, 0], [columns, rows]], np.float32), corners)
        tile = cv2.GaussianBlur(tile, (0, 0), max(0.4 * columns / width_px, 0.5))
        cover = cv2.warpAffine(tile, matrix, self.grey.shape[::-1])
        self._blend(cover, level)

    def _blend(self, cover: np.ndarray, level: float) -> None:
        weight = (cover * self.is_free).astype(np.float32) / 255
        self.grey += weight * (np.float32(level) - self.grey)

    def _stored_px(self, place_mm: tuple[float, float]) -> tuple[float, float]:
        x_px, y_px = place_mm[0] / self.spacing_mm, place_mm[1] / self.spacing_mm
        return (self.grey.shape[1] - x_px if self.is_wall_right else x_px), y_px

    def _px(self, size_mm: tuple[float, float]) -> tuple[float, float]:
        return size_mm[0] / self.spacing_mm, size_mm[1] / self.spacing_mm


def is_free_of(skin_distance_mm: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Returns where lettering may lie: bool [H, W], two millimetres from any breast."""
    size = 2 * max(int(2 / spacing_mm), 1) + 1
    return cv2.dilate((skin_distance_mm > 0).astype(np.uint8), np.ones((size, size), np.uint8)) == 0
