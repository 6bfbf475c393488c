"""Noise that looks like breast tissue: isotropic power-law texture, and strands that run toward the nipple."""

import cv2
import numpy as np

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
    rows, columns = height_px + margin_px, width_px + margin_px
    frequency_y = np.fft.fftfreq(rows, spacing_mm)[:, None]
    frequency_x = np.fft.rfftfreq(columns, spacing_mm)[None, :]
    power = (frequency_y**2 + frequency_x**2 + longest_mm**-2) ** (-exponent / 2)
    phases = rng.standard_normal((2, *power.shape))
    field = np.fft.irfft2((phases[0] + 1j * phases[1]) * np.sqrt(power), (rows, columns))[:height_px, :width_px]
    return ((field - field.mean()) / field.std()).astype(np.float32)


def strands(
    rng: np.random.Generator,
    x_mm: np.ndarray,
    y_mm: np.ndarray,
    toward_xy_mm: tuple[float, float],
    *,
    cell_mm: float,
    stretch: float,
) -> np.ndarray:
    """Returns a web of thin bright lines, drawn out toward a point: ducts, ligaments of Cooper, fibrous septa.

    A line is where smooth noise crosses zero, as in ridged fractals (Musgrave in Ebert et al., "Texturing and
    Modeling", 3rd ed., ch. 16). The noise lives in polar coordinates about the point, so lines run together there.

    Args:
        rng: Where its randomness comes from.
        x_mm: float32 [H, W].
        y_mm: float32 [H, W].
        toward_xy_mm: The point.
        cell_mm: Typical distance between lines, halfway across the breast.
        stretch: How many times longer than wide the cells are.

    Returns:
        float32 [H, W] in [0, 1].
    """
    dx, dy = toward_xy_mm[0] - x_mm, y_mm - toward_xy_mm[1]
    radius_mm, angle = cv2.cartToPolar(np.ascontiguousarray(dx), np.ascontiguousarray(dy))
    angle = np.where(angle > np.pi, angle - 2 * np.pi, angle)  # the cut lies beyond the point, outside the breast
    reference_mm = 45.0
    step_mm = cell_mm / 8
    along = radius_mm / stretch / step_mm
    around = (angle + np.pi) * reference_mm / step_mm
    rows, columns = int(2 * np.pi * reference_mm / step_mm) + 2, int(along.max()) + 2
    noise = power_law_noise(rng, rows, columns, step_mm, longest_mm=3 * cell_mm, exponent=4.0)
    drawn = cv2.remap(noise, along.astype(np.float32), around.astype(np.float32), cv2.INTER_LINEAR)
    return np.square(np.clip(1 - np.abs(drawn) / 0.45, 0, 1))


def smooth_step(values: np.ndarray, start: float, end: float) -> np.ndarray:
    """Returns 0 up to `start`, 1 from `end`, and a smooth rise (3t² - 2t³) between; float32 like `values`."""
    share = np.clip((values - start) / (end - start), 0, 1)
    return share * share * (3 - 2 * share)
