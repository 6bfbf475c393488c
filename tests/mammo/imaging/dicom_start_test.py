import struct

import pytest

from mammo.imaging import dicom_start
from tests import dicoms

MAMMOGRAPHY = b"1.2.840.10008.5.1.4.1.1.1.2\0"


def explicit(element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 8, element, vr, len(value)) + value


def implicit(element: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 8, element, len(value)) + value


TYPE, CLASS = b"DERIVED\\PRIMARY ", MAMMOGRAPHY


def test_the_magic_tells_with_a_preamble_and_without(tmp_path):
    content = dicoms.write(tmp_path / "view.dcm", dicoms.make()).read_bytes()
    for start, at in ((content, 132), (content[128:], 4), (content[132:], 0)):
        assert dicom_start.first_element_at(start[: dicom_start.START_BYTES]) == at
        assert dicom_start.has_meta(start)


@pytest.mark.parametrize(
    "start",
    [
        explicit(8, b"CS", TYPE) + explicit(0x16, b"UI", CLASS),
        explicit(0, b"UL", bytes(4)) + explicit(8, b"CS", TYPE) + explicit(0x16, b"UI", CLASS),
        implicit(8, TYPE) + implicit(0x16, CLASS),
        implicit(0, bytes(4)) + implicit(1, bytes(4)) + implicit(0x10, b"ACR-NEMA 2.0"),
    ],
)
def test_a_data_set_alone_names_its_class(start):
    assert dicom_start.first_element_at(start + bytes(40)) == 0
    assert not dicom_start.has_meta(start)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"DICM",
        b"DICM says hello",
        bytes(2000),
        bytes(128) + b"DIC",
        b"\x08\0\0\0" * 100,
        implicit(8, TYPE) + implicit(0x18, b"1.2.840.10008.1 "),  # without its class
        implicit(0x16, b"not a class "),
        implicit(0x18, b"1.2.3.4 ") + implicit(0x16, CLASS),  # out of order
        explicit(8, b"XX", TYPE) + explicit(0x16, b"UI", CLASS),
        implicit(8, TYPE) + b"\x10\0" + implicit(0x16, CLASS)[2:],  # of another group
        b"\x89PNG\r\n\x1a\n" + bytes(1000),
        b"\xff\xd8\xff\xe0" + bytes(1000),
        b"<!DOCTYPE html>" + b" " * 1000,
    ],
)
def test_whatever_else_lies_about_is_not_taken_for_dicom(start):
    assert not dicom_start.is_dicom(start)
