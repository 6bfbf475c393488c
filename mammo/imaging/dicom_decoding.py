"""Undoes the transfer syntax of a DICOM image: from the bytes of a file to its stored values."""

import pathlib

import numpy as np
import pydicom.encaps
import pydicom.pixels.decoders.base
import pydicom.pixels.utils
from pydicom import uid
from pydicom.dataset import Dataset

from mammo.common.errors import ImageError
from mammo.imaging import decoding_apart, jpeg, jpeg2000_structure, jpeg_structure
from mammo.imaging.decoding_apart import Coding
from mammo.imaging.limits import DamagedError, UnusableError

_JPEG2000_SYNTAXES = (uid.JPEG2000Lossless, uid.JPEG2000)
_PROCESSES = {  # that a frame of this syntax may have (PS3.5, section 8.2, and T.81, table B.1)
    uid.JPEGBaseline8Bit: (0xC0, 0xC1),
    uid.JPEGExtended12Bit: (0xC0, 0xC1),
    uid.JPEGLossless: (0xC3,),
    uid.JPEGLosslessSV1: (0xC3,),
    uid.JPEGLSLossless: (0xF7,),
    uid.JPEGLSNearLossless: (0xF7,),
}
_JPEG_SYNTAXES = tuple(_PROCESSES)
_MAX_RLE_SEGMENTS = 15  # PS3.5, section G.5


def check(path: pathlib.Path, dataset: Dataset) -> uid.UID:
    """Refuses pixels that are not there, or that nothing here can decode; returns the transfer syntax.

    What a decoder will see of a compressed frame must be what the tags say: one channel of Rows × Columns, whole.
    """
    if not dataset.get("PixelData"):
        raise ImageError(path, "is a DICOM file without pixel data; it may be truncated")
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not syntax:
        raise ImageError(path, "does not say how its pixels are coded (Transfer Syntax UID); export it again")
    try:
        can_decode = syntax in _JPEG_SYNTAXES or pydicom.pixels.decoders.base.get_decoder(syntax).is_available
    except NotImplementedError:
        can_decode = False
    if not can_decode:
        raise ImageError(path, f"is coded as {syntax.name}, which cannot be decoded here; export it uncompressed")
    if _has_frames(syntax):
        _check_frame(path, dataset, syntax)
        return syntax
    row_bytes = int(dataset.Columns) * int(dataset.BitsAllocated) // 8
    surplus_bytes = len(dataset.PixelData) - int(dataset.Rows) * row_bytes
    if surplus_bytes >= row_bytes:  # less is padding
        raise ImageError(
            path, f"holds more pixels than its size says ({dataset.Rows} × {dataset.Columns}); export it again"
        )
    return syntax


def stored(dataset: Dataset, syntax: uid.UID) -> np.ndarray:
    """Returns the values of the pixels as they are stored, [H, W]; whatever a decoder raises goes to the caller.

    Args:
        dataset: With pixels that `check` let pass.
        syntax: Their transfer syntax.
    """
    if not _has_frames(syntax):
        return pydicom.pixels.utils.pixel_array(dataset)  # which keeps no copy, as the attribute of that name does
    frame = _frame(dataset)
    is_signed = bool(dataset.PixelRepresentation)
    bits_allocated, bits_stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if syntax in _JPEG_SYNTAXES:
        seen, _ = jpeg_structure.check_whole(frame)
        if seen.is_usual:
            values = jpeg.decode(frame, max_pixels=seen.height_px * seen.width_px)  # which `check` found small enough
            return values.view(np.int8) if is_signed else values
        bits_allocated, bits_stored = (8 if seen.bits <= 8 else 16), seen.bits  # noqa: PLR2004
    coding = Coding(
        str(syntax), int(dataset.Rows), int(dataset.Columns), bits_allocated, bits_stored, is_signed,
        str(dataset.PhotometricInterpretation), is_for_gdcm=syntax in _JPEG_SYNTAXES,
    )  # fmt: skip
    return decoding_apart.decode(frame, coding)


def _has_frames(syntax: uid.UID) -> bool:
    """Whether pixels are in compressed frames; where all of a file is deflated, they are not."""
    return syntax.is_compressed and syntax != uid.DeflatedExplicitVRLittleEndian


def _frame(dataset: Dataset) -> bytes:
    return next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))


def _check_frame(path: pathlib.Path, dataset: Dataset, syntax: uid.UID) -> None:
    """Refuses a frame whose header claims another size than the tags, and one that is not whole."""
    frame = _frame(dataset)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    try:
        height_px, width_px, channels = _seen_by_decoder(frame, dataset, syntax)
    except UnusableError as error:
        raise ImageError(path, f"holds a frame ({syntax.name}) that {error}") from None
    if (height_px, width_px) != (rows, columns):
        raise ImageError(
            path,
            f"holds a frame of {height_px:,} × {width_px:,} pixels where its tags say {rows:,} × {columns:,}; "
            "export it again",
        )
    if channels != 1:
        raise ImageError(path, f"holds a frame of {channels} channels where its tags say grey levels; export it again")


def _seen_by_decoder(frame: bytes, dataset: Dataset, syntax: uid.UID) -> tuple[int, int, int]:
    """Returns the height, the width and the number of channels that the frame itself claims."""
    if syntax in _JPEG_SYNTAXES:
        seen, _ = jpeg_structure.check_whole(frame)
        if seen.process not in _PROCESSES[syntax]:
            raise UnusableError("is coded in another way than its tags say; export it again")
        return seen.height_px, seen.width_px, len(seen.components)
    if syntax in _JPEG2000_SYNTAXES:
        stream = jpeg2000_structure.check_whole(frame)
        return stream.height_px, stream.width_px, stream.components
    if syntax == uid.RLELossless:
        _check_rle(frame, int(dataset.BitsAllocated) // 8)
    return int(dataset.Rows), int(dataset.Columns), 1


def _check_rle(frame: bytes, bytes_per_pixel: int) -> None:
    """Checks the header of a frame in RLE: one segment for each byte of a pixel, one behind the other (G.5)."""
    numbers = np.frombuffer(frame[: 4 * (1 + _MAX_RLE_SEGMENTS)], "<u4").astype(np.int64)
    offsets = np.append(numbers[1 : 1 + bytes_per_pixel], len(frame))
    is_sound = len(numbers) > _MAX_RLE_SEGMENTS and numbers[0] == bytes_per_pixel
    if not is_sound or offsets[0] < 4 * len(numbers) or (np.diff(offsets) <= 0).any():
        raise DamagedError("is truncated or has a damaged header")
