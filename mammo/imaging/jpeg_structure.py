"""Reads the markers of a JPEG (ITU-T T.81, annex B): what its decoder will see, and whether all of it is there.

A decoder takes memory as the frame header says and time as there are scans, and fills what is missing with grey. So
both are known before it begins.
"""

import dataclasses
import io
import re
from typing import BinaryIO

import PIL.Image

from mammo.imaging.limits import DamagedError, UnusableError

_SOI, _EOI, _SOS, _DNL, _APP1 = 0xD8, 0xD9, 0xDA, 0xDC, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}  # not DHT, JPG and DAC; SOF55 is JPEG-LS (T.87)
_SEQUENTIAL, _PROGRESSIVE = frozenset({0xC0, 0xC1}), frozenset({0xC2})
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_MAX_SEGMENTS = 10_000  # a photo with profiles and previews has some hundreds; each costs time here
_MAX_FILL_BYTES = 64  # before a marker
_COEFFICIENTS = 64
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed FF nor a restart marker
_END_OF_SCAN_LS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # JPEG-LS stuffs bits, not bytes
_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112


@dataclasses.dataclass(frozen=True)
class Component:
    """A channel, sampled so many times in each direction of a unit."""

    identifier: int
    horizontal: int
    vertical: int


@dataclasses.dataclass(frozen=True)
class Frame:
    """What a decoder will make.

    Attributes:
        process: Second byte of the frame's marker: C0 baseline, C1 extended, C2 progressive, C3 lossless, F7 JPEG-LS.
        bits: Of one sample.
        height_px: Of the image.
        width_px: Of the image.
        components: Its channels.
        orientation: As EXIF tells it, 1 to 8; 1: upright.
    """

    process: int
    bits: int
    height_px: int
    width_px: int
    components: tuple[Component, ...]
    orientation: int = 1

    @property
    def is_progressive(self) -> bool:
        """Whether each coefficient comes in several scans."""
        return self.process in _PROGRESSIVE

    @property
    def is_usual(self) -> bool:
        """Whether this is what is called JPEG everywhere: DCT, Huffman coding, 8 bits."""
        return self.process in _SEQUENTIAL | _PROGRESSIVE and self.bits == 8  # noqa: PLR2004

    @property
    def coefficient_bytes(self) -> int:
        """What a decoder keeps where there are several scans: 16 bits for each coefficient."""
        most_h = max(component.horizontal for component in self.components)
        most_v = max(component.vertical for component in self.components)
        shares = sum(component.horizontal * component.vertical for component in self.components) / (most_h * most_v)
        return int(2 * self.height_px * self.width_px * shares)

    @property
    def working_bytes(self) -> int:
        """What its decoder takes: all channels, and the coefficients of a progressive image."""
        return self.height_px * self.width_px * len(self.components) + self.is_progressive * self.coefficient_bytes


def read_frame(file: BinaryIO) -> Frame:
    """Reads the segments before the first scan, from the current position of a file, and no more.

    Raises:
        UnusableError: They are not those of a JPEG.
    """
    return _read_head(_Segments(file))[0]


def check_whole(content: bytes) -> tuple[Frame, int]:
    """Walks through all markers up to the end of the image; what stands behind it is not looked at.

    Returns:
        The frame, and the number of its scans.

    Raises:
        UnusableError: The image has no end, or not all of its scans are there.
    """
    file = io.BytesIO(content)
    segments = _Segments(file)
    frame, scan = _read_head(segments)
    coverage = _Coverage(frame)
    scans = 0
    end_of_scan = _END_OF_SCAN_LS if frame.process == 0xF7 else _END_OF_SCAN  # noqa: PLR2004
    while True:
        coverage.add(scan)
        scans += 1
        found = end_of_scan.search(content, file.tell())
        if found is None:
            raise DamagedError("is truncated")
        file.seek(found.start())
        marker, scan = segments.next(wanted=frozenset({_SOS}))
        while marker not in (_SOS, _EOI):
            if marker in _FRAMES or marker in (_SOI, _DNL):
                raise DamagedError("is damaged: another image begins within it")
            marker, scan = segments.next(wanted=frozenset({_SOS}))
        if marker == _EOI:
            break
    if not coverage.is_complete():
        raise DamagedError("is truncated: some of its scans are missing")
    return frame, scans


