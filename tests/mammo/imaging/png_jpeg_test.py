import io
import struct
import zlib

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
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
        "12,000 × 11,000 pixels; more than 120,000,000": _png_header(12_000, 11_000) + png[33:],
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


def _encoded(kind: str = "JPEG", pixels: np.ndarray | None = None, **options) -> bytes:
    written = io.BytesIO()
    PIL.Image.fromarray(drawing.draw_view() if pixels is None else pixels).save(written, kind, **options)
    return written.getvalue()


def _reason(content: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        ImageFile(content).read_pixels()
    return caught.value.reason


CODINGS = {"plain": {}, "progressive": {"progressive": True}, "restarts": {"restart_marker_rows": 2}}


@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
def test_a_jpeg_cut_off_is_refused_wherever_it_was_closed_or_not(coding):
    whole = _encoded(quality=92, **coding)
    assert ImageFile(whole).read_pixels().shape == drawing.draw_view().shape
    for place in np.random.default_rng(0).integers(whole.index(b"\xff\xda") + 10, len(whole) - 40, 60):
        assert "truncated" in _reason(whole[:place])
        assert "truncated" in _reason(whole[:place] + b"\xff\xd9")


@pytest.mark.parametrize("coding", [CODINGS["plain"], CODINGS["restarts"]], ids=["plain", "restarts"])
def test_a_jpeg_with_a_hole_or_with_other_bytes_is_refused_but_seldom(coding):
    """Huffman codes fall into step again: some damage is to no decoder any."""
    whole, random = _encoded(quality=92, **coding), np.random.default_rng(0)
    read = 0
    for place in random.integers(whole.index(b"\xff\xda") + 10, len(whole) - 40, 60):
        for damaged in (whole[:place] + whole[place + 37 :], whole[:place] + random.bytes(50) + whole[place:]):
            try:
                ImageFile(damaged).read_pixels()
            except ImageError:
                continue
            read += 1
    assert read <= 12  # of 120; a decoder that keeps its warnings to itself reads nearly all


def test_a_jpeg_lacks_no_scan():
    whole = _encoded(progressive=True)
    scans = [place for place in range(len(whole)) if whole.startswith(b"\xff\xda", place)]
    assert len(scans) == 6
    for place in scans[1:]:  # cut between scans, where no decoder misses anything
        tables = whole.rindex(b"\xff\xc4", 0, place)
        assert "some of its scans are missing" in _reason(whole[:tables] + b"\xff\xd9")


def test_what_stands_behind_a_whole_image_does_not_matter():
    view = drawing.draw_view()
    more = [PIL.Image.fromarray(view[::4, ::4].copy())]
    for content in (_encoded(), _encoded("PNG")):
        whole = ImageFile(content).read_pixels()
        for behind in (bytes(8192), np.random.default_rng(0).bytes(60_000)):
            np.testing.assert_array_equal(ImageFile(content + behind).read_pixels(), whole)
    assert ImageFile(_encoded("MPO", save_all=True, append_images=more)).read_pixels().shape == view.shape


def test_the_end_of_a_preview_is_not_that_of_the_image():
    preview, whole = _encoded(pixels=drawing.draw_view()[::8, ::8].copy()), _encoded()
    exif = struct.pack(">H", len(preview) + 8) + b"Exif\0\0" + preview
    content = whole[:2] + b"\xff\xe1" + exif + whole[2:]
    np.testing.assert_array_equal(ImageFile(content).read_pixels(), ImageFile(whole).read_pixels())
    assert "is truncated" in _reason(content[:-1000])


def test_a_png_whose_checksums_are_right_has_all_of_its_pixels():
    rows = b"".join(b"\0" + row.tobytes() for row in drawing.draw_view())
    start = _png_header(*drawing.draw_view().shape)
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))

    def png(packed: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(b"IDAT" + packed))
        return start + struct.pack(">I", len(packed)) + b"IDAT" + packed + checksum + end

    np.testing.assert_array_equal(ImageFile(png(zlib.compress(rows))).read_pixels(), drawing.draw_view())
    assert "fewer pixels than its header says" in _reason(png(zlib.compress(rows[:-1])))
    assert "fewer pixels than its header says" in _reason(png(zlib.compress(rows)[:-4]))
    assert "more pixels than its header says" in _reason(png(zlib.compress(rows + b"\0")))
    assert "cannot be unpacked" in _reason(png(b"x" + zlib.compress(rows)))


def test_no_damage_of_a_png_gives_other_pixels():
    whole, random = bytearray(_encoded("PNG")), np.random.default_rng(0)
    for place in random.integers(8, len(whole), 300):
        damaged = whole.copy()
        damaged[place] ^= 1 << random.integers(8)
        assert _reason(bytes(damaged))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_orientation_in_exif_is_applied(kind, orientation):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    content = _encoded(kind, exif=exif)
    upright = np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(content))))
    np.testing.assert_array_equal(ImageFile(content).read_pixels(), upright)
    assert ImageFile(content).read_size() == upright.shape


def test_what_is_transparent_is_black():
    view = drawing.draw_view()
    is_background = view < 30
    colours = np.dstack([view, view, view, np.where(is_background, 0, 255).astype(np.uint8)])
    colours[is_background, :3] = 255
    expected = np.where(is_background, 0, view)
    np.testing.assert_array_equal(ImageFile(_encoded("PNG", colours)).read_pixels(), expected)
    level = int(view[200, 20])
    expected = np.where(view == level, 0, view)
    np.testing.assert_array_equal(ImageFile(_encoded("PNG", transparency=level)).read_pixels(), expected)


def test_an_inverse_palette_is_shown():
    view = drawing.draw_view()
    indices = PIL.Image.fromarray(255 - view).convert("L")
    picture = PIL.Image.frombytes("P", indices.size, indices.tobytes())
    picture.putpalette([255 - level // 3 for level in range(768)])
    written = io.BytesIO()
    picture.save(written, "PNG")
    np.testing.assert_array_equal(ImageFile(written.getvalue()).read_pixels(), view)


def test_pictures_that_are_not_read_are_named():
    view = drawing.draw_view()
    assert "is an animation of 2 pictures (APNG)" in _reason(
        _encoded("PNG", save_all=True, append_images=[PIL.Image.fromarray(255 - view)])
    )
    whole = _encoded()
    sof = whole.index(b"\xff\xc0")
    assert "is a lossless JPEG" in _reason(whole.replace(b"\xff\xc0", b"\xff\xc3", 1))
    assert "arithmetic coding" in _reason(whole.replace(b"\xff\xc0", b"\xff\xc9", 1))
    assert "is a JPEG of 12 bits" in _reason(whole[: sof + 4] + b"\x0c" + whole[sof + 5 :])
