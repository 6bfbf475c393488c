"""Reads one grey image, 8 or 16 bit, from the content of a PNG or JPEG file, as a viewer shows it."""

import contextlib
import io
import pathlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from mammo.common.errors import ImageError
from mammo.imaging import file_kinds, jpeg, png, polarity
from mammo.imaging.file_kinds import Format
from mammo.imaging.limits import UnusableError

_MAX_CHANNEL_DIFFERENCE = 8  # of 255: what JPEG's chroma coding leaves between the channels of a grey picture
_BLOCK_ROWS = 256  # what is computed of a colour picture at a time, so that it takes little memory
_ALPHA = 3


def read_size(path: pathlib.Path, file: BinaryIO, max_pixels: int) -> tuple[int, int]:
    """Returns (height_px, width_px) of the upright image from the header of an open file.

    Args:
        path: For messages.
        file: Open at its start; no more than the header is read.
        max_pixels: An image of more, or of as many bytes in colour, is refused.

    Raises:
        ImageError: It is no PNG or JPEG, or its header tells that it must not be decoded.
    """
    height_px, width_px, orientation = _read_header(path, file, max_pixels)
    return (width_px, height_px) if orientation >= 5 else (height_px, width_px)  # noqa: PLR2004


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
    *_, orientation = _read_header(path, io.BytesIO(content), max_pixels)
    with _refused(path):
        is_png = file_kinds.kind_of(content[: file_kinds.START_BYTES]).format == Format.PNG
        decoded = (png if is_png else jpeg).decode(content, max_pixels)
        grey = decoded if decoded.ndim == 2 else _to_grey(decoded)  # noqa: PLR2004
    return _upright(_with_dark_background(path, grey), orientation)


def _read_header(path: pathlib.Path, file: BinaryIO, max_pixels: int) -> tuple[int, int, int]:
    """Returns the height and the width as they are stored, and the orientation as EXIF tells it."""
    start = file.read(file_kinds.START_BYTES)
    file.seek(-len(start), io.SEEK_CUR)
    kind = file_kinds.kind_of(start)
    with _refused(path):
        if kind.format == Format.PNG:
            header = png.read_header(file, max_pixels)
            return header.height_px, header.width_px, header.orientation
        if kind.format == Format.JPEG:
            frame = jpeg.read_frame(file, max_pixels)
            return frame.height_px, frame.width_px, frame.orientation
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


def _with_dark_background(path: pathlib.Path, grey: np.ndarray) -> np.ndarray:
    if polarity.is_two_valued(grey):  # a mask
        return grey
    is_inverted = polarity.is_inverted(grey)
    if is_inverted is None:
        raise ImageError(
            path, "has a bright background, and may be inverted; export it with a black background, as viewers show it"
        )
    return grey.max() - grey if is_inverted else grey


def _upright(grey: np.ndarray, orientation: int) -> np.ndarray:
    """Turns an image as EXIF 2.32, tag 274, says: where its first row and its first column belong."""
    mirrored = grey[:, ::-1] if orientation in (2, 4, 5, 7) else grey
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}[orientation]
    return np.ascontiguousarray(np.rot90(mirrored, turns))