def _read_head(segments: "_Segments") -> tuple[Frame, bytes]:
    """Returns the frame, and the header of the first scan."""
    if segments.next()[0] != _SOI:
        raise DamagedError("is no JPEG")
    frame, orientation = None, None
    wanted = _FRAMES | {_SOS, _APP1}
    while True:
        marker, payload = segments.next(wanted)
        if marker in (_SOI, _EOI) or (marker in _FRAMES and frame):
            raise DamagedError("is damaged: its image has no beginning")
        if marker in _FRAMES:
            frame = _parse_frame(marker, payload)
        elif marker == _APP1 and payload.startswith(_EXIF) and orientation is None:
            orientation = orientation_of(payload.removeprefix(_EXIF))
        elif marker == _SOS:
            if frame is None:
                raise DamagedError("is damaged: its image has no frame")
            return dataclasses.replace(frame, orientation=orientation or 1), payload


def _parse_frame(marker: int, payload: bytes) -> Frame:
    if len(payload) < 6 or len(payload) < 6 + 3 * payload[5] or not payload[5]:  # noqa: PLR2004
        raise DamagedError("has a damaged header")
    components = tuple(
        Component(payload[start], payload[start + 1] >> 4, payload[start + 1] & 15)
        for start in range(6, 6 + 3 * payload[5], 3)
    )
    if any(not 1 <= count <= 4 for part in components for count in (part.horizontal, part.vertical)):  # noqa: PLR2004
        raise DamagedError("has a damaged header")
    height_px, width_px = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    if not height_px or not width_px:
        raise UnusableError(f"has a frame of {height_px} × {width_px} pixels, which is no image")
    return Frame(marker, payload[0], height_px, width_px, components)


def orientation_of(exif: bytes) -> int:
    """Returns the orientation that a block of EXIF (from its TIFF header on) tells, 1 to 8; 1 where it tells none."""
    tags = PIL.Image.Exif()
    try:
        tags.load(_EXIF + exif)
        orientation = tags.get(_ORIENTATION)
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1  # noqa: PLR2004


class _Segments:
    """The marker segments of an open file, one after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._count = 0

    def next(self, wanted: frozenset[int] = frozenset()) -> tuple[int, bytes]:
        """Returns a marker, and its payload where it is wanted; otherwise it is passed over.

        Raises:
            UnusableError: There is none here, or there are too many.
        """
        self._count += 1
        if self._count > _MAX_SEGMENTS:
            raise UnusableError(f"has more than {_MAX_SEGMENTS:,} segments, which is no photograph")
        start = self._file.read(2)
        for _ in range(_MAX_FILL_BYTES):
            if start != b"\xff\xff":
                break
            start = start[1:] + self._file.read(1)
        if len(start) < 2:  # noqa: PLR2004
            raise DamagedError("is truncated")
        if start[0] != 0xFF or start[1] in (0, 0xFF):  # noqa: PLR2004
            raise DamagedError("is damaged: bytes are missing or were added")
        if start[1] in _WITHOUT_LENGTH or start[1] == _EOI:
            return start[1], b""
        length = int.from_bytes(self._file.read(2), "big") - 2
        if length < 0:
            raise DamagedError("is truncated or has a damaged header")
        if start[1] not in wanted:
            self._file.seek(length, io.SEEK_CUR)
            return start[1], b""
        payload = self._file.read(length)
        if len(payload) < length:
            raise DamagedError("is truncated")
        return start[1], payload


class _Coverage:
    """Which bits of which coefficients the scans have given (T.81, G.1.1.1)."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        # The lowest bit that is known of each coefficient: 0 is all of it. Only progressive scans give a part.
        self._lowest_bits = {part.identifier: [_COEFFICIENTS] * _COEFFICIENTS for part in frame.components}

    def add(self, scan: bytes) -> None:
        count = scan[0] if scan else 0
        if not count or len(scan) < 4 + 2 * count:
            raise DamagedError("is damaged: a scan has no header")
        first, last, bits = scan[1 + 2 * count : 4 + 2 * count]
        if not self._frame.is_progressive:
            first, last, bits = 0, _COEFFICIENTS - 1, 0
        for identifier in scan[1 : 1 + 2 * count : 2]:
            if identifier not in self._lowest_bits:
                raise DamagedError("is damaged: a scan is of a channel that is not there")
            self._lowest_bits[identifier][first : last + 1] = [bits & 15] * len(
                self._lowest_bits[identifier][first : last + 1]
            )

    def is_complete(self) -> bool:
        return not any(any(lowest) for lowest in self._lowest_bits.values())
