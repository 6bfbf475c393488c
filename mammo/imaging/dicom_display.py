"""From the stored values of a DICOM image to what a viewer shows by default.

Files are seldom as the standard has them. A window or a look-up table that is empty or impossible is none, as in other
viewers: the view is shown with the next that there is, or with all of its range.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from mammo.imaging import dicom_values

_CHUNK_PX = 1 << 20  # NumPy makes 8 bytes of each pixel that is looked up
_SIGMOID, _LINEAR, _LINEAR_EXACT = "SIGMOID", "LINEAR", "LINEAR_EXACT"


@dataclasses.dataclass(frozen=True)
class Bits:
    """Where in a stored word the value of a pixel is (PS3.5, section 8.1.1); the rest may hold anything.

    Attributes:
        allocated: Bits of the word.
        stored: Bits of the value.
        high: Number of its highest bit, from 0.
        is_signed: Whether it is in two's complement.
    """

    allocated: int
    stored: int
    high: int
    is_signed: bool

    @classmethod
    def of(cls, dataset: Dataset) -> "Bits":
        """Reads the tags; what is missing or impossible is as most images have it."""
        allocated = dicom_values.whole(dataset, "BitsAllocated") or 16
        stored = min(dicom_values.whole(dataset, "BitsStored") or allocated, allocated)
        stored = stored if stored > 0 else allocated
        high = dicom_values.whole(dataset, "HighBit")
        high = stored - 1 if high is None or not stored <= high + 1 <= allocated else high
        return cls(allocated, stored, high, dicom_values.whole(dataset, "PixelRepresentation") == 1)

    @property
    def are_low(self) -> bool:
        """Whether the value stands at the lower end of the word, as in all but a few images."""
        return self.high + 1 == self.stored

    @property
    def range(self) -> tuple[int, int]:
        """The least and the largest value."""
        half = 1 << (self.stored - 1)
        return (-half, half - 1) if self.is_signed else (0, 2 * half - 1)

    def values(self) -> np.ndarray:
        """Returns the value of every word that there can be: int64 [2 ** allocated]."""
        words = np.arange(1 << self.allocated, dtype=np.int64)
        values = (words >> (self.high + 1 - self.stored)) & ((1 << self.stored) - 1)
        return np.where(values > self.range[1], values - (1 << self.stored), values)


def displayed(dataset: Dataset, stored: np.ndarray, bits: Bits) -> np.ndarray:
    """Returns what a viewer shows of the stored values, uint16 [H, W].

    The look-up tables are applied to each value that could be stored, not to each pixel, of which there are far more.

    Args:
        dataset: Whose tags say how it is shown.
        stored: Words of 8 or 16 bits [H, W]; where they have 16 and may be written, what is returned takes their place.
        bits: Where the values are in them.
    """
    stored = np.ascontiguousarray(stored.astype(stored.dtype.newbyteorder("="), copy=False))
    keys = stored.view(f"u{stored.itemsize}")
    values = bits.values()  # by key
    with np.errstate(all="ignore"):  # far from the centre of a sigmoid; what is no number is refused below
        levels = _with_voi(dataset, *_with_modality(dataset, values, bits))
    # Presentation LUT Shape says the same again (PS3.3, C.8.11.3), or is wrong; so it turns nothing over once more.
    levels = -levels if dicom_values.text(dataset, "PhotometricInterpretation") == "MONOCHROME1" else levels
    is_padding = _is_padding(dataset, values, bits)
    is_used = np.zeros(len(values), bool)
    for chunk in _chunks(keys):
        is_used[chunk] = True
    is_used &= ~is_padding
    if not is_used.any():
        return np.zeros(stored.shape, np.uint16)
    if not np.isfinite(levels[is_used]).all():
        raise ValueError("a rescaling or a window leads to no number")
    low, high = float(levels[is_used].min()), float(levels[is_used].max())
    table = (np.clip(levels, low, high) - low) * (65535.0 / max(high - low, 1e-6))
    table[is_padding] = 0
    table = table.astype(np.uint16)
    is_room = keys.dtype == np.uint16 and keys.flags.writeable
    shown = keys if is_room else np.empty(stored.shape, np.uint16)
    for keys_chunk, shown_chunk in zip(_chunks(keys), _chunks(shown), strict=True):
        np.take(table, keys_chunk, out=shown_chunk, mode="clip")
    return shown


def _chunks(pixels: np.ndarray) -> Iterator[np.ndarray]:
    flat = pixels.reshape(-1)
    return (flat[start : start + _CHUNK_PX] for start in range(0, flat.size, _CHUNK_PX))


def _with_modality(dataset: Dataset, values: np.ndarray, bits: Bits) -> tuple[np.ndarray, tuple[float, float]]:
    """Applies the modality LUT, or rescaling (PS3.3, C.11.1); returns the levels and the range that they may have."""
    table = _Table.of(dicom_values.first_item(dataset, "ModalityLUTSequence"))
    if table is not None:
        return table.apply(values), (0, (1 << table.bits) - 1)
    group = dicom_values.functional_group(dataset, "PixelValueTransformationSequence")
    place = group if len(group) else dataset
    slope = dicom_values.number(place, "RescaleSlope")
    intercept = dicom_values.number(place, "RescaleIntercept")
    if slope is None and intercept is None:
        return values, bits.range
    slope, intercept = slope or 1.0, intercept or 0.0
    least, largest = (value * slope + intercept for value in bits.range)
    return values.astype(np.float64) * slope + intercept, (least, largest)


def _with_voi(dataset: Dataset, levels: np.ndarray, level_range: tuple[float, float]) -> np.ndarray:
    """Applies the first VOI LUT, else the first window (PS3.3, C.11.2): float32, of any range."""
    table = _Table.of(dicom_values.first_item(dataset, "VOILUTSequence"))
    if table is not None:
        return table.apply(levels).astype(np.float32)
    group = dicom_values.functional_group(dataset, "FrameVOILUTSequence")
    place = group if len(group) else dataset
    center, width = dicom_values.number(place, "WindowCenter"), dicom_values.number(place, "WindowWidth")
    function = dicom_values.text(place, "VOILUTFunction").upper()
    function = function if function in (_SIGMOID, _LINEAR_EXACT) else _LINEAR
    least_width = 1 if function == _LINEAR else 0
    if center is None or width is None or width < least_width or width == 0:
        return levels.astype(np.float32)
    if function == _LINEAR:
        center, width = center - 0.5, width - 1
    least, largest = level_range
    levels = levels.astype(np.float64)
    if function == _SIGMOID:
        return ((largest - least) / (1 + np.exp(-4 * (levels - center) / width)) + least).astype(np.float32)
    is_below, is_above = levels <= center - width / 2, levels > center + width / 2
    between = ((levels - center) / (width or 1) + 0.5) * (largest - least) + least
    return np.where(is_below, least, np.where(is_above, largest, between)).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class _Table:
    """A look-up table (PS3.3, C.11.1.1 and C.11.2.1.1).

    Attributes:
        first: Level that is mapped to the first entry.
        bits: Of an entry.
        entries: int64 [N].
    """

    first: int
    bits: int
    entries: np.ndarray

    @classmethod
    def of(cls, item: Dataset) -> "_Table | None":
        """Reads the item of a sequence; None: it is empty, or cannot be a table."""
        descriptor = dicom_values.texts(item, "LUTDescriptor") if len(item) else ()
        if len(descriptor) != 3:  # noqa: PLR2004
            return None
        count, first, bits = (int(value) for value in descriptor)
        count = count % (1 << 16) or 1 << 16  # 0 stands for 65,536, which does not fit; read as signed it is below 0
        entries = _entries(item, count)
        return cls(first, bits, entries) if len(entries) and 1 <= bits <= 16 else None  # noqa: PLR2004

    def apply(self, levels: np.ndarray) -> np.ndarray:
        """Maps levels; those before the first and behind the last entry are as these are."""
        is_misread = self.first < 0 <= levels.min() and self.first + len(self.entries) <= 0
        first = self.first + (1 << 16) if is_misread else self.first
        if first > levels.max() and levels.min() < 0:
            first -= 1 << 16  # unsigned in the file, and meant as signed like the levels
        index = np.clip(np.trunc(levels - first), 0, len(self.entries) - 1).astype(np.int64)
        return self.entries[index]


def _entries(item: Dataset, count: int) -> np.ndarray:
    """Returns up to so many entries of a table, which are words, or bytes that were packed into words."""
    data = item.get("LUTData")
    if data is None:
        return np.zeros(0, np.int64)
    if not isinstance(data, bytes):
        data = np.asarray(data, np.int64).astype(np.uint16).tobytes()
        order = "="
    else:
        order = ">" if item.original_encoding[1] is False else "<"
    is_bytes = count <= len(data) < 2 * count - 1
    entries = np.frombuffer(data[: len(data) // 2 * 2], np.uint8 if is_bytes else np.dtype(f"{order}u2"))
    return entries[:count].astype(np.int64)


def _is_padding(dataset: Dataset, values: np.ndarray, bits: Bits) -> np.ndarray:
    """Which stored values stand for places outside the detector: from Pixel Padding Value to its Range Limit.

    PS3.3, C.7.5.1.1.2. Both may be written as signed where pixels are not, or the other way round.
    """
    value = dicom_values.whole(dataset, "PixelPaddingValue")
    if value is None:
        return np.zeros(values.shape, bool)
    limit = dicom_values.whole(dataset, "PixelPaddingRangeLimit")
    ends = [_within(end, bits) for end in (value, value if limit is None else limit)]
    return (values >= min(ends)) & (values <= max(ends))


def _within(value: int, bits: Bits) -> int:
    if value < 0 and not bits.is_signed:
        return value + (1 << bits.allocated)
    return value - (1 << bits.allocated) if value > bits.range[1] and bits.is_signed else value
