"""What files cost that hold more than they should: each is read, or refused in a sentence, in no more than it takes."""

import io
import pathlib
import struct
import subprocess
import sys
import zlib

import numpy as np
import pydicom
import pytest

from mammo.common.errors import ImageError
from mammo.imaging import dicom_parsing
from mammo.imaging.image_file import ImageFile
from tests import dicoms, drawing, programs

VIEW = drawing.draw_view(120, 80)
BOMB = b"600 MiB of zeros"
MAX_MIB = 400  # TensorFlow aside, Python with its libraries takes 100

_MEASURE = """
import pathlib, sys
from mammo.common.errors import ImageError
from mammo.imaging.image_file import ImageFile
for look in (ImageFile.read_tags, ImageFile.read_pixels):
    try:
        look(ImageFile(pathlib.Path(sys.argv[1])))
        print("ok")
    except ImageError as error:
        print(error.reason)
# Not what getrusage says, which is at least the peak of the process that started this one.
print(int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) >> 10)
"""


def measured(path: pathlib.Path) -> list[str]:
    """What is said of a file in a process of its own, by its tags and by its pixels; it must not take much memory."""
    command = [sys.executable, "-c", _MEASURE, str(path)]
    ended = subprocess.run(command, env=programs.environment(), capture_output=True, text=True, check=True, timeout=60)
    *said, peak_mib = ended.stdout.splitlines()
    assert int(peak_mib) < MAX_MIB
    return said


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    length = len(value) if length is None else length
    return struct.pack("<HH2sHL", group, number, vr, 0, length) + value


def parts(tmp_path, **tags) -> tuple[bytes, bytes, bytes]:
    """A small view: its head with the meta header, its tags, and its pixels."""
    content = dicoms.write(tmp_path / "plain.dcm", dicoms.make_image(VIEW, 8, **tags)).read_bytes()
    tags_at = 144 + int.from_bytes(content[140:144], "little")
    pixels_at = content.rindex(b"\xe0\x7f\x10\x00")
    return content[:tags_at], content[tags_at:pixels_at], content[pixels_at:]


def deflated(tmp_path, *pieces: bytes) -> pathlib.Path:
    """Writes a view with these between its tags and its pixels, and deflates what is behind its meta header."""
    plain, syntax = pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.DeflatedExplicitVRLittleEndian
    head, tags, pixels = parts(tmp_path)
    old = struct.pack("<HH2sH", 2, 0x10, b"UI", len(plain) + 1) + plain.encode() + b"\0"
    new = struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax.encode()
    assert old in head
    path = tmp_path / "deflated.dcm"
    path.write_bytes(head.replace(old, new) + b"".join(map(packed, (tags, *pieces, pixels))) + zlib.compress(b"")[2:-4])
    return path


def packed(piece: bytes) -> bytes:
    """A part of a deflated stream, which may stand behind any other; 600 MiB of zeros for `BOMB`."""
    if piece is BOMB:
        return packed(bytes(1 << 20)) * 600
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)


def test_a_deflated_view_is_read(tmp_path):
    path = deflated(tmp_path, element(0x29, 0x1010, b"OB", bytes(1 << 20)))
    expected = ImageFile(dicoms.write(tmp_path / "view.dcm", dicoms.make_image(VIEW, 8))).read_pixels()
    np.testing.assert_array_equal(ImageFile(path).read_pixels(), expected)


def test_a_deflated_file_that_ends_too_early_is_refused(tmp_path):
    path = deflated(tmp_path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ImageError, match="truncated"):
        ImageFile(path).read_pixels()


def test_a_deflate_bomb_costs_no_more_than_an_image(tmp_path):
    path = deflated(tmp_path, element(0x29, 0x1010, b"OB", b"", length=600 << 20), BOMB)
    assert path.stat().st_size < 1 << 20
    reason = "unpacks to more than 16 MiB before its pixels; no image does"
    assert measured(path) == [reason, reason]


def test_a_bomb_behind_the_pixels_is_refused_with_them(tmp_path):
    path = deflated(tmp_path, parts(tmp_path)[2], element(0xFFFC, 0xFFFC, b"OB", b"", length=600 << 20), BOMB)
    said_of_tags, said_of_pixels = measured(path)
    assert said_of_tags == "ok"
    assert "far more than its image needs" in said_of_pixels


