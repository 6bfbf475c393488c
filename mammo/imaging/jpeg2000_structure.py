"""Reads the markers of a JPEG 2000 code-stream (ITU-T T.800, annex A): what its decoder will see, and if it is whole.

A decoder fills what is missing of a tile with what it has, and says nothing.
"""

import dataclasses

from mammo.imaging.limits import DamagedError, UnusableError

_SOC, _SIZ, _SOT, _EOC = b"\xff\x4f", b"\xff\x51", b"\xff\x90", b"\xff\xd9"
_SIGNATURE_BOX = b"\0\0\0\x0cjP  "
_CODE_STREAM_BOX = b"jp2c"
_SIZ_BYTES = 38  # without components
_SOT_BYTES = 12
_MAX_TILES = 16_384  # a decoder takes some kB for each; a large view in tiles of 64 × 64 has 7,000
_MAX_SEGMENTS = 10_000  # or boxes around it
_MAX_PARTS = 4 * _MAX_TILES


@dataclasses.dataclass(frozen=True)
class CodeStream:
    """What a decoder will make.

    Attributes:
        height_px: Of the image.
        width_px: Of the image.
        components: Its channels.
        tiles: Parts that it is coded in.
    """

    height_px: int
    width_px: int
    components: int
    tiles: int


def check_whole(content: bytes) -> CodeStream:
    """Walks through all parts of all tiles up to the end of the code-stream, which may lie within a file JP2.

    Raises:
        UnusableError: It is damaged, or of more tiles than any mammogram.
    """
    start = _start_of_code_stream(content)
    stream = _parse_size(content[start : start + 2 + _SIZ_BYTES + 2])
    place = _first_tile_part(content, start + 2)
    found: set[int] = set()
    for _ in range(_MAX_PARTS):
        if content[place : place + 2] == _EOC:
            if len(found) < stream.tiles:
                raise DamagedError("is truncated: some of its tiles are missing")
            return stream
        header = content[place : place + _SOT_BYTES]
        if header[:2] != _SOT or len(header) < _SOT_BYTES:
            raise DamagedError("is truncated or damaged: a tile does not end where it should")
        found.add(int.from_bytes(header[4:6], "big"))
        length = int.from_bytes(header[6:10], "big")
        place = place + length if length else max(content.rfind(_EOC, place), place + 1)  # 0: up to the end of all
    raise UnusableError(f"comes in more than {_MAX_PARTS:,} parts, which is no mammogram")


def _start_of_code_stream(content: bytes) -> int:
    place = 0
    for _ in range(_MAX_SEGMENTS if content.startswith(_SIGNATURE_BOX) else 0):
        length = int.from_bytes(content[place : place + 4], "big")
        if content[place + 4 : place + 8] == _CODE_STREAM_BOX:
            place += 8 if length != 1 else 16
            break
        if length < 8:  # noqa: PLR2004  a box holds its length and its kind
            raise DamagedError("is damaged: its code-stream is missing")
        place += length
    if content[place : place + 2] != _SOC:
        raise DamagedError("is no JPEG 2000")
    return place


def _parse_size(start: bytes) -> CodeStream:
    """Parses the marker SIZ, which stands behind the first one (A.5.1)."""
    if start[2:4] != _SIZ or len(start) < 2 + _SIZ_BYTES:
        raise DamagedError("has a damaged header")
    numbers = [int.from_bytes(start[place : place + 4], "big") for place in range(8, 40, 4)]
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = numbers
    width_px, height_px = right - left, bottom - top
    if min(width_px, height_px, tile_width, tile_height) < 1 or tile_left > left or tile_top > top:
        raise DamagedError("has a damaged header")
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if tiles > _MAX_TILES:
        raise UnusableError(f"comes in {tiles:,} tiles; more than {_MAX_TILES:,} is no mammogram")
    return CodeStream(height_px, width_px, int.from_bytes(start[40:42], "big"), tiles)


def _first_tile_part(content: bytes, place: int) -> int:
    """Passes over the segments of the main header."""
    for _ in range(_MAX_SEGMENTS):
        if content[place : place + 2] == _SOT:
            return place
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        if content[place : place + 1] != b"\xff" or length < 2:  # noqa: PLR2004
            raise DamagedError("is truncated or has a damaged header")
        place += 2 + length
    raise UnusableError(f"has more than {_MAX_SEGMENTS:,} segments, which is no mammogram")
