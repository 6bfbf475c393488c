"""Tells by its first bytes what a file is, whatever its name says."""

import dataclasses
import enum

from mammo.imaging import dicom_start

START_BYTES = dicom_start.START_BYTES
"""So many first bytes of a file tell its kind as surely as all of it."""


class Format(enum.StrEnum):
    """PNG, JPEG and DICOM are read here; PICTURE is an image of another format; OTHER is no picture at all."""

    PNG = "png"
    JPEG = "jpeg"
    DICOM = "dicom"
    PICTURE = "picture"
    OTHER = "other"


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a file is.

    Attributes:
        format: What can be done with it.
        name: For people, as a noun with its article ("a TIFF image", "an HTML page"); "" where it is not known.
    """

    format: Format
    name: str = ""


# By the bytes at the start. Longer ones stand before those that they begin with.
_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"DICM", Kind(Format.DICOM, "a DICOM file")),  # where a program left out the preamble alone
    (b"\x89PNG\r\n\x1a\n", Kind(Format.PNG, "a PNG image")),
    (b"\xff\xd8", Kind(Format.JPEG, "a JPEG image")),
    (b"II*\0", Kind(Format.PICTURE, "a TIFF image")),
    (b"MM\0*", Kind(Format.PICTURE, "a TIFF image")),
    (b"II+\0", Kind(Format.PICTURE, "a BigTIFF image")),
    (b"MM\0+", Kind(Format.PICTURE, "a BigTIFF image")),
    (b"GIF87a", Kind(Format.PICTURE, "a GIF image")),
    (b"GIF89a", Kind(Format.PICTURE, "a GIF image")),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Kind(Format.PICTURE, "a JPEG 2000 image")),
    (b"\xff\x4f\xff\x51", Kind(Format.PICTURE, "a JPEG 2000 image")),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Kind(Format.PICTURE, "a JPEG XL image")),
    (b"\xff\x0a", Kind(Format.PICTURE, "a JPEG XL image")),
    (b"\x89PNG", Kind(Format.PICTURE, "a PNG image that was copied as text, which damages it")),
    (b"\x8aMNG\r\n\x1a\n", Kind(Format.PICTURE, "an MNG animation")),
    (b"8BPS", Kind(Format.PICTURE, "a Photoshop document")),
    (b"\x76\x2f\x31\x01", Kind(Format.PICTURE, "an OpenEXR image")),
    (b"#?RADIANCE", Kind(Format.PICTURE, "a Radiance HDR image")),
    (b"NRRD", Kind(Format.PICTURE, "an NRRD image")),
    (b"\0\0\1\0", Kind(Format.PICTURE, "a Windows icon")),
    (b"%PDF-", Kind(Format.OTHER, "a PDF document")),
    (b"PK\3\4", Kind(Format.OTHER, "a ZIP archive or an Office document")),
    (b"PK\5\6", Kind(Format.OTHER, "a ZIP archive")),
    (b"Rar!\x1a\7", Kind(Format.OTHER, "a RAR archive")),
    (b"7z\xbc\xaf\x27\x1c", Kind(Format.OTHER, "a 7-Zip archive")),
    (b"\x1f\x8b", Kind(Format.OTHER, "a gzip archive")),
    (b"BZh", Kind(Format.OTHER, "a bzip2 archive")),
    (b"\xfd7zXZ\0", Kind(Format.OTHER, "an XZ archive")),
    (b"\x28\xb5\x2f\xfd", Kind(Format.OTHER, "a Zstandard archive")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind(Format.OTHER, "a Windows thumbnail cache or an old Office document")),
    (b"\0\5\x16\7", Kind(Format.OTHER, "an AppleDouble file of macOS")),
    (b"\0\0\0\1Bud1", Kind(Format.OTHER, "a .DS_Store file of macOS")),
    (b"L\0\0\0\1\x14\2\0", Kind(Format.OTHER, "a Windows shortcut")),
    (b"MZ", Kind(Format.OTHER, "a Windows program")),
    (b"\x7fELF", Kind(Format.OTHER, "a Linux program")),
    (b"SQLite format 3\0", Kind(Format.OTHER, "an SQLite database")),
    (b"\x89HDF\r\n\x1a\n", Kind(Format.OTHER, "an HDF5 file")),
    (b"\x93NUMPY", Kind(Format.OTHER, "a NumPy array")),
    (b"MATLAB 5.0 MAT-file", Kind(Format.OTHER, "a MATLAB file")),
    (b"\x1a\x45\xdf\xa3", Kind(Format.OTHER, "a video")),
    (b"version https://git-lfs", Kind(Format.OTHER, "a Git LFS pointer (the file itself was not fetched)")),
)

# By the first four bytes behind the length of the first box (ISO base media) or of a RIFF file.
_BOXES = {
    b"heic": Kind(Format.PICTURE, "a HEIC image"),
    b"heix": Kind(Format.PICTURE, "a HEIC image"),
    b"mif1": Kind(Format.PICTURE, "a HEIF image"),
    b"avif": Kind(Format.PICTURE, "an AVIF image"),
}

# By how text begins, without regard to case.
_TEXTS = (
    ("<!doctype html", "an HTML page"),
    ("<html", "an HTML page"),
    ("<svg", "an SVG drawing"),
    ("<?xml", "an XML document"),
    ("{", "a JSON or other text file"),
    ("{\\rtf", "an RTF document"),
)
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1a\x1b")


def kind_of(start: bytes) -> Kind:
    """Tells what a file is.

    Args:
        start: Its first `START_BYTES` bytes, or all where it has fewer.
    """
    if dicom_start.is_dicom(start):
        return Kind(Format.DICOM, "a DICOM file")
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    return _by_structure(start) or Kind(Format.OTHER, _text(start))


def _by_structure(start: bytes) -> Kind | None:
    """Formats that are told by more than their first bytes."""
    found = None
    if start[4:8] == b"ftyp":
        found = _BOXES.get(start[8:12], Kind(Format.OTHER, "a video"))
    elif start.startswith(b"RIFF"):
        is_webp = start[8:12] == b"WEBP"
        found = Kind(Format.PICTURE, "a WebP image") if is_webp else Kind(Format.OTHER, "a video or sound")
    elif start.startswith(b"BM") and start[6:10] == bytes(4):
        found = Kind(Format.PICTURE, "a BMP image")
    elif start[:1] == b"P" and start[1:2].isdigit() and start[2:3].isspace():
        found = Kind(Format.PICTURE, "a PGM or other Netpbm image")
    elif start[257:262] == b"ustar":
        found = Kind(Format.OTHER, "a tar archive")
    elif start[344:347] in (b"n+1", b"ni1"):
        found = Kind(Format.PICTURE, "a NIfTI image")
    elif start and not start.strip(b"\0"):
        found = Kind(Format.OTHER, "a file of zeros, which was never written to its end")
    return found


def _text(start: bytes) -> str:
    """What text is, by how it begins; "" of what is no text."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "a text file"
    text = start.removeprefix(b"\xef\xbb\xbf")
    if not text or any(byte < ord(" ") and byte not in _TEXT_CONTROLS for byte in text):
        return ""
    beginning = text.lstrip().lower().decode("latin-1")
    for begins, name in reversed(_TEXTS):
        if beginning.startswith(begins):
            return "an SVG drawing" if name == "an XML document" and "<svg" in beginning else name
    letters = sum(ord(" ") <= byte <= ord("~") or byte in _TEXT_CONTROLS for byte in text)
    return "a text file" if letters > 0.7 * len(text) else ""
