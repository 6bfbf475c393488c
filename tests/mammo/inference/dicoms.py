"""Writes small digital mammograms as DICOM files."""

import io
import pathlib
from typing import Any

import numpy as np
import pydicom
import pydicom.dataset
import pydicom.uid


def write(path: pathlib.Path, pixels: np.ndarray, **tags: Any) -> pathlib.Path:
    """Writes pixels, uint8 or uint16 [H, W], with tags of their own; those given as None are left out."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[path.name])
    bits = 8 * pixels.dtype.itemsize
    values = {
        "Modality": "MG", "PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 1, "BitsAllocated": bits,
        "BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": 0, "Rows": pixels.shape[0],
        "Columns": pixels.shape[1], "PixelData": pixels.tobytes(), "ImageLaterality": "L", "ViewPosition": "CC",
        "PatientName": "Doe^Jane", "PatientID": "4711",
    } | tags  # fmt: skip
    dataset = pydicom.dataset.FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    for key, value in values.items():
        if value is not None:
            setattr(dataset, key, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path
