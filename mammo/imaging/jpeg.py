"""Decodes a JPEG; whatever its decoder would only warn of is an error here."""

import io
from typing import BinaryIO

import numpy as np
import simplejpeg

from mammo.imaging import jpeg_structure, limits
from mammo.imaging.jpeg_structure import Frame
from mammo.imaging.limits import DamagedError, UnusableError

_MAX_SCANS_OF_LARGEST = 16  # usual progressive files have 6 scans (grey) or 10 (colour)
_PROCESSES = {0xC3: "a lossless JPEG", 0xF7: "a JPEG-LS image"}  # as DDSM's LJPEG
_OTHER_PROCESS = "a JPEG with hierarchical or arithmetic coding"


def read_frame(file: BinaryIO, max_pixels: int) -> Frame:
    """Reads what is to be decoded from the head of a file.

    Raises:
        UnusableError: It is damaged, too large, or of a kind that is not read here.
    """
    frame = jpeg_structure.read_frame(file)
    _check(frame)
    limits.check(frame.height_px, frame.width_px, frame.working_bytes, max_pixels)
    return frame


def decode(content: bytes, max_pixels: int) -> np.ndarray:
    """Decodes a whole JPEG as it is stored; orientation is not applied, and what stands behind its end is ignored.

    Returns:
        uint8 [H, W], or [H, W, 3] as blue, green and red.

    Raises:
        UnusableError: As `read_frame`, or it is truncated or corrupt.
    """
    read_frame(io.BytesIO(content), max_pixels)
    frame, scans = jpeg_structure.check_whole(content)
    if scans > 1 and not frame.is_progressive:  # it keeps coefficients all the same
        working_bytes = frame.working_bytes + frame.coefficient_bytes
        limits.check(frame.height_px, frame.width_px, working_bytes, max_pixels)
    if scans * frame.coefficient_bytes > _MAX_SCANS_OF_LARGEST * 2 * max_pixels:
        raise UnusableError(f"comes in {scans:,} scans, more than any photograph; export it as a grey PNG")
    is_grey = len(frame.components) == 1
    try:
        pixels = simplejpeg.decode_jpeg(content, colorspace="GRAY" if is_grey else "BGR", strict=True)
    except ValueError:  # its message is libjpeg's own, of no use to a reader
        raise DamagedError("is truncated or corrupt") from None
    return pixels[..., 0] if is_grey else pixels


def _check(frame: Frame) -> None:
    if not frame.is_usual:
        kind = _PROCESSES.get(frame.process, _OTHER_PROCESS)
        if frame.process in (0xC0, 0xC1, 0xC2):
            kind = f"a JPEG of {frame.bits} bits"
        raise UnusableError(f"is {kind}, which is not read here; export it as a grey PNG")
    channels = len(frame.components)
    if channels not in (1, 3):
        stored = "CMYK" if channels == 4 else f"{channels} channels"  # noqa: PLR2004
        raise UnusableError(f"is stored as {stored}, not as grey levels; export it as a grey PNG")
