"""Reads the chunks of a PNG (ISO/IEC 15948): what a decoder will see, and if all of it is there and undamaged."""

import dataclasses
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from mammo.imaging import jpeg_structure
from mammo.imaging.limits import DamagedError, UnusableError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type (table 11.1)
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_ANCILLARY = 0x20  # a bit of the first letter (section 5.4): a small letter, needed by no decoder
_HEADER_BYTES = 13
_MAX_CHUNKS = 200_000  # the smallest pieces that encoders write are of some kB; each costs time here
_MAX_EXIF_BYTES = 1 << 16
_PIECE_BYTES = 1 << 18


@dataclasses.dataclass(frozen=True)
class Header:
    """What a decoder will make.

    Attributes:
        height_px: Of the image.
        width_px: Of the image.
        bits: Of one sample.
        colour_type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
        is_interlaced: Whether its rows come in seven passes.
        transparency: Of a chunk tRNS: the level or the colour that is transparent, or the alphas of a palette.
        frames: Of an animation; 1: it is none.
        orientation: As EXIF tells it, 1 to 8; 1: upright.
    """

    height_px: int
    width_px: int
    bits: int
    colour_type: int
    is_interlaced: bool
    transparency: bytes = b""
    frames: int = 1
    orientation: int = 1

    @property
    def working_bytes(self) -> int:
        """What the decoded image takes."""
        channels = 4 if self.colour_type == _PALETTE or self.transparency else _CHANNELS[self.colour_type]
        return self.height_px * self.width_px * (4 if channels == 2 else channels) * (2 if self.bits == 16 else 1)  # noqa: PLR2004

    @property
    def stored_bytes(self) -> int:
        """What the compressed data inflate to: rows, each with a byte for its filter."""
        bits = self.bits * _CHANNELS[self.colour_type]
        passes = _ADAM7 if self.is_interlaced else ((0, 0, 1, 1),)
        total = 0
        for x, y, step_x, step_y in passes:
            width, height = -(-(self.width_px - x) // step_x), -(-(self.height_px - y) // step_y)
            if width > 0 and height > 0:
                total += height * (1 + (width * bits + 7) // 8)
        return total


def read_header(file: BinaryIO) -> Header:
    """Reads the header, and the chunks that change what is shown, so far as the file goes; image data are passed over.

    Raises:
        UnusableError: It is no header of a PNG.
    """
    chunks = _chunks(file, are_data_read=False)
    kind, data = next(chunks, (b"", b""))
    if kind != b"IHDR" or len(data) != _HEADER_BYTES:
        raise DamagedError("has a damaged header")
    header = _parse_header(data)
    try:
        for kind, data in chunks:
            if kind == b"tRNS":
                header = dataclasses.replace(header, transparency=data)
            elif kind == b"acTL":
                header = dataclasses.replace(header, frames=int.from_bytes(data[:4], "big"))
            elif kind == b"eXIf":
                header = dataclasses.replace(header, orientation=jpeg_structure.orientation_of(data))
    except TruncatedError:
        pass  # whoever decodes it will say so; its size is known
    return header


def check_whole(content: bytes, header: Header) -> bytes:
    """Checks every chunk by its checksum, and that the image data inflate to as many bytes as the header asks for.

    Returns:
        The image without what only describes it: profiles and texts, which may be packed, cost a decoder memory.

    Raises:
        UnusableError: It is damaged.
    """
    needed = [_SIGNATURE]
    inflater, left = zlib.decompressobj(), header.stored_bytes
    try:
        for kind, data in _chunks(io.BytesIO(content), are_data_read=True):
            if kind in _NEEDED:
                needed.append(_pack(kind, data))
            elif not kind[0] & _ANCILLARY:
                raise UnusableError("is a PNG of a private kind, which no viewer but its maker's reads")
            if kind == b"IDAT":
                left -= _inflated_bytes(inflater, data, left)
    except zlib.error:
        raise DamagedError("is corrupt: its pixels cannot be unpacked") from None
    if left or not inflater.eof:
        raise DamagedError("is truncated: it holds fewer pixels than its header says")
    return b"".join(needed)


def _inflated_bytes(inflater: "zlib._Decompress", data: bytes, most: int) -> int:
    """Returns to how many bytes a chunk inflates; it is not kept.

    Raises:
        DamagedError: More than so many, or something stands behind their end.
        zlib.error: They cannot be inflated.
    """
    inflated = 0
    for start in range(0, len(data), _PIECE_BYTES):  # in pieces: what is not consumed yet is copied each time
        piece = data[start : start + _PIECE_BYTES]
        while piece:
            inflated += len(inflater.decompress(piece, _PIECE_BYTES))
            if inflated > most or inflater.unused_data:
                raise DamagedError("is corrupt: it holds more pixels than its header says")
            piece = inflater.unconsumed_tail
    return inflated


def _pack(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(data, zlib.crc32(kind)).to_bytes(4, "big")


class TruncatedError(DamagedError):
    """The file ends before its last chunk."""


def _chunks(file: BinaryIO, *, are_data_read: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yields the kind of each chunk, and its data: all, checked, or only those that `read_header` asks for."""
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        raise DamagedError("is no PNG")
    wanted = {b"IHDR": _HEADER_BYTES, b"tRNS": 256, b"acTL": 8, b"eXIf": _MAX_EXIF_BYTES}  # by how long it may be
    for _ in range(_MAX_CHUNKS):
        start = file.read(8)
        if len(start) < 8:  # noqa: PLR2004
            raise TruncatedError("is truncated")
        length, kind = int.from_bytes(start[:4], "big"), start[4:]
        if are_data_read or length <= wanted.get(kind, -1):
            data, checksum = file.read(length), file.read(4)
            if len(data) < length or len(checksum) < 4:  # noqa: PLR2004
                raise TruncatedError("is truncated")
            if zlib.crc32(data, zlib.crc32(kind)) != int.from_bytes(checksum, "big"):
                raise DamagedError("is corrupt: a checksum in it is wrong")
            yield kind, data
        else:
            file.seek(length + 4, io.SEEK_CUR)
            yield kind, b""
        if kind == b"IEND":
            return
    raise UnusableError(f"has more than {_MAX_CHUNKS:,} chunks, which is no picture")


def _parse_header(data: bytes) -> Header:
    width_px, height_px = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
    bits, colour_type, compression, filters, interlace = data[8:13]
    if bits not in _DEPTHS.get(colour_type, ()) or compression or filters or interlace > 1:
        raise DamagedError("has a damaged header")
    if not height_px or not width_px:
        raise UnusableError(f"has {height_px} × {width_px} pixels, which is no image")
    return Header(height_px, width_px, bits, colour_type, bool(interlace))
