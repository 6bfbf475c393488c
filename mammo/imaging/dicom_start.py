"""Tells by its first bytes whether a file is DICOM, with or without the preamble and the meta header of PS3.10.

Programs of the time before PS3.10, and some of today, write the data set alone; whatever else lies about must not be
taken for it.
"""

import re
from collections.abc import Iterator

START_BYTES = 1024
"""So many first bytes of a file tell."""

_MAGIC = b"DICM"
_PREAMBLE_BYTES = 128  # before the magic (PS3.10, section 7.1)
_META_START = b"\x02\0\0\0UL\4\0"  # File Meta Information Group Length
_SOP_CLASS_UID, _RECOGNITION_CODE = 0x00080016, 0x00080010
_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_SHORT_VRS = frozenset(
    vr.encode() for vr in re.findall("..", "AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS")
)  # PS3.5, sections 6.2 and 7.1.2


def is_dicom(start: bytes) -> bool:
    """Whether these are the first `START_BYTES` bytes of a DICOM file, or all of it where it has fewer."""
    return first_element_at(start) is not None


def first_element_at(start: bytes) -> int | None:
    """Returns how many bytes stand before the first element; None: it is no DICOM file."""
    if start[_PREAMBLE_BYTES : _PREAMBLE_BYTES + len(_MAGIC)] == _MAGIC:
        return _PREAMBLE_BYTES + len(_MAGIC)
    if start.startswith(_MAGIC + _META_START[:4]):
        return len(_MAGIC)
    if start.startswith(_META_START) or _is_data_set(start):
        return 0
    return None


def has_meta(start: bytes) -> bool:
    """Whether the first element is of the meta header, which says how all others are written."""
    at = first_element_at(start)
    return at is not None and start[at : at + 2] == b"\2\0"


def _is_data_set(start: bytes) -> bool:
    """Whether this begins with elements of group 0008, in their order, of which one names a class of DICOM objects."""
    for is_explicit in (True, False):
        elements = dict(_elements(start, is_explicit))
        if elements.get(_SOP_CLASS_UID, b"").startswith(b"1.2.840.10008."):
            return True
        if elements.get(_RECOGNITION_CODE, b"").startswith(b"ACR-NEMA"):
            return True
    return False


def _elements(start: bytes, is_explicit: bool) -> Iterator[tuple[int, bytes]]:
    """Yields the tags and values at the start, little endian, as far as they are well formed and of group 0008."""
    at, last = 0, 0
    while at + 12 <= len(start):
        tag = int.from_bytes(start[at : at + 2], "little") << 16 | int.from_bytes(start[at + 2 : at + 4], "little")
        if tag >> 16 != 8 or (at and tag <= last):  # noqa: PLR2004
            return
        vr = start[at + 4 : at + 6]
        if not is_explicit:
            value_at, length = at + 8, int.from_bytes(start[at + 4 : at + 8], "little")
        elif vr in _SHORT_VRS:
            value_at, length = at + 8, int.from_bytes(start[at + 6 : at + 8], "little")
        elif vr in _LONG_VRS:
            value_at, length = at + 12, int.from_bytes(start[at + 8 : at + 12], "little")
        else:
            return
        yield tag, start[value_at : value_at + length]
        at, last = value_at + length, tag