def test_lengths_that_lie_take_no_memory(tmp_path):
    head, tags, pixels = parts(tmp_path)
    path = tmp_path / "view.dcm"
    path.write_bytes(head + tags + element(0x29, 0x1010, b"OB", b"", length=0xFFFFFFF0) + pixels)
    _, said_of_pixels = measured(path)
    assert "truncated" in said_of_pixels
    path.write_bytes(head + tags + pixels[:8] + struct.pack("<L", 0xFFFFFFF0) + pixels[12:])
    assert ImageFile(path).read_tags() is not None


@pytest.mark.parametrize("keep_bytes", [0, 1 << 30])
def test_very_many_elements_are_refused(tmp_path, keep_bytes):
    head, tags, pixels = parts(tmp_path)
    many = b"".join(
        struct.pack("<HH2sH", 0x29 + 2 * (number >> 16), number & 0xFFFF, b"LO", 0) for number in range(60_000)
    )
    path = tmp_path / "view.dcm"
    path.write_bytes(head + tags + many + pixels)
    with pytest.raises(ImageError, match="has more elements than any image"):
        ImageFile(path).read_tags(keep_bytes)


def test_very_many_items_are_refused_at_any_depth(tmp_path):
    head, tags, pixels = parts(tmp_path)
    undefined = 0xFFFFFFFF
    items = struct.pack("<HHL", 0xFFFE, 0xE000, 0) * 150_000
    path = tmp_path / "view.dcm"
    path.write_bytes(head + tags + element(0x29, 0x1010, b"SQ", items, undefined) + pixels)
    with pytest.raises(ImageError):
        ImageFile(path).read_tags()
    # Those of a sequence of known length are not made unless they are asked for.
    path.write_bytes(head + tags + element(0x54, 0x220, b"SQ", items) + pixels)
    with pytest.raises(ImageError):
        ImageFile(path).read_tags()


@pytest.mark.parametrize("length", [0xFFFFFFFF, None])
def test_deep_nesting_is_refused_or_passed_over(tmp_path, length):
    head, tags, pixels = parts(tmp_path)
    nested = b""
    for _ in range(3000):
        inner = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF if length else len(nested)) + nested
        nested = element(0x29, 0x1010, b"SQ", inner, length)
    path = tmp_path / "view.dcm"
    path.write_bytes(head + tags + nested + pixels)
    if length is None:  # not taken apart, since nobody asks for it
        assert ImageFile(path).read_pixels().shape == VIEW.shape
        return
    with pytest.raises(ImageError, match="damaged"):
        ImageFile(path).read_tags()


def test_a_number_of_frames_costs_nothing(tmp_path):
    path = dicoms.write(tmp_path / "view.dcm", dicoms.make_image(VIEW, 8, NumberOfFrames="2000000000"))
    assert ImageFile(path).read_tags() is not None
    with pytest.raises(ImageError, match="has 2,000,000,000 frames"):
        ImageFile(path).read_pixels()


def test_a_text_of_a_hundred_megabytes_is_not_taken_apart(tmp_path):
    dataset = dicoms.make_image(VIEW, 8)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    content = dicoms.write(tmp_path / "view.dcm", dataset).read_bytes()
    pixels_at = content.rindex(b"\xe0\x7f\x10\x00")
    text = b"1\\" * (20 << 20)
    windows = struct.pack("<HHL", 0x28, 0x1050, len(text)) + text + struct.pack("<HHL", 0x28, 0x1051, 2) + b"9 "
    path = tmp_path / "many.dcm"
    path.write_bytes(content[:pixels_at] + windows + content[pixels_at:])
    said_of_tags, said_of_pixels = measured(path)
    assert (said_of_tags, said_of_pixels) == ("ok", "ok")


def test_no_more_than_the_tags_is_read_of_an_open_file(tmp_path):
    head, tags, pixels = parts(tmp_path, StudyInstanceUID="1.2.3")
    file = io.BytesIO(head + tags + pixels)
    parsed = dicom_parsing.header(pathlib.Path("view.dcm"), file)
    assert parsed.dataset.StudyInstanceUID == "1.2.3"
    assert file.tell() == len(head + tags)
    assert (parsed.is_whole, parsed.is_cut) == (False, False)
    assert dicom_parsing.header(pathlib.Path("view.dcm"), io.BytesIO((head + tags)[:-1])).is_cut
