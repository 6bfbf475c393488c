"""Reads one grey image, 8 or 16 bit, from PNG, JPEG or DICOM, and says in a clause what is wrong with it."""

import contextlib
import io
import pathlib
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import cv2
import numpy as np
import PIL.Image

from mammo.common.errors import ImageError

if TYPE_CHECKING:
    from mammo.imaging.dicom import DicomTags

MAX_PIXELS = 120_000_000
"""More than any film scanner or detector gives (DDSM's largest scan has 30 million pixels). Past it a file is
refused before it is decoded, so that no file can take the memory of the machine."""

PIL.Image.MAX_IMAGE_PIXELS = None  # Pillow's own, lower limit is for what it decodes; here it reads headers only

_DICOM_MAGIC = slice(128, 132)  # behind the preamble stands "DICM" (PS3.10, section 7.1)

# What Pillow calls the ways a grey or a colour picture may be stored. CMYK, YCbCr, LAB and floats are not here.
_GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L"})
_COLOUR_MODES = frozenset({"P", "PA", "RGB", "RGBA"})

_MAX_CHANNEL_DIFFERENCE = 8  # of 255: what JPEG's chroma coding leaves between the channels of a grey picture


def read_pixels(path: pathlib.Path) -> np.ndarray:
    """Reads the grey levels of one image as they are stored.

    The kind of file is told by its content, never by its name. A colour file whose channels agree is grey; an alpha
    channel is ignored. DICOM values are those meant for display (see `dicom.read`).

    Args:
        path: A PNG, JPEG or DICOM file.

    Returns:
        uint8 or uint16 [H, W], brighter meaning denser tissue.

    Raises:
        ImageError: The file is missing, empty, truncated, corrupt, too large, or no grey image of a kind
            known here.
    """
    content = _read_bytes(path)
    if _is_dicom(content):
        from mammo.imaging import dicom  # noqa: PLC0415  pydicom takes a while to import, and most files are none of its

        return dicom.read(path, content, MAX_PIXELS).pixels
    _check_header(path, io.BytesIO(content))
    _check_end(path, content)
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ImageError(path, "is corrupt and cannot be decoded; copy it again from its source")
    return _to_grey(path, pixels)


def read_size(path: pathlib.Path) -> tuple[int, int]:
    """Returns (height_px, width_px) of an image from its header, without reading the rest.

    Raises:
        ImageError: As `read_pixels`, so far as the header shows it.
    """
    with _opened(path) as file:
        if _is_dicom(_start(file)):
            from mammo.imaging import dicom  # noqa: PLC0415  as above

            return dicom.read_size(path, file, MAX_PIXELS)
        return _check_header(path, file)


def read_tags(path: pathlib.Path) -> "DicomTags | None":
    """Returns what the tags of a DICOM file say; None: it is none.

    Raises:
        ImageError: The file is missing, empty, or may not be read, or its tags are damaged.
    """
    with _opened(path) as file:
        if not _is_dicom(_start(file)):
            return None
        from mammo.imaging import dicom  # noqa: PLC0415  as above

        return dicom.read_tags(path, file)


def _is_dicom(content: bytes) -> bool:
    return content[_DICOM_MAGIC] == b"DICM"


def _start(file: BinaryIO) -> bytes:
    """The first bytes of an open file, which is then at its start again."""
    content = file.read(_DICOM_MAGIC.stop)
    file.seek(0)
    return content


def _read_bytes(path: pathlib.Path) -> bytes:
    with _opened(path) as file:
        return file.read()


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[BinaryIO]:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ImageError(path, "is a folder, not an image")
        if not stat.S_ISREG(found.st_mode):  # to open a pipe would wait for ever
            raise ImageError(path, "is no file that holds an image")
        if not found.st_size:
            raise ImageError(path, "is empty (0 bytes); copy it again from its source")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        is_link = path.is_symlink()
        raise ImageError(path, "is a link to a file that is missing" if is_link else "is missing") from None
    except PermissionError:
        raise ImageError(path, "may not be read; change its permissions") from None
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror or error})") from None


def _check_header(path: pathlib.Path, file: BinaryIO) -> tuple[int, int]:
    """Refuses by the header alone what must not be decoded; returns (height_px, width_px)."""
    try:
        with PIL.Image.open(file, formats=("PNG", "JPEG")) as header:
            width_px, height_px = header.size
            mode = header.mode
    except (PIL.UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise ImageError(path, "is not a PNG, JPEG or DICOM image, or its header is damaged") from None
    if height_px * width_px > MAX_PIXELS:
        raise ImageError(
            path, f"has {height_px:,} × {width_px:,} pixels; more than {MAX_PIXELS:,} is more than any mammogram"
        )
    if mode not in _GREY_MODES | _COLOUR_MODES:
        raise ImageError(path, f"is stored as {mode}, not as grey levels; export it as a grey PNG")
    return height_px, width_px


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
