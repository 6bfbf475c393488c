"""Reads one grey image, 8 or 16 bit, from the content of a PNG or JPEG file, as a viewer shows it."""

import contextlib
import io
import pathlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from mammo.common.errors import ImageError
from mammo.imaging import file_kinds, jpeg, limits, png, polarity
from mammo.imaging.file_kinds import Format
from mammo.imaging.jpeg_structure import Frame
from mammo.imaging.limits import UnusableError
from mammo.imaging.png_structure import Header
from mammo.imaging.turns import UPRIGHT, Turn

_MAX_CHANNEL_DIFFERENCE = 8  # of 255: what JPEG's chroma coding leaves between the channels of a grey picture
_BLOCK_ROWS = 256  # what is computed of a colour picture at a time, so that it takes little memory
_ALPHA = 3
_TURNS = {
    1: UPRIGHT, 2: Turn(0, is_mirrored=True), 3: Turn(2), 4: Turn(2, is_mirrored=True),
    5: Turn(3, is_mirrored=True), 6: Turn(1), 7: Turn(1, is_mirrored=True), 8: Turn(3),
}  # fmt: skip
"""By EXIF's orientation (EXIF 2.32, tag 274), which says where the first row and the first column belong."""

_COPIES = 2  # of what the decoder takes: what is turned upright is copied


def read_size(path: pathlib.Path, file: BinaryIO, max_pixels: int) -> tuple[int, int]:
    """Returns (height_px, width_px) of the upright image from the header of an open file.

    Args:
        path: For messages.
        file: Open at its start; no more than the header is read.
        max_pixels: An image of more, or of as many bytes in colour, is refused.

    Raises:
        ImageError: It is no PNG or JPEG, or its header tells that it must not be decoded.
    """
    header = _read_header(path, file, max_pixels)
    is_on_side = _TURNS[header.orientation].quarters % 2 == 1
    return (header.width_px, header.height_px) if is_on_side else (header.height_px, header.width_px)


def read_pixels(path: pathlib.Path, content: bytes, max_pixels: int) -> np.ndarray:
    """Decodes the grey levels of a file as they are stored, and turns what a viewer would turn.

    A colour file whose channels agree is grey. What is transparent is black. A mammogram that is stored inverted is
    turned over: black is the film without tissue.

    Args:
        path: For messages.
        content: Of the file.
        max_pixels: An image of more, or of as many bytes in colour, is refused before it is decoded.

    Returns:
        uint8 or uint16 [H, W].

    Raises:
        ImageError: As `read_size`; or it is truncated, corrupt, or a colour picture.
    """
    header = _read_header(path, io.BytesIO(content), max_pixels)
    with _refused(path), limits.decoding(_COPIES * header.working_bytes):
        decoded = (png if isinstance(header, Header) else jpeg).decode(content, max_pixels)
        grey = decoded if decoded.ndim == 2 else _to_grey(decoded)  # noqa: PLR2004
        return _TURNS[header.orientation].apply(_with_dark_background(grey))


def _read_header(path: pathlib.Path, file: BinaryIO, max_pixels: int) -> Header | Frame:
    start = file.read(file_kinds.START_BYTES)
    file.seek(-len(start), io.SEEK_CUR)
    kind = file_kinds.kind_of(start)
    with _refused(path):
        if kind.format == Format.PNG:
            return png.read_header(file, max_pixels)
        if kind.format == Format.JPEG:
            return jpeg.read_frame(file, max_pixels)
    if kind.format == Format.PICTURE:
        raise ImageError(path, f"is {kind.name}, which is not read here; export it as a grey PNG")
    if kind.name:
        raise ImageError(path, f"is {kind.name}, not a PNG, JPEG or DICOM image")
    raise ImageError(path, "is not a PNG, JPEG or DICOM image, or its header is damaged")


@contextlib.contextmanager
def _refused(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except UnusableError as error:
        raise ImageError(path, str(error)) from None


def _to_grey(colours: np.ndarray) -> np.ndarray:
    """Returns the green channel, on black where there is an alpha channel, once the channels were found to agree."""
    grey = np.empty(colours.shape[:2], colours.dtype)
    most = np.iinfo(colours.dtype).max
    for start in range(0, len(colours), _BLOCK_ROWS):
        block = colours[start : start + _BLOCK_ROWS].astype(np.int32)
        if block.shape[2] > _ALPHA:
            block = block[..., :_ALPHA] * block[..., _ALPHA:] // most if block[..., _ALPHA].min() < most else block
        shown = block[..., :_ALPHA]
        if (shown.max(-1) - shown.min(-1)).max() > _MAX_CHANNEL_DIFFERENCE * most // 255:
            raise UnusableError("is a colour picture; a mammogram is grey")
        grey[start : start + _BLOCK_ROWS] = shown[..., 1]
    return grey


def _with_dark_background(grey: np.ndarray) -> np.ndarray:
    if polarity.is_two_valued(grey):  # a mask
        return grey
    is_inverted = polarity.is_inverted(grey)
    if is_inverted is None:
        raise UnusableError(
            "has a bright background, and may be inverted; export it with a black background, as viewers show it"
        )
    return np.subtract(grey.max(), grey, out=grey) if is_inverted else grey
