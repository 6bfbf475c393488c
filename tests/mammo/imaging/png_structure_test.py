import io
import struct
import zlib

import pytest

from mammo.imaging import png_structure
from mammo.imaging.limits import DamagedError

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("length", [0, 8, 12, 14, 13_000])
def test_a_header_of_another_length_is_damaged(length):
    content = SIGNATURE + chunk(b"IHDR", bytes(length))
    with pytest.raises(DamagedError, match="damaged header"):
        png_structure.read_header(io.BytesIO(content))
