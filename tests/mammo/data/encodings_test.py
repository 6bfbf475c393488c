import numpy as np
import pytest

from mammo.config.data import Encoding
from mammo.data import encodings


def test_the_same_image_gives_the_same_bytes():
    image = np.random.default_rng(0).random((40, 30)).astype(np.float32)
    for encoding in Encoding:
        assert encodings.encode_image(image, encoding) == encodings.encode_image(image.copy(), encoding)


def test_raw_is_two_bytes_a_pixel_little_endian():
    image = np.array([[0.0, 1.0, 256 / 65535]], np.float32)
    assert encodings.encode_image(image, Encoding.RAW) == b"\x00\x00\xff\xff\x00\x01"


@pytest.mark.parametrize("encoding", list(Encoding))
def test_black_and_white_survive_every_encoding(encoding):
    assert encodings.encode_image(np.zeros((8, 8), np.float32), encoding)
    assert encodings.encode_image(np.ones((8, 8), np.float32), encoding)
