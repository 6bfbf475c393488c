"""Reads one mammogram from a DICOM file: the grey levels meant for display, and what its tags say of the view."""

import dataclasses
import io
import pathlib
from typing import BinaryIO

import numpy as np
import pydicom
import pydicom.errors
import pydicom.pixels.processing
from pydicom.dataset import Dataset

from mammo import errors

_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
MAGIC_END = _PREAMBLE_BYTES + len(_MAGIC)
"""So many bytes tell whether a file is DICOM."""

_MODALITIES = ("MG", "CR", "DX", "SC", "OT")  # digitised film comes as secondary capture, too
_GREY = ("MONOCHROME1", "MONOCHROME2")


@dataclasses.dataclass(frozen=True)
class DicomImage:
    """One view as its DICOM file gives it. No patient name, number or date is kept.

    Attributes:
        pixels: uint16 [H, W], after the modality and VOI look-up tables, brighter meaning denser tissue.
        spacing_mm: Side of a pixel, or None. At the detector, where Pixel Spacing (0028,0030) is absent.
        laterality: "left", "right" or None, from Image Laterality (0020,0062) or Laterality (0020,0060).
        projection: "cc", "mlo" or None, from View Position (0018,5101).
    """

    pixels: np.ndarray
    spacing_mm: float | None
    laterality: str | None
    projection: str | None


def is_dicom(content: bytes) -> bool:
    """Tells a DICOM file by its magic bytes (PS3.10, section 7.1)."""
    return content[_PREAMBLE_BYTES:MAGIC_END] == _MAGIC


def read_size(path: pathlib.Path, file: BinaryIO) -> tuple[int, int]:
    """Returns (height_px, width_px) from the tags of an open file.

    Raises:
        errors.ImageError: The tags cannot be read.
    """
    dataset = _parse(path, file, stop_before_pixels=True)
    return int(dataset.Rows), int(dataset.Columns)


def read(path: pathlib.Path, content: bytes, max_pixels: int) -> DicomImage:
    """Reads one single-frame grey image.

    Modality LUT, then VOI LUT or window (PS3.3, C.11.1 and C.11.2), then MONOCHROME1 turned over, then stretched over
    the 16 bits: what a viewer shows by default.

    Args:
        path: The file, for messages.
        content: Its bytes.
        max_pixels: More than this is refused before it is decoded.

    Raises:
        errors.ImageError: It is truncated, holds no pixels or several frames, is raw detector data, of another
            modality, too large, or in a transfer syntax that cannot be decoded.
    """
    dataset = _parse(path, io.BytesIO(content), stop_before_pixels=False)
    _check(path, dataset, max_pixels)
    try:
        stored = dataset.pixel_array
    except Exception as error:  # pydicom's decoders raise whatever their plugins do
        syntax = getattr(dataset.file_meta.get("TransferSyntaxUID"), "name", "unknown")
        raise errors.ImageError(path, f"has pixel data ({syntax}) that is truncated or cannot be decoded") from error
    modality_values = pydicom.pixels.processing.apply_modality_lut(stored, dataset)
    shown = np.asarray(pydicom.pixels.processing.apply_voi_lut(modality_values, dataset), np.float32)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = -shown
    low, high = float(shown.min()), float(shown.max())
    pixels = ((shown - low) * (65535.0 / max(high - low, 1e-6))).astype(np.uint16)
    return DicomImage(pixels, _spacing_mm(dataset), _laterality(dataset), _projection(dataset))


def _parse(path: pathlib.Path, file: BinaryIO, *, stop_before_pixels: bool) -> Dataset:
    try:
        dataset = pydicom.dcmread(file, stop_before_pixels=stop_before_pixels)
        _ = dataset.Rows, dataset.Columns
    except AttributeError:
        raise errors.ImageError(path, "is a DICOM file without an image") from None
    except (pydicom.errors.InvalidDicomError, EOFError, OSError, ValueError, KeyError, NotImplementedError):
        raise errors.ImageError(path, "is a truncated or damaged DICOM file") from None
    return dataset


def _check(path: pathlib.Path, dataset: Dataset, max_pixels: int) -> None:
    modality = dataset.get("Modality", "OT")
    if modality not in _MODALITIES:
        raise errors.ImageError(path, f"is of modality {modality}, not a mammogram (MG)")
    if "PixelData" not in dataset:
        raise errors.ImageError(path, "is a DICOM file without pixel data; it may be truncated")
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise errors.ImageError(path, f"has {dataset.NumberOfFrames} frames (tomosynthesis?); one is expected")
    if dataset.get("PresentationIntentType") == "FOR PROCESSING":
        raise errors.ImageError(path, "holds raw detector data (FOR PROCESSING); give the FOR PRESENTATION image")
    if dataset.get("PhotometricInterpretation") not in _GREY:
        raise errors.ImageError(path, f"is {dataset.get('PhotometricInterpretation')}, not grey levels")
    if int(dataset.Rows) * int(dataset.Columns) > max_pixels:
        raise errors.ImageError(
            path, f"has {dataset.Rows:,} × {dataset.Columns:,} pixels; more than {max_pixels:,} is no mammogram"
        )


def _spacing_mm(dataset: Dataset) -> float | None:
    for tag in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        if dataset.get(tag):
            return float(dataset.get(tag)[0])
    return None


def _laterality(dataset: Dataset) -> str | None:
    stated = dataset.get("ImageLaterality") or dataset.get("Laterality")
    return {"L": "left", "R": "right"}.get(str(stated).upper())


def _projection(dataset: Dataset) -> str | None:
    stated = str(dataset.get("ViewPosition", "")).lower()
    return stated if stated in ("cc", "mlo") else None
