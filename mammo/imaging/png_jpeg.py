"""Decodes one grey image, 8 or 16 bit, from the content of a PNG or JPEG file, and says what is wrong with it."""

import io
import pathlib
from typing import BinaryIO

import cv2
import numpy as np
import PIL.Image

from mammo.common.errors import ImageError

PIL.Image.MAX_IMAGE_PIXELS = None  # Pillow's own, lower limit is for what it decodes; here it reads headers only

# What Pillow calls the ways a grey or a colour picture may be stored. CMYK, YCbCr, LAB and floats are not here.
_GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L"})
_COLOUR_MODES = frozenset({"P", "PA", "RGB", "RGBA"})

_MAX_CHANNEL_DIFFERENCE = 8  # of 255: what JPEG's chroma coding leaves between the channels of a grey picture


def read_size(path: pathlib.Path, file: BinaryIO, max_pixels: int) -> tuple[int, int]:
    """Returns (height_px, width_px) from the header of an open file.

    Args:
        path: For messages.
        file: Open at its start; no more than the header is read.
        max_pixels: An image of more is refused.

    Raises:
        ImageError: It is no PNG or JPEG, or its header tells that it must not be decoded.
    """
    try:
        with PIL.Image.open(file, formats=("PNG", "JPEG")) as header:
            width_px, height_px = header.size
            mode = header.mode
    except (PIL.UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise ImageError(path, "is not a PNG, JPEG or DICOM image, or its header is damaged") from None
    if height_px * width_px > max_pixels:
        raise ImageError(
            path, f"has {height_px:,} × {width_px:,} pixels; more than {max_pixels:,} is more than any mammogram"
        )
    if mode not in _GREY_MODES | _COLOUR_MODES:
        raise ImageError(path, f"is stored as {mode}, not as grey levels; export it as a grey PNG")
    return height_px, width_px


def read_pixels(path: pathlib.Path, content: bytes, max_pixels: int) -> np.ndarray:
    """Decodes the grey levels of a file as they are stored.

    A colour file whose channels agree is grey; an alpha channel is ignored.

    Args:
        path: For messages.
        content: Of the file.
        max_pixels: An image of more is refused before it is decoded.

    Returns:
        uint8 or uint16 [H, W].

    Raises:
        ImageError: As `read_size`; or it is truncated, corrupt, or a colour picture.
    """
    read_size(path, io.BytesIO(content), max_pixels)
    _check_end(path, content)
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ImageError(path, "is corrupt and cannot be decoded; copy it again from its source")
    return _to_grey(path, pixels)


def _check_end(path: pathlib.Path, content: bytes) -> None:
    """Decoders fill what a truncated file lacks with grey and say nothing; the end marker tells."""
    end_marker = b"IEND" if content.startswith(b"\x89PNG") else b"\xff\xd9"
    if end_marker not in content[-4096:]:  # not at the very end: some programs pad behind the image
        raise ImageError(path, "is truncated; copy it again from its source")


def _to_grey(path: pathlib.Path, pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(path, f"holds {pixels.dtype} values; 8 or 16 bit integers are known here")
    if pixels.ndim == 2:  # noqa: PLR2004
        return pixels
    colours = pixels[..., :3]
    spread = int((colours.max(-1).astype(np.int32) - colours.min(-1)).max())
    if spread > _MAX_CHANNEL_DIFFERENCE * (257 if pixels.dtype == np.uint16 else 1):
        raise ImageError(path, "is a colour picture; a mammogram is grey")
    return np.ascontiguousarray(pixels[..., 1])
