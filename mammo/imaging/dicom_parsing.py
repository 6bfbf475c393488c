"""Parses DICOM files from outside: whatever a file holds, it costs no more than what an image of its size may cost."""

import dataclasses
import io
import pathlib
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import pydicom
from pydicom import uid
from pydicom.dataset import FileDataset

from mammo.common.errors import ImageError
from mammo.imaging import dicom_start

DAMAGED = "is a truncated or damaged DICOM file; copy it again from its source"

_MOST_READS = 50_000
"""Of pydicom, some two for each element, at any depth. A mammogram has some hundred elements, a tomosynthesis volume of
100 frames some thousand."""

_MAX_HEADER_BYTES = 16 << 20  # what a deflated file may unpack to before its pixels begin
_MAX_TRAILER_BYTES = 1 << 20  # and behind them
_DEFERRED_BYTES = 1 << 20  # longer values are passed over where no more than the tags are asked for
_CHUNK_BYTES = 1 << 16
_PREAMBLE = bytes(128) + b"DICM"
_EXPLICIT_META = _PREAMBLE + b"\2\0\x10\0UI\x14\0" + b"1.2.840.10008.1.2.1\0"
_ENCODINGS = {
    (True, True): uid.ImplicitVRLittleEndian,
    (False, True): uid.ExplicitVRLittleEndian,
    (False, False): uid.ExplicitVRBigEndian,
}  # by whether the VR is implicit, and whether it is little endian
_UNDEFINED_LENGTH = 0xFFFFFFFF


@dataclasses.dataclass(frozen=True, eq=False)
class Parsed:
    """What was parsed of a file.

    Attributes:
        dataset: Its elements; deflated or not, as if they had been written plainly.
        content: All of the file, with a preamble, for decoders; None: only the tags before its pixels were parsed.
        is_cut: Whether it ends within an element.
        is_deflated: Whether the elements behind the meta header are deflated (PS3.5, A.5).
    """

    dataset: FileDataset
    content: bytes | None = dataclasses.field(repr=False)
    is_cut: bool
    is_deflated: bool = False


def whole(path: pathlib.Path, content: bytes) -> Parsed:
    """Parses all of a file; of a deflated one the tags, since they must tell how large its pixels may be.

    Args:
        path: For messages.
        content: Of the file.

    Raises:
        ImageError: It has more elements than any image.
        Exception: It is damaged; pydicom raises errors of any kind.
    """
    if _deflated_at(content) is not None:
        return dataclasses.replace(header(path, io.BytesIO(content)), content=content)
    start = content[: dicom_start.START_BYTES]
    if not content.startswith(_PREAMBLE[-4:], 128) and dicom_start.has_meta(start):
        content = _PREAMBLE + content[dicom_start.first_element_at(start) or 0 :]
    parsed = _parsed(path, io.BytesIO(content), len(content))
    return dataclasses.replace(parsed, content=content)


def header(path: pathlib.Path, file: BinaryIO) -> Parsed:
    """Parses the tags of an open file, and reads no further than to its pixels.

    Args:
        path: For messages.
        file: Open at its start.

    Raises:
        ImageError: As `whole`; or it is deflated, and its tags take more room than those of any image.
        Exception: As `whole`.
    """
    start = file.read(_CHUNK_BYTES)
    deflated_at = _deflated_at(start)
    if deflated_at is None:
        size_bytes = file.seek(0, io.SEEK_END)
        file.seek(4 if start.startswith(_PREAMBLE[-4:]) else 0)
        return _parsed(path, file, size_bytes, stop_before_pixels=True, defer_size=_DEFERRED_BYTES)
    file.seek(deflated_at)
    inflated = b"".join(_inflated(file, _MAX_HEADER_BYTES))
    plain = io.BytesIO(_EXPLICIT_META + inflated)
    parsed = _parsed(path, plain, len(plain.getbuffer()), stop_before_pixels=True)
    if parsed.is_cut and len(inflated) >= _MAX_HEADER_BYTES:
        raise ImageError(path, f"unpacks to more than {_MAX_HEADER_BYTES >> 20} MiB before its pixels; no image does")
    return dataclasses.replace(parsed, is_deflated=True)


