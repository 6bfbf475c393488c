import concurrent.futures
import struct
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest

from mammo.clinical.exams import Uids
from mammo.clinical.labels import Laterality, Projection
from mammo.imaging import pixel_path
from mammo.imaging.image_file import ImageFile
from mammo.inference import reading
from mammo.inference.exam_files import ViewFile
from mammo.inference.reading import Seen
from tests import drawing

HEIGHT_PX, WIDTH_PX = 128, 64


@pytest.fixture(scope="module")
def pool():
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        yield threads


def read(pool, *paths):
    return reading.read([ViewFile(ImageFile(path)) for path in paths], HEIGHT_PX, WIDTH_PX, pool)


def reason_of(pool, path):
    """Of a file that cannot be read, in whose company a good one is read all the same."""
    good = drawing.write(path.parent / "a good one.png", drawing.draw_view())
    bad, view = read(pool, path, good)
    assert view.reason is None
    assert (bad.pixels, bad.breast, bad.prepared) == (None, None, None)
    return bad.reason


def test_views_come_prepared_and_in_order(pool, tmp_path):
    drawn = [drawing.draw_view(300 + 50 * number, is_16_bit=number % 2 == 1, seed=number) for number in range(6)]
    views = read(pool, *(drawing.write(tmp_path / f"{number}.png", view) for number, view in enumerate(drawn)))
    for number, (view, pixels) in enumerate(zip(views, drawn, strict=True)):
        assert view.reason is None
        assert view.file.path.name == f"{number}.png"
        np.testing.assert_array_equal(view.pixels, pixels)
        assert view.pixels.dtype == pixels.dtype
        expected = pixel_path.prepare_view(pixels, pixel_path.find_breast(view.file.path, pixels), HEIGHT_PX, WIDTH_PX)
        np.testing.assert_array_equal(view.prepared.image, expected.image)
        assert view.prepared.placement == expected.placement
        assert view.breast.box_xyxy_px == pixel_path.find_breast(view.file.path, pixels).box_xyxy_px
        assert view.decoding_s > 0
        assert view.preparing_s > 0


def test_a_file_with_a_reason_is_not_opened(pool, tmp_path):
    path = drawing.write(tmp_path / "view.png", drawing.draw_view())
    (view,) = reading.read(
        [ViewFile(ImageFile(path), Laterality.LEFT, Projection.CC, "is given twice")], HEIGHT_PX, WIDTH_PX, pool
    )
    assert (view.reason, view.pixels, view.decoding_s) == ("is given twice", None, 0)


def test_an_image_under_two_names_counts_once(pool, tmp_path):
    drawn = drawing.draw_view()
    first = drawing.write(tmp_path / "first.png", drawn)
    coloured = drawing.write(tmp_path / "coloured.png", cv2.cvtColor(drawn, cv2.COLOR_GRAY2BGR))  # the same grey levels
    other = drawing.write(tmp_path / "other.png", drawing.draw_view(seed=1))
    views = read(pool, first, other, coloured, first)
    assert [view.reason for view in views] == [None, None, *["is the same image as first.png"] * 2]
    assert views[2].pixels is None
    assert views[2].prepared is None


def test_an_image_counts_once_in_all_parts_of_an_exam(pool, tmp_path):
    files = [ViewFile(ImageFile(drawing.write(tmp_path / f"{name}.png", drawing.draw_view()))) for name in "ab"]
    seen = Seen()
    made = [reading.read([file], HEIGHT_PX, WIDTH_PX, pool, seen)[0].reason for file in files]
    assert made == [None, "is the same image as a.png"]


def instance(image, uid="1.2.3"):
    return ViewFile(ImageFile(image), uids=Uids(instance=uid))


def test_one_dicom_instance_sent_twice_counts_once_though_compressed_with_loss(pool, tmp_path):
    drawn = drawing.draw_view(discs=((60, 200, 20),))
    (tmp_path / "lossy.jpg").write_bytes(cv2.imencode(".jpg", drawn, (cv2.IMWRITE_JPEG_QUALITY, 40))[1].tobytes())
    sent = [drawing.write(tmp_path / "first.png", drawn), tmp_path / "lossy.jpg"]
    views = reading.read([instance(path) for path in sent], HEIGHT_PX, WIDTH_PX, pool)
    assert [view.reason for view in views] == [None, "is the same image as first.png"]
    views = reading.read([instance(path, path.name) for path in sent], HEIGHT_PX, WIDTH_PX, pool)
    assert [view.reason for view in views] == [None, None]  # instances of their own


def test_different_images_of_one_instance_uid_all_count(pool, tmp_path):
    """An anonymiser wrote one UID into all of them."""
    drawn = [drawing.draw_view(), drawing.draw_view(discs=((60, 200, 40),)), drawing.draw_view(chest_wall="right")]
    files = [instance(drawing.write(tmp_path / str(number) / "1.png", view)) for number, view in enumerate(drawn)]
    assert [view.reason for view in reading.read(files, HEIGHT_PX, WIDTH_PX, pool)] == [None] * 3


