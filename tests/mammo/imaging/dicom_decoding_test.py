import io
import struct

import numpy as np
import PIL.Image
import pydicom
import pydicom.encaps
import pytest

from mammo.common.errors import ImageError
from mammo.imaging.image_file import ImageFile
from tests import dicoms, drawing

VIEW = drawing.draw_view(240, 160)
BASELINE, J2K, RLE = pydicom.uid.JPEGBaseline8Bit, pydicom.uid.JPEG2000Lossless, pydicom.uid.RLELossless


def _encoded(pixels: np.ndarray, kind: str = "JPEG", **options) -> bytes:
    written = io.BytesIO()
    PIL.Image.fromarray(pixels).save(written, kind, **options)
    return written.getvalue()


def _j2k(pixels: np.ndarray, **options) -> bytes:
    return _encoded(pixels, "JPEG2000", no_jp2=True, **options)


def _rle(pixels: np.ndarray) -> bytes:
    dataset = dicoms.make_image(pixels, 8)
    dataset.compress(RLE, generate_instance_uid=False)
    return next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))


def _write(folder, frame: bytes, syntax: str, **tags):
    dataset = dicoms.make_image(VIEW, 8, **tags)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    return dicoms.write(folder / "view.dcm", dataset)


def _reason(path) -> str:
    with pytest.raises(ImageError) as caught:
        ImageFile(path).read_pixels()
    return caught.value.reason


def test_a_baseline_frame_is_what_a_jpeg_of_the_same_bytes_is(tmp_path):
    frame = _encoded(VIEW, quality=92)
    stored = np.asarray(PIL.Image.open(io.BytesIO(frame))).astype(int)
    shown = ImageFile(_write(tmp_path, frame, BASELINE)).read_pixels()
    expected = (stored - stored.min()) * 65535 // (stored.max() - stored.min())
    np.testing.assert_allclose(shown.astype(int), expected, atol=1)


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [(BASELINE, _encoded(VIEW)), (J2K, _j2k(VIEW)), (J2K, _j2k(VIEW, tile_size=(64, 64))), (RLE, _rle(VIEW))],
    ids=["baseline", "j2k", "j2k in tiles", "rle"],
)
def test_a_whole_frame_is_read_and_a_part_of_it_is_refused(tmp_path, syntax, frame):
    assert ImageFile(_write(tmp_path, frame, syntax)).read_pixels().shape == VIEW.shape
    end = b"" if syntax == RLE else b"\xff\xd9"
    assert "truncated" in _reason(_write(tmp_path, frame[: len(frame) // 2] + end, syntax))
    assert "truncated" in _reason(_write(tmp_path, frame[: len(frame) // 2], syntax))


def test_the_frame_has_the_size_and_the_channel_that_the_tags_say(tmp_path):
    said = "holds a frame of 240 × 160 pixels where its tags say 240 × 150; export it again"
    for syntax, frame in ((BASELINE, _encoded(VIEW)), (J2K, _j2k(VIEW))):
        assert _reason(_write(tmp_path, frame, syntax, Columns=150)) == said
    colour = np.dstack([VIEW] * 3)
    assert "holds a frame of 3 channels" in _reason(_write(tmp_path, _encoded(colour), BASELINE))
    assert "holds a frame of 3 channels" in _reason(_write(tmp_path, _j2k(colour), J2K))


def test_a_frame_of_another_coding_is_named(tmp_path):
    assert "coded in another way than its tags say" in _reason(
        _write(tmp_path, _encoded(VIEW), pydicom.uid.JPEGLosslessSV1)
    )
    assert "is no JPEG 2000" in _reason(_write(tmp_path, _encoded(VIEW), J2K))
    assert "that is no JPEG;" in _reason(_write(tmp_path, _j2k(VIEW), BASELINE))


@pytest.mark.parametrize(
    "header",
    [
        struct.pack("<16I", 2, 64, 64, *[0] * 13),  # as of 16 bits
        struct.pack("<16I", 1, 1 << 30, *[0] * 14),
        struct.pack("<16I", 1, 0, *[0] * 14),
    ],
)
def test_segments_that_are_not_where_rle_says_are_refused(tmp_path, header):
    assert "has a damaged header" in _reason(_write(tmp_path, header + _rle(VIEW)[64:], RLE))


def test_more_pixels_in_rle_than_the_size_says_are_refused(tmp_path):
    assert "cannot be decoded" in _reason(_write(tmp_path, _rle(np.vstack([VIEW, VIEW])), RLE))