def inflated(path: pathlib.Path, parsed: Parsed, image_bytes: int) -> Parsed:
    """Parses all of a deflated file.

    Args:
        path: For messages.
        parsed: What `whole` made of it.
        image_bytes: So many does its image take, by its tags, which have been checked.

    Raises:
        ImageError: It unpacks to far more than that.
        Exception: As `whole`.
    """
    assert parsed.content is not None
    most_bytes = _MAX_HEADER_BYTES + image_bytes + _MAX_TRAILER_BYTES
    file = io.BytesIO(parsed.content)
    file.seek(_deflated_at(parsed.content) or 0)
    plain = io.BytesIO(_EXPLICIT_META)
    plain.seek(0, io.SEEK_END)
    for piece in _inflated(file, most_bytes + 1):
        plain.write(piece)
    size_bytes = plain.tell()
    if size_bytes > most_bytes:
        raise ImageError(path, f"unpacks to more than {most_bytes >> 20} MiB, far more than its image needs")
    plain.seek(0)
    return _parsed(path, plain, size_bytes)


def _parsed(path: pathlib.Path, file: BinaryIO, size_bytes: int, **options: bool | int) -> Parsed:
    bounded = _Bounded(file, size_bytes)
    try:
        dataset = pydicom.dcmread(bounded, force=True, **options)  # type: ignore[arg-type]
    except Exception:
        if bounded.is_exhausted:
            raise ImageError(path, "has more elements than any image; copy it again from its source") from None
        raise
    _complete(dataset)
    return Parsed(dataset, None, bounded.is_cut)


def _complete(dataset: FileDataset) -> None:
    """Says of a file without a meta header how its elements are written, where its pixels are written plainly."""
    pixels = dataset.get_item("PixelData") if "PixelData" in dataset else None
    is_plain = pixels is None or getattr(pixels, "length", 0) != _UNDEFINED_LENGTH
    if is_plain and not dataset.file_meta.get("TransferSyntaxUID"):
        is_implicit, is_little_endian = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = _ENCODINGS[bool(is_implicit), bool(is_little_endian)]


def _deflated_at(start: bytes) -> int | None:
    """Returns where the deflated part of a file begins; None: it has none. The meta header must be in what is given."""
    at = dicom_start.first_element_at(start[: dicom_start.START_BYTES])
    if at is None:
        return None
    syntax = b""
    while start[at : at + 2] == b"\2\0":  # explicit VR, little endian (PS3.10, section 7.1)
        is_long = start[at + 4 : at + 6] in (b"OB", b"UN", b"UT", b"OW", b"SQ")
        length_at, value_at = (at + 8, at + 12) if is_long else (at + 6, at + 8)
        length = int.from_bytes(start[length_at:value_at], "little")
        if start[at + 2 : at + 4] == b"\x10\0":
            syntax = start[value_at : value_at + length]
        at = value_at + length
    return at if syntax.strip(b"\0 ") == uid.DeflatedExplicitVRLittleEndian.encode() else None


def _inflated(file: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    """Yields what the rest of a file unpacks to, no more than so many bytes of it."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    left = most_bytes
    while left and not inflater.eof:
        packed = inflater.unconsumed_tail or file.read(_CHUNK_BYTES)
        piece = inflater.decompress(packed, min(left, 16 * _CHUNK_BYTES))
        if not packed and not piece:
            return  # it ends before its end
        left -= len(piece)
        yield piece


class _Bounded:
    """What pydicom reads from: a file that is read so often and no more, and whose end is where it is.

    Attributes:
        is_cut: Whether more was asked for than there is.
        is_exhausted: Whether it was read too often.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file, self._start = file, file.tell()
        self._size_bytes = size_bytes
        self._left_reads = _MOST_READS
        self.is_cut = False

    @property
    def is_exhausted(self) -> bool:
        return self._left_reads <= 0

    def read(self, size: int = -1) -> bytes:
        self._left_reads -= 1
        if self.is_exhausted:
            raise ValueError("read too often")
        left = max(self._size_bytes - self._file.tell(), 0)
        if size > left:  # the reader would make room for all that it is asked for, before it finds that there is less
            self.is_cut |= left > 0 or size > 8  # noqa: PLR2004  at the end pydicom looks for one more tag
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset + (self._start if whence == io.SEEK_SET else 0), whence) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start
