import numpy as np
import pydicom
import pytest

from mammo.common.errors import ImageError
from mammo.imaging.image_file import ImageFile
from tests import counting, dicoms, drawing

VIEW = drawing.draw_view()
KEEP_ALL = 1 << 30

opened = pytest.fixture(counting.opened)
parsed = pytest.fixture(counting.parsed)


def write(folder, kind):
    if kind == "dcm":
        return dicoms.write(folder / "view.dcm", dicoms.make_image(VIEW, 8, PatientID="4711", ViewPosition="CC"))
    return drawing.write(folder / f"view.{kind}", VIEW)


def ask_everything(file):
    tags = file.read_tags(KEEP_ALL)
    assert file.read_size() == file.read_pixels().shape == VIEW.shape
    assert file.read_tags() is tags
    return tags


@pytest.mark.parametrize("kind", ["png", "jpg", "dcm"])
def test_a_file_is_opened_and_parsed_once_whatever_is_asked(tmp_path, opened, parsed, kind):
    path = write(tmp_path, kind)
    tags = ask_everything(ImageFile(path))
    assert opened == [path]
    assert len(parsed) == (kind == "dcm")
    assert (tags is not None) == (kind == "dcm")


@pytest.mark.parametrize("kind", ["png", "jpg", "dcm"])
def test_bytes_give_what_their_file_gives_and_open_nothing(tmp_path, opened, parsed, kind):
    path = write(tmp_path, kind)
    content, expected = path.read_bytes(), ImageFile(path).read_pixels()
    opened.clear()
    parsed.clear()
    file = ImageFile(content, "view 1")
    ask_everything(file)
    np.testing.assert_array_equal(file.read_pixels(), expected)
    assert opened == []
    assert len(parsed) == (kind == "dcm")
    assert (file.path, file.name) == (None, "view 1")
    file.release()
    np.testing.assert_array_equal(file.read_pixels(), expected)


def test_what_takes_too_much_memory_is_not_kept_and_its_tags_are(tmp_path, opened):
    path = write(tmp_path, "dcm")
    file = ImageFile(path)
    tags = file.read_tags(keep_bytes=2 * path.stat().st_size - 1)
    assert tags is not None
    assert tags.patient_id == "4711"
    assert file.kept_bytes == 0
    assert file.read_tags() is tags
    assert opened == [path]
    file.read_pixels()
    assert opened == [path, path]


def test_what_is_kept_is_counted_until_it_is_released(tmp_path):
    for kind, times in (("png", 1), ("dcm", 2)):
        path = write(tmp_path, kind)
        file = ImageFile(path)
        file.read_tags(keep_bytes=2 * path.stat().st_size)
        assert file.kept_bytes == times * path.stat().st_size
        file.release()
        assert file.kept_bytes == 0


def test_the_size_alone_reads_no_more_than_the_header(tmp_path):
    path = drawing.write(tmp_path / "view.png", drawing.draw_view(300, 200))
    path.write_bytes(path.read_bytes()[:200])
    file = ImageFile(path)
    assert file.read_size() == (300, 200)
    assert file.kept_bytes == 0


def test_the_content_tells_what_a_file_is_not_the_name(tmp_path):
    drawing.write(tmp_path / "view.png", VIEW).rename(tmp_path / "view.jpg")
    np.testing.assert_array_equal(ImageFile(tmp_path / "view.jpg").read_pixels(), VIEW)


@pytest.mark.parametrize("keep_bytes", [0, KEEP_ALL])
def test_a_file_that_ends_within_its_compressed_pixels_still_tells_whose_it_is(tmp_path, keep_bytes):
    dataset = dicoms.make_image(VIEW, 8, PatientID="4711")
    dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    path = dicoms.write(tmp_path / "view.dcm", dataset)
    path.write_bytes(path.read_bytes()[:-3000])
    file = ImageFile(path)
    tags = file.read_tags(keep_bytes)
    assert tags is not None
    assert tags.patient_id == "4711"
    with pytest.raises(ImageError, match="is a truncated or damaged DICOM file"):
        file.read_pixels()


@pytest.mark.parametrize("ask", [ImageFile.read_pixels, ImageFile.read_size, ImageFile.read_tags])
def test_what_is_no_file_has_its_sentence(tmp_path, ask):
    with pytest.raises(ImageError, match=r"nothing\.png is missing"):
        ask(ImageFile(tmp_path / "nothing.png"))
    with pytest.raises(ImageError, match="is a folder"):
        ask(ImageFile(tmp_path))
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match=r"is empty \(0 bytes\)"):
        ask(ImageFile(tmp_path / "empty.png"))
    with pytest.raises(ImageError, match=r"view 2 is empty \(0 bytes\)"):
        ask(ImageFile(b"", "view 2"))


def test_bytes_are_refused_by_their_name():
    with pytest.raises(ImageError, match="view 3 is a text file, not a PNG, JPEG or DICOM image"):
        ImageFile(b"dear radiologist", "view 3").read_pixels()


def test_a_file_larger_than_any_mammogram_is_not_read_but_for_its_tags(tmp_path):
    path = write(tmp_path, "dcm")
    with path.open("r+b") as file:
        file.truncate(20 << 30)  # a hole, which takes no room
    file = ImageFile(path)
    tags = file.read_tags(KEEP_ALL)
    assert tags is not None
    assert tags.patient_id == "4711"
    assert file.read_size() == VIEW.shape
    with pytest.raises(ImageError, match=r"has 21,474,836,480 bytes, more than any mammogram"):
        file.read_pixels()
