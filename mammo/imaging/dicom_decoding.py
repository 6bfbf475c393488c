"""Undoes the transfer syntax of a DICOM image: from the bytes of a file to its stored values."""

import pathlib

import numpy as np
import pydicom.pixels.decoders.base
from pydicom import uid
from pydicom.dataset import Dataset

from mammo.common.errors import ImageError
from mammo.imaging import decoding_apart

_PILLOW_SYNTAXES = (uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEG2000)
_GDCM_SYNTAXES = (
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
)
"""What GDCM alone decodes. Damaged data make it abort the process that it runs in now and then, and Pillow not."""


def check(path: pathlib.Path, dataset: Dataset) -> uid.UID:
    """Refuses pixels that are not there, or that nothing here can decode; returns the transfer syntax."""
    if not dataset.get("PixelData"):
        raise ImageError(path, "is a DICOM file without pixel data; it may be truncated")
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not syntax:
        raise ImageError(path, "does not say how its pixels are coded (Transfer Syntax UID); export it again")
    try:
        can_decode = pydicom.pixels.decoders.base.get_decoder(syntax).is_available
    except NotImplementedError:
        can_decode = False
    if not can_decode:
        raise ImageError(path, f"is coded as {syntax.name}, which cannot be decoded here; export it uncompressed")
    row_bytes = int(dataset.Columns) * int(dataset.BitsAllocated) // 8
    surplus_bytes = len(dataset.PixelData) - int(dataset.Rows) * row_bytes
    if not syntax.is_compressed and surplus_bytes >= row_bytes:  # less is padding
        raise ImageError(
            path, f"holds more pixels than its size says ({dataset.Rows} × {dataset.Columns}); export it again"
        )
    return syntax


def stored(dataset: Dataset, content: bytes, syntax: uid.UID) -> np.ndarray:
    """Returns the values of the pixels as they are stored, [H, W]; whatever a decoder raises goes to the caller."""
    if syntax in _GDCM_SYNTAXES:
        return decoding_apart.decode(content)
    if syntax in _PILLOW_SYNTAXES:
        dataset.pixel_array_options(decoding_plugin="pillow")
    return dataset.pixel_array
