"""From the stored values of a DICOM image to what a viewer shows by default."""

import numpy as np
import pydicom.pixels.processing
from pydicom.dataset import Dataset


def displayed(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Returns what a viewer shows of the stored values, uint16 [H, W].

    The look-up tables are applied to each value that could be stored, not to each pixel, of which there are far more.
    """
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    keys = stored.view(f"u{stored.itemsize}")
    values = np.arange(256**stored.itemsize, dtype=keys.dtype).view(stored.dtype)  # by key
    levels = pydicom.pixels.processing.apply_modality_lut(values, dataset)
    with np.errstate(over="ignore"):  # far from the centre of a sigmoid window
        levels = np.asarray(pydicom.pixels.processing.apply_voi_lut(levels, dataset), np.float32)
    if dataset.PhotometricInterpretation == "MONOCHROME1" or dataset.get("PresentationLUTShape") == "INVERSE":
        levels = -levels
    is_padding = _is_padding(dataset, values)
    is_used = np.zeros(len(values), bool)
    is_used[keys.ravel()] = True
    is_used &= ~is_padding
    if not is_used.any():
        return np.zeros(stored.shape, np.uint16)
    low, high = float(levels[is_used].min()), float(levels[is_used].max())
    table = (np.clip(levels, low, high) - low) * (65535.0 / max(high - low, 1e-6))
    table[is_padding] = 0
    return np.take(table.astype(np.uint16), keys)


def _is_padding(dataset: Dataset, values: np.ndarray) -> np.ndarray:
    """Which stored values stand for places outside the detector: from Pixel Padding Value to its Range Limit."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(values.shape, bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    first, last = sorted((int(value), int(value if limit is None else limit)))
    return (values >= first) & (values <= last)
