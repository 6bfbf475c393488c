"""Tells a mammogram that is stored inverted, dark tissue on a white background, by how its edges look."""

import cv2
import numpy as np

_HEIGHT, _WIDTH = 128, 96  # of the working image
_STRIDE_FOR = 4 * _HEIGHT  # rows that are enough to average from

# Along a ring inside the edges, beyond film borders, the flat background of 1,275 views (1,231 CBIS-DDSM, 44 Mini-DDSM)
# covers 0.20 to 0.85 more of the ring when dark than when bright; of their inversions just as much less.
_RING = (0.03, 0.12)  # of the height and width
_DARK, _BRIGHT = 0.15, 0.85  # of the range of levels
_FLAT = 0.02  # standard deviation over 3 × 3 pixels, of the range of levels
_INVERTED = -0.15
_DOUBTFUL = -0.05

_EXTREME = 0.06  # of the range of levels: so near to its ends are
_TWO_VALUED = 0.995  # of all pixels of a mask are; of those 1,275 views, at most 0.90,
_COMMONEST = 0.9  # and so many have one of two levels; of views, at most 0.86


def is_inverted(pixels: np.ndarray) -> bool | None:
    """Returns whether a view shows dark tissue on white; None: its background is rather bright, but not clearly so.

    Args:
        pixels: uint8 or uint16 [H, W].
    """
    score = dark_background(pixels)
    if score <= _INVERTED:
        return True
    return None if score <= _DOUBTFUL else False


def dark_background(pixels: np.ndarray) -> float:
    """Returns the share of the ring that is flat and dark, less what is flat and bright: -1 to 1.

    Args:
        pixels: uint8 or uint16 [H, W].
    """
    height_px, width_px = pixels.shape
    sampled = pixels[:: max(height_px // _STRIDE_FOR, 1), :: max(width_px // _STRIDE_FOR, 1)]
    small = cv2.resize(sampled, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    low, high = np.percentile(small, [1, 99])
    if high - low < 1:
        return 0.0
    levels = (small - low) / (high - low)
    mean = cv2.blur(levels, (3, 3))
    is_flat = cv2.blur(levels * levels, (3, 3)) - mean * mean < _FLAT**2
    is_ring = _inset() >= _RING[0]
    is_ring &= _inset() < _RING[1]
    dark = ((levels < _DARK) & is_flat)[is_ring].mean()
    bright = ((levels > _BRIGHT) & is_flat)[is_ring].mean()
    return float(dark - bright)


def is_two_valued(pixels: np.ndarray) -> bool:
    """Returns whether a picture has two levels and nothing between but what JPEG blurs: a mask, not a mammogram.

    Args:
        pixels: uint8 or uint16 [H, W].
    """
    height_px, width_px = pixels.shape
    sampled = pixels[:: max(height_px // _STRIDE_FOR, 1), :: max(width_px // _STRIDE_FOR, 1)]
    counts = np.sort(np.bincount(sampled.ravel()))
    if counts[-2:].sum() < _COMMONEST * sampled.size:
        return False
    low, high = int(sampled.min()), int(sampled.max())
    if low == high:
        return False
    margin = _EXTREME * (high - low)
    return bool(((sampled <= low + margin) | (sampled >= high - margin)).mean() >= _TWO_VALUED)


def _inset() -> np.ndarray:
    """How far each pixel of the working image is from the nearest edge, as a share of its height or width."""
    rows, columns = (np.arange(_HEIGHT) + 0.5) / _HEIGHT, (np.arange(_WIDTH) + 0.5) / _WIDTH
    return np.minimum.outer(np.minimum(rows, 1 - rows), np.minimum(columns, 1 - columns))
