import struct
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest

from mammo.common.errors import ImageError
from mammo.imaging.image_file import ImageFile
from tests import drawing


@pytest.mark.parametrize("is_16_bit", [False, True])
def test_a_png_comes_back_as_it_was_stored(tmp_path, is_16_bit):
    stored = drawing.draw_view(is_16_bit=is_16_bit)
    read = ImageFile(drawing.write(tmp_path / "view.png", stored)).read_pixels()
    assert read.dtype == stored.dtype
    np.testing.assert_array_equal(read, stored)


def test_a_jpeg_is_near_what_was_stored(tmp_path):
    stored = drawing.draw_view()
    read = ImageFile(drawing.write(tmp_path / "view.jpg", stored)).read_pixels()
    assert np.abs(read.astype(int) - stored).mean() < 1.5


def test_colour_files_with_grey_content_are_grey(tmp_path):
    stored = drawing.draw_view()
    for channels, name in ((cv2.COLOR_GRAY2BGR, "bgr.png"), (cv2.COLOR_GRAY2BGRA, "bgra.png")):
        read = ImageFile(drawing.write(tmp_path / name, cv2.cvtColor(stored, channels))).read_pixels()
        np.testing.assert_array_equal(read, stored)


def test_the_size_is_read_without_decoding(tmp_path):
    path = drawing.write(tmp_path / "view.png", drawing.draw_view(300, 200))
    path.write_bytes(path.read_bytes()[:200])  # the header only
    assert ImageFile(path).read_size() == (300, 200)


def _png_header(height: int, width: int) -> bytes:
    """The beginning of a PNG that claims a size (PNG specification, section 11.2.2)."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def _bad_files(folder):
    png = drawing.write(folder / "good.png", drawing.draw_view()).read_bytes()
    jpeg = drawing.write(folder / "good.jpg", drawing.draw_view()).read_bytes()
    colour = np.dstack([drawing.draw_view(seed=0), drawing.draw_view(seed=1)[::-1], drawing.draw_view(seed=2)])
    drawing.write(folder / "colour.png", colour)
    cmyk = folder / "cmyk.jpg"
    PIL.Image.fromarray(drawing.draw_view()).convert("CMYK").save(cmyk)
    tiff = folder / "scan.tiff"
    PIL.Image.fromarray(drawing.draw_view()).save(tiff)
    damaged = bytearray(png)
    damaged[len(png) // 2 : len(png) // 2 + 400] = bytes(400)
    return {
        "is empty": b"",
        "is truncated": png[: len(png) // 2],
        "truncated": jpeg[: len(jpeg) // 2],
        "is a text file, not a PNG, JPEG or DICOM": b"these are not the pixels you are looking for",
        "is a TIFF image, which is not read here": tiff.read_bytes(),
        "stored as CMYK": cmyk.read_bytes(),
        "50,000 × 50,000": _png_header(50_000, 50_000) + png[33:],
        "12,000 × 11,000 pixels; more than 100,000,000": _png_header(12_000, 11_000) + png[33:],
        "colour picture": (folder / "colour.png").read_bytes(),
        "is corrupt": bytes(damaged),
    }


def test_each_bad_file_has_its_sentence(tmp_path):
    for expected, content in _bad_files(tmp_path).items():
        path = tmp_path / "bad.png"
        path.write_bytes(content)
        with pytest.raises(ImageError) as caught:
            ImageFile(path).read_pixels()
        assert expected in caught.value.reason, expected
        assert str(path) in str(caught.value)
