"""Decodes a PNG once all of it was found undamaged."""

import io
from typing import BinaryIO

import cv2
import numpy as np

from mammo.imaging import limits, png_structure
from mammo.imaging.limits import DamagedError, UnusableError
from mammo.imaging.png_structure import Header


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads what is to be decoded from the head of a file.

    Raises:
        UnusableError: It is damaged, too large, or an animation.
    """
    header = png_structure.read_header(file)
    if header.frames > 1:
        raise UnusableError(f"is an animation of {header.frames:,} pictures (APNG); export one as a grey PNG")
    limits.check(header.height_px, header.width_px, header.decoded_bytes, max_pixels)
    return header


def decode(content: bytes, max_pixels: int) -> np.ndarray:
    """Decodes a whole PNG as it is stored; orientation is not applied.

    Returns:
        uint8 or uint16: [H, W], [H, W, 3] as blue, green and red, or [H, W, 4] with alpha behind them.

    Raises:
        UnusableError: As `read_header`, or it is truncated or corrupt.
    """
    header = read_header(io.BytesIO(content), max_pixels)
    bare = png_structure.check_whole(content, header)
    try:
        pixels = cv2.imdecode(np.frombuffer(bare, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.shape[:2] != (header.height_px, header.width_px):
        raise DamagedError("is corrupt and cannot be decoded")
    if header.colour_type == 0 and len(header.transparency) == 2:  # noqa: PLR2004  OpenCV ignores it for grey levels
        unit = 1 if header.bits == 16 else 255 // (2**header.bits - 1)  # noqa: PLR2004
        level = int.from_bytes(header.transparency, "big")
        pixels[pixels == level % 2**header.bits * unit] = 0  # transparent, as on black
    return pixels
