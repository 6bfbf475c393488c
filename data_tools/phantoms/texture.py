"""Noise that looks like breast tissue: isotropic power-law texture, and strands that run toward the nipple."""

import dataclasses
from typing import ClassVar

import cv2
import numpy as np
import scipy.fft

POWER_LAW_EXPONENT = 3.0  # mammograms' power spectra fall as 1/f^3: Burgess, Jacobson & Judy 2001, Med. Phys. 28(4)


def power_law_noise(
    rng: np.random.Generator,
    height_px: int,
    width_px: int,
    spacing_mm: float,
    *,
    longest_mm: float = 80.0,
    exponent: float = POWER_LAW_EXPONENT,
) -> np.ndarray:
    """Returns Gaussian noise whose power spectrum falls as 1/f^exponent.

    Args:
        rng: Where its randomness comes from.
        height_px: Rows.
        width_px: Columns.
        spacing_mm: Side of a pixel.
        longest_mm: Wavelength beyond which the spectrum is flat, so that the field keeps to its mean.
        exponent: Of the power spectrum (the amplitude falls by half of it).

    Returns:
        float32 [height_px, width_px] with mean 0 and standard deviation 1.
    """
    margin_px = int(0.25 * longest_mm / spacing_mm)  # the transform is periodic: opposite edges must not match
    rows, columns = (cv2.getOptimalDFTSize(size_px + margin_px) for size_px in (height_px, width_px))
    frequency_y = np.fft.fftfreq(rows, spacing_mm)[:, None].astype(np.float32)
    frequency_x = np.fft.rfftfreq(columns, spacing_mm)[None, :].astype(np.float32)
    amplitude = (frequency_y**2 + frequency_x**2 + longest_mm**-2) ** (-exponent / 4)
    waves = rng.standard_normal((*amplitude.shape, 2), np.float32) * amplitude[..., None]
    # SciPy's transform stays in float32; NumPy's takes five times as long in float64.
    field = scipy.fft.irfft2(waves.view(np.complex64)[..., 0], (rows, columns))[:height_px, :width_px]
    return ((field - field.mean()) / field.std()).astype(np.float32)


def smooth_noise(
    rng: np.random.Generator, height_px: int, width_px: int, spacing_mm: float, *, longest_mm: float
) -> np.ndarray:
    """Returns noise as `power_law_noise` does, with so little detail that a coarse drawing of it will do."""
    step = max(longest_mm / 40 / spacing_mm, 1.0)
    rows, columns = int(height_px / step) + 2, int(width_px / step) + 2
    drawn = power_law_noise(rng, rows, columns, spacing_mm * step, longest_mm=longest_mm, exponent=4.5)
    return cv2.resize(drawn, (width_px, height_px), interpolation=cv2.INTER_CUBIC)


@dataclasses.dataclass(frozen=True)
class Fan:
    """Coordinates that run toward a point, as ducts run toward the nipple, and a little crookedly.

    Attributes:
        along_mm: float32 [H, W], distance from the point.
        around_mm: float32 [H, W], direction from it, as an arc of `REFERENCE_MM`; what is drawn runs together there.
    """

    along_mm: np.ndarray
    around_mm: np.ndarray

    REFERENCE_MM: ClassVar[float] = 45.0

    @classmethod
    def toward(
        cls, x_mm: np.ndarray, y_mm: np.ndarray, bends_mm: np.ndarray, point_xy_mm: tuple[float, float]
    ) -> "Fan":
        """Returns the fan of a point; `bends_mm` float32 [2, H, W] displaces it to make it crooked."""
        dx = np.ascontiguousarray(point_xy_mm[0] - x_mm + bends_mm[0])
        dy = np.ascontiguousarray(y_mm - point_xy_mm[1] + bends_mm[1])
        along_mm, angle = cv2.cartToPolar(dx, dy)
        turned = np.mod(angle + np.float32(np.pi), np.float32(2 * np.pi))  # the cut lies beyond the point
        return cls(along_mm, turned * np.float32(cls.REFERENCE_MM))

    def noise(
        self, rng: np.random.Generator, step_mm: float, *, stretch: float, longest_mm: float, exponent: float
    ) -> np.ndarray:
        """Returns power-law noise that is `stretch` times longer along the fan than around it, float32 [H, W]."""
        rows = int(2 * np.pi * self.REFERENCE_MM / step_mm) + 2
        columns = int(self.along_mm.max() / stretch / step_mm) + 2
        flat = power_law_noise(rng, rows, columns, step_mm, longest_mm=longest_mm, exponent=exponent)
        return cv2.remap(flat, self.along_mm / (stretch * step_mm), self.around_mm / step_mm, cv2.INTER_LINEAR)

    def strands(self, rng: np.random.Generator, *, cell_mm: float, width: float, stretch: float) -> np.ndarray:
        """Returns a web of thin bright lines: ducts, ligaments of Cooper, fibrous septa.

        A line is where smooth noise crosses zero, as in ridged fractals (Musgrave in Ebert et al., "Texturing and
        Modeling", 3rd ed., ch. 16).

        Args:
            rng: Where its randomness comes from.
            cell_mm: Typical distance between lines.
            width: Of a line, in standard deviations of the noise on either side.
            stretch: How many times longer than wide the cells are.

        Returns:
            float32 [H, W] in [0, 1].
        """
        noise = self.noise(rng, cell_mm / 10, stretch=stretch, longest_mm=3 * cell_mm, exponent=5.5)
        return np.square(np.clip(1 - np.abs(noise) / width, 0, 1))


def smooth_step(values: np.ndarray, start: float, end: float) -> np.ndarray:
    """Returns 0 up to `start`, 1 from `end`, and a smooth rise (3t² - 2t³) between; float32 like `values`."""
    share = np.clip((values - start) / (end - start), 0, 1)
    return share * share * (3 - 2 * share)
