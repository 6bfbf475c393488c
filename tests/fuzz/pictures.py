"""Readers of images: each goes the whole way from the bytes of a view to what a model sees of it."""

import io
import pathlib
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pydicom
import pydicom.encaps
import pydicom.uid

from mammo.imaging import pixel_path
from mammo.imaging.image_file import ImageFile
from tests import dicoms, drawing
from tests.fuzz.reader import Reader

_HEIGHT_PX, _WIDTH_PX = 96, 64


def read_view(folder: pathlib.Path, content: bytes) -> None:
    """Reads tags, size and pixels, and prepares the view."""
    del folder
    image = ImageFile(content, "view")
    image.read_tags()
    image.read_size()
    pixels = image.read_pixels()
    breast = pixel_path.find_breast(image.shown_path, pixels)
    pixel_path.prepare_view(pixels, breast, 64, 40)


def _view(*, is_16_bit: bool = False) -> np.ndarray:
    return drawing.draw_view(_HEIGHT_PX, _WIDTH_PX, is_16_bit=is_16_bit)


def _pillow(kind: str, pixels: np.ndarray, mode: str | None = None, **options: Any) -> bytes:
    picture, content = PIL.Image.fromarray(pixels), io.BytesIO()
    (picture.convert(mode) if mode else picture).save(content, kind, **options)
    return content.getvalue()


def png_seeds() -> Iterator[bytes]:
    """Grey of 8 and 16 bits, colour, a palette, with transparency."""
    yield _pillow("PNG", _view())
    for mode in ("RGB", "P", "LA"):
        yield _pillow("PNG", _view(), mode)
    yield cv2.imencode(".png", _view(is_16_bit=True))[1].tobytes()


def mend_png(content: bytes) -> bytes:
    """Gives each chunk its right checksum, so far as the lengths of chunks lead."""
    made, place = bytearray(content), 8
    while place + 12 <= len(made):
        end = place + 8 + int.from_bytes(made[place : place + 4], "big")
        if end + 4 > len(made):
            break
        made[end : end + 4] = zlib.crc32(made[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(made)


def jpeg_seeds() -> Iterator[bytes]:
    """Baseline, progressive, with restart markers, in colour, with EXIF."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # Orientation
    options: tuple[dict[str, Any], ...] = ({}, {"progressive": True}, {"restart_marker_rows": 1}, {"exif": exif})
    for option in options:
        yield _pillow("JPEG", _view(), **option)
    yield _pillow("JPEG", _view(), "RGB")


def dicom_seeds() -> Iterator[bytes]:
    """Native, deflated, and with pixels in each coding that is decoded in this process."""
    stored = (_view(is_16_bit=True) // 16).astype(np.uint16)
    eight = _view()
    tags = {"ImageLaterality": "L", "ViewPosition": "CC"}
    window = {"WindowCenter": "2000", "WindowWidth": "3000"}
    yield _dicom(dicoms.make_image(stored, 12, **tags, **window))
    deflated = dicoms.make_image(stored, 12, **tags, **window)
    deflated.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    yield _dicom(deflated)
    for syntax, frame in (
        (pydicom.uid.JPEGBaseline8Bit, _pillow("JPEG", eight)),
        (pydicom.uid.JPEG2000Lossless, _pillow("JPEG2000", eight, no_jp2=True)),
    ):
        coded = dicoms.make_image(eight, 8, PixelData=pydicom.encaps.encapsulate([frame]), **tags)
        coded.file_meta.TransferSyntaxUID = syntax
        coded["PixelData"].VR = "OB"
        yield _dicom(coded)


def _dicom(dataset: pydicom.dataset.FileDataset) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return dicoms.write(pathlib.Path(folder, "view.dcm"), dataset).read_bytes()


READERS: Mapping[str, Reader] = {
    "png": Reader(read_view, png_seeds, mend=mend_png),
    "jpeg": Reader(read_view, jpeg_seeds),
    "dicom": Reader(read_view, dicom_seeds, most_bytes=1 << 15),
}
"""By name."""
