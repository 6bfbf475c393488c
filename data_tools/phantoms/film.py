"""From exposure to a digitised film: characteristic curve, grain, and the scanners of DDSM's volumes."""

import dataclasses

import numpy as np

_BASE_DENSITY, _MAXIMUM_DENSITY = 0.2, 3.7  # optical, of film that saw nothing and everything


@dataclasses.dataclass(frozen=True)
class Scanner:
    """How a DDSM volume was digitised.

    Attributes:
        digitizer: As `.ics` files call it.
        is_mirrored: Whether images are stored with a RIGHT breast's chest wall at the left.
        gradient: Of the characteristic curve, in optical density per decade of exposure.
        grain: Standard deviation of the noise of one pixel, as a share of the grey range.
        blackest: Grey of film without tissue, as a share of the grey range.
        is_blanked_white: Whether names on the film are blanked in white; black elsewhere.
    """

    digitizer: str
    is_mirrored: bool
    gradient: float
    grain: float
    blackest: float
    is_blanked_white: bool


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
    wanted_density = rng.normal(2.46 - 0.22 * (density - 1), 0.10)
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
