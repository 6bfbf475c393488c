"""Writes small digital mammograms as DICOM files."""

import io
import pathlib
from typing import Any

import numpy as np
import pydicom
import pydicom.dataset
import pydicom.uid


def make(**tags: Any) -> pydicom.dataset.FileDataset:
    """A digital mammogram for presentation that says nothing but these tags; those given as None are left out."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["test"])
    dataset = pydicom.dataset.FileDataset("test", {}, file_meta=meta, preamble=bytes(128))
    for key, value in ({"Modality": "MG"} | tags).items():
        if value is not None:
            setattr(dataset, key, value)
    return dataset


def make_image(pixels: np.ndarray, bits: int, **tags: Any) -> pydicom.dataset.FileDataset:
    """The same with pixels, uint8 or uint16 [H, W], of so many bits that are used."""
    of_pixels = {
        "PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 1, "BitsAllocated": 8 * pixels.dtype.itemsize,
        "BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": 0, "Rows": pixels.shape[0],
        "Columns": pixels.shape[1], "PixelData": pixels.tobytes(),
    }  # fmt: skip
    return make(**(of_pixels | tags))


def write(path: pathlib.Path, dataset: pydicom.dataset.FileDataset) -> pathlib.Path:
    """Writes a file, and returns its path."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path