def test_a_view_to_be_shown_apart_is_read_and_not_prepared(pool, tmp_path):
    path = drawing.write(tmp_path / "view.png", drawing.draw_view())
    (view,) = reading.read([ViewFile(ImageFile(path), apart="a spot view")], HEIGHT_PX, WIDTH_PX, pool)
    assert (view.reason, view.prepared) == (None, None)
    assert view.pixels is not None
    np.testing.assert_array_equal(view.pixels, drawing.draw_view())
    assert view.breast is not None


def test_images_that_show_nothing_keep_their_own_reason(pool, tmp_path):
    paths = [drawing.write(tmp_path / f"{name}.png", np.full((400, 300), 7, np.uint8)) for name in "ab"]
    assert all("shows no breast: it is of one colour" in view.reason for view in read(pool, *paths))


def png_that_claims(height_px, width_px):
    """A PNG with a header and no pixels (PNG specification, section 11.2.2)."""
    made = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)), (b"IDAT", b"x" * 50)):
        made += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return made


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"dear radiologist", "is a text file, not a PNG, JPEG or DICOM image"),
        (png_that_claims(50_000, 50_000), "has 50,000 × 50,000 pixels; more than"),
        (png_that_claims(1, 2_000_000), "has 1 × 2,000,000 pixels, too few for a mammogram"),
        (png_that_claims(100, 100_000), "has 100 × 100,000 pixels, too long a strip for a mammogram"),
        (png_that_claims(400, 300), "is corrupt"),
        (bytes(128) + b"DICM" + bytes(50), "is a DICOM file without an image; it may be truncated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_bad_content_has_its_reason(pool, tmp_path, content, reason):
    (tmp_path / "view.png").write_bytes(content)
    assert reason in reason_of(pool, tmp_path / "view.png")


def test_colours_have_their_reason(pool, tmp_path):
    photo = np.dstack([drawing.draw_view(seed=0), drawing.draw_view(seed=1)[::-1], drawing.draw_view(seed=2)])
    assert "is a colour picture" in reason_of(pool, drawing.write(tmp_path / "photo.jpg", photo))
    PIL.Image.fromarray(drawing.draw_view()).convert("CMYK").save(tmp_path / "print.jpg")
    assert "is stored as CMYK" in reason_of(pool, tmp_path / "print.jpg")


def test_an_image_without_a_breast_has_its_reason(pool, tmp_path):
    speck = np.random.default_rng(0).integers(0, 9, (400, 300), np.uint8)  # of two levels it would be a mask
    speck[200:203, 100:103] = 255
    assert "shows no breast" in reason_of(pool, drawing.write(tmp_path / "speck.png", speck))


def test_what_is_no_file_has_its_reason(pool, tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    assert reason_of(pool, tmp_path / "folder.png") == "is a folder, not an image"
    assert reason_of(pool, tmp_path / "link.png") == "is a link to a file that is missing"
    assert reason_of(pool, tmp_path / "gone.png") == "is missing"
    assert reason_of(pool, tmp_path / ("x" * 300)) == "cannot be read (File name too long)"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(5, "Input/output error"), "cannot be read (Input/output error)"),
        (PermissionError(13, "Permission denied"), "cannot be read (Permission denied)"),
        (MemoryError(), "does not fit into the memory of this machine"),
        (cv2.error("!buf.empty()"), "is corrupt or of an unknown kind"),
    ],
)
def test_whatever_a_decoder_does_is_that_files_reason(pool, tmp_path, monkeypatch, error, reason):
    path = drawing.write(tmp_path / "view.png", drawing.draw_view(seed=1))
    read_pixels = ImageFile.read_pixels

    def fail(image):
        if image.path == path:
            raise error
        return read_pixels(image)

    monkeypatch.setattr(ImageFile, "read_pixels", fail)
    assert reason_of(pool, path).startswith(reason)


def test_a_file_that_may_not_be_read_says_so(pool, tmp_path, monkeypatch):
    path = drawing.write(tmp_path / "view.png", drawing.draw_view())
    open_path = type(path).open

    def refuse(given, *arguments):
        if given == path:
            raise PermissionError(13, "Permission denied", str(given))
        return open_path(given, *arguments)

    monkeypatch.setattr(type(path), "open", refuse)
    assert reason_of(pool, path) == "may not be read; change its permissions"


def test_a_fault_of_the_program_is_not_a_files(pool, tmp_path, monkeypatch):
    def fail(pixels, breast, height_px, width_px):
        raise ValueError("shapes do not match")

    monkeypatch.setattr(pixel_path, "prepare_view", fail)
    with pytest.raises(ValueError, match="shapes"):
        read(pool, drawing.write(tmp_path / "view.png", drawing.draw_view()))
