import io

import numpy as np
import PIL.Image
import pydicom
import pytest

from mammo.imaging import file_kinds
from mammo.imaging.file_kinds import Format, Kind
from tests import dicoms, drawing

VIEW = drawing.draw_view()


def _written_by_pillow(kind: str) -> bytes:
    written = io.BytesIO()
    PIL.Image.fromarray(VIEW).save(written, kind)
    return written.getvalue()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("PNG", Kind(Format.PNG, "a PNG image")),
        ("JPEG", Kind(Format.JPEG, "a JPEG image")),
        ("TIFF", Kind(Format.PICTURE, "a TIFF image")),
        ("BMP", Kind(Format.PICTURE, "a BMP image")),
        ("PPM", Kind(Format.PICTURE, "a PGM or other Netpbm image")),
        ("JPEG2000", Kind(Format.PICTURE, "a JPEG 2000 image")),
        ("WEBP", Kind(Format.PICTURE, "a WebP image")),
        ("GIF", Kind(Format.PICTURE, "a GIF image")),
        ("ICO", Kind(Format.PICTURE, "a Windows icon")),
        ("PDF", Kind(Format.OTHER, "a PDF document")),
    ],
)
def test_pictures_are_told_by_their_content(kind, expected):
    assert file_kinds.kind_of(_written_by_pillow(kind)[: file_kinds.START_BYTES]) == expected


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"PK\3\4" + bytes(500), "a ZIP archive or an Office document"),
        (b"<!DOCTYPE html><html>404", "an HTML page"),
        (b"\xef\xbb\xbf\r\n<HTML lang='de'>", "an HTML page"),
        (b"<?xml version='1.0'?>\n<svg>", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<plist>", "an XML document"),
        (b'{"study": 1}', "a JSON or other text file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer (the file itself was not fetched)"),
        ("Befund: unauffällig".encode("latin-1"), "a text file"),
        ("name;größe\n".encode("utf-16"), "a text file"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X", "an AppleDouble file of macOS"),
        (bytes(1024), "a file of zeros, which was never written to its end"),
        (np.random.default_rng(0).bytes(1024), ""),
        (b"", ""),
    ],
)
def test_what_is_no_picture_is_named(start, name):
    assert file_kinds.kind_of(start) == Kind(Format.OTHER, name)


def test_dicom_is_told_with_and_without_its_preamble():
    dataset = dicoms.make_image(VIEW, 8, SOPClassUID=pydicom.uid.DigitalMammographyXRayImageStorageForPresentation)
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    content = written.getvalue()
    for start in (content, content[132:]):
        assert file_kinds.kind_of(start[: file_kinds.START_BYTES]).format == Format.DICOM
    for is_implicit in (True, False):
        bare = io.BytesIO()
        pydicom.dcmwrite(bare, pydicom.Dataset(dataset), implicit_vr=is_implicit, little_endian=True)
        assert file_kinds.kind_of(bare.getvalue()[: file_kinds.START_BYTES]).format == Format.DICOM
