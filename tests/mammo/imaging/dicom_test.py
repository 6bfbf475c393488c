import io
import subprocess
import sys

import numpy as np
import PIL.Image
import pydicom
import pydicom.dataset
import pydicom.encaps
import pydicom.uid
import pytest

from mammo.clinical.exams import Uids
from mammo.clinical.labels import Laterality, Projection
from mammo.common.errors import ImageError
from mammo.imaging import dicom, image_file
from mammo.imaging.admission import Admission, Role
from mammo.imaging.dicom import DicomFile, DicomTags
from mammo.imaging.image_file import ImageFile
from mammo.imaging.turns import Turn
from tests import dicoms, drawing, programs

STORED = (drawing.draw_view(120, 80, is_16_bit=True) // 16).astype(np.uint16)  # 12 bits, as detectors give


def make(**tags) -> pydicom.dataset.FileDataset:
    """A minimal digital mammogram; tags given as None are left out."""
    values = {
        "ImagerPixelSpacing": [0.07, 0.07], "ImageLaterality": "L", "ViewPosition": "MLO", "PatientName": "Doe^Jane",
    } | tags  # fmt: skip
    return dicoms.make_image(STORED, 12, **values)


def parse(tmp_path, **tags) -> DicomFile:
    path = dicoms.write(tmp_path / "view.dcm", make(**tags))
    return dicom.parse(path, path.read_bytes())


def read(tmp_path, **tags) -> np.ndarray:
    return parse(tmp_path, **tags).pixels(image_file.MAX_PIXELS)


def test_pixels_keep_their_order_and_span_16_bits(tmp_path):
    pixels = read(tmp_path)
    assert pixels.dtype == np.uint16
    assert pixels.min() == 0
    assert pixels.max() >= 65534
    linear = (STORED - STORED.min()) / (STORED.max() - STORED.min())
    np.testing.assert_allclose(pixels / 65535, linear, atol=1 / 4096)


def test_tags_tell_side_and_projection(tmp_path):
    tags = parse(tmp_path).tags()
    assert (tags.laterality, tags.projection) == (Laterality.LEFT, Projection.MLO)
    assert isinstance(tags.laterality, Laterality)
    bare = parse(tmp_path, ImageLaterality=None, ViewPosition=None).tags()
    assert (bare.laterality, bare.projection) == (None, None)
    assert parse(tmp_path, ImageLaterality=None, Laterality="R").tags().laterality == Laterality.RIGHT


def test_tags_tell_study_series_and_image(tmp_path):
    tags = parse(tmp_path, StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4", SOPInstanceUID="1.2.3.4.5").tags()
    assert tags.uids == Uids("1.2.3", "1.2.3.4", "1.2.3.4.5")
    assert parse(tmp_path).tags().uids == Uids()


def test_images_read_dicom_by_its_content(tmp_path):
    path = dicoms.write(tmp_path / "view.png", make())
    assert ImageFile(path).read_pixels().shape == STORED.shape
    assert ImageFile(path).read_size() == STORED.shape


def compress(syntax) -> pydicom.dataset.FileDataset:
    dataset = make()
    if syntax == pydicom.uid.RLELossless:
        dataset.compress(syntax, generate_instance_uid=False)
        return dataset
    encoded = io.BytesIO()
    PIL.Image.fromarray(STORED).save(encoded, "JPEG2000", no_jp2=True)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = pydicom.encaps.encapsulate([encoded.getvalue()])
    return dataset


@pytest.mark.parametrize("syntax", [pydicom.uid.RLELossless, pydicom.uid.JPEG2000Lossless])
def test_compressed_pixels_are_those_that_were_compressed(tmp_path, syntax):
    path = dicoms.write(tmp_path / "view.dcm", compress(syntax))
    np.testing.assert_array_equal(ImageFile(path).read_pixels(), read(tmp_path))


@pytest.mark.parametrize("syntax", [pydicom.uid.RLELossless, pydicom.uid.JPEG2000Lossless])
def test_damaged_compressed_pixels_are_refused(tmp_path, syntax):
    path = dicoms.write(tmp_path / "view.dcm", compress(syntax))
    content = path.read_bytes()
    path.write_bytes(content[:-3000])
    with pytest.raises(ImageError, match="is a truncated or damaged DICOM file"):
        ImageFile(path).read_pixels()
    dataset = compress(syntax)
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = pydicom.encaps.encapsulate([frame[: len(frame) // 2]])
    with pytest.raises(ImageError, match="that is truncated or cannot be decoded"):
        ImageFile(dicoms.write(path, dataset)).read_pixels()


def test_tags_are_read_without_the_pixels_and_do_not_show_the_person(tmp_path):
    path = dicoms.write(tmp_path / "view.dcm", make(PatientID=" 4711 ", StudyInstanceUID="1.2.3"))
    path.write_bytes(path.read_bytes()[:-5000])
    tags = ImageFile(path).read_tags()
    assert tags is not None
    assert (tags.uids.study, tags.patient_id, tags.patient_name) == ("1.2.3", "4711", "Doe^Jane")
    assert (tags.laterality, tags.projection) == ("left", "mlo")
    assert "4711" not in repr(tags)
    assert "Doe" not in repr(tags)
    bare = ImageFile(dicoms.write(path, make(PatientName=None, ImageLaterality="B", ViewPosition=""))).read_tags()
    assert bare == DicomTags(Uids(), "", "", None, None)
    assert ImageFile(drawing.write(tmp_path / "view.png", drawing.draw_view())).read_tags() is None


def coded(syntax: str, codestream: bytes) -> pydicom.dataset.FileDataset:
    dataset = make()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.PixelData = pydicom.encaps.encapsulate([codestream])
    return dataset


@pytest.mark.parametrize(
    ("syntax", "reason"),
    [
        (pydicom.uid.MPEG2MPML, r"is coded as MPEG2 Main Profile .* export it uncompressed"),
        (pydicom.uid.HTJ2KLossless, "is coded as High-Throughput JPEG 2000 .* export it uncompressed"),
        (pydicom.uid.JPEGExtended12Bit, "is coded as JPEG of 12 bits .* export it uncompressed"),
        ("1.2.840.113619.5.2", "is coded in a way that is not known .* export it uncompressed"),
    ],
)
def test_a_coding_that_is_not_read_is_named(tmp_path, syntax, reason):
    dataset = coded(syntax, b"as it may be")
    buffer = io.BytesIO()
    dataset.save_as(buffer, implicit_vr=False, little_endian=True)
    with pytest.raises(ImageError, match=reason) as caught:
        ImageFile(buffer.getvalue()).read_pixels()
    assert "truncated" not in caught.value.reason


def test_compressed_pixels_that_are_called_uncompressed_are_said_to_be(tmp_path):
    compressed = pydicom.uid.JPEGLosslessSV1
    path = dicoms.write(tmp_path / "view.dcm", coded(compressed, b"\xff\xd8 and so on"))
    plain = pydicom.uid.ExplicitVRLittleEndian.encode().ljust(len(compressed), b"\0")
    path.write_bytes(path.read_bytes().replace(compressed.encode(), plain))
    with pytest.raises(ImageError, match="says that its pixels are uncompressed, and they are not"):
        ImageFile(path).read_pixels()


def without_head(tmp_path, kind: str) -> bytes:
    dataset = make(SOPClassUID=pydicom.uid.DigitalMammographyXRayImageStorageForPresentation, StudyInstanceUID="1.2.3")
    if kind == "implicit":
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    if kind == "deflated":
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    if kind == "compressed":
        dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    content = dicoms.write(tmp_path / "view.dcm", dataset).read_bytes()
    meta_bytes = 12 + int.from_bytes(content[140:144], "little")
    return content[132 + meta_bytes :] if kind in ("implicit", "explicit") else content[128:]


@pytest.mark.parametrize("kind", ["magic first", "implicit", "explicit", "deflated", "compressed"])
def test_a_file_without_preamble_or_meta_header_is_read(tmp_path, kind):
    content = without_head(tmp_path, kind)
    starts = [content, content[4:]] if content.startswith(b"DICM") else [content]
    for number, start in enumerate(starts):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(start)
        np.testing.assert_array_equal(ImageFile(path).read_pixels(), read(tmp_path))
        tags = ImageFile(path).read_tags()
        assert tags is not None
        assert (tags.uids.study, tags.laterality) == ("1.2.3", Laterality.LEFT)
        assert ImageFile(path).read_size() == STORED.shape


def test_a_view_on_its_side_is_turned_upright_and_says_so(tmp_path):
    standing = parse(tmp_path, ViewPosition="CC").pixels(image_file.MAX_PIXELS)
    lying = np.rot90(STORED)
    tags = {"ViewPosition": "CC", "PatientOrientation": ["R", "P"], "Rows": lying.shape[0], "Columns": lying.shape[1]}
    file = ImageFile(dicoms.write(tmp_path / "view.dcm", make(PixelData=lying.tobytes(), **tags)))
    np.testing.assert_array_equal(file.read_pixels(), standing)
    assert file.turn == Turn(1)
    assert file.read_size() == lying.shape


def test_what_is_no_image_is_told_by_its_tags(tmp_path):
    report = make(
        SOPClassUID=pydicom.uid.MammographyCADSRStorage, Modality="SR", Rows=None, Columns=None, PixelData=None
    )
    tags = ImageFile(dicoms.write(tmp_path / "report.dcm", report)).read_tags()
    assert tags is not None
    assert tags.admission == Admission(Role.OTHER, "a report of computer-aided detection")


def test_a_file_of_another_class_that_ends_in_its_tags_is_no_object_without_an_image(tmp_path):
    film = {"SOPClassUID": pydicom.uid.SecondaryCaptureImageStorage, "SeriesDescription": "x" * 60}
    content = dicoms.write(tmp_path / "view.dcm", make(**film)).read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(content[: content.index(b"x" * 60) + 30])
    with pytest.raises(ImageError, match="may be truncated"):
        ImageFile(path).read_pixels()
    tags = ImageFile(path).read_tags()
    assert tags is not None
    assert tags.admission.role == Role.VIEW


UNUSABLE = [
    ({"Modality": "CT"}, "modality CT"),
    ({"PixelData": None}, "without pixel data"),
    ({"Rows": None}, "without an image"),
    ({"Rows": 0}, "has 0 × 80 pixels"),
    ({"NumberOfFrames": 50}, "50 frames"),
    ({"PresentationIntentType": "FOR PROCESSING"}, "raw detector data"),
    ({"SOPClassUID": pydicom.uid.DigitalMammographyXRayImageStorageForProcessing}, "raw detector data"),
    ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "is RGB, not grey levels"),
    ({"SamplesPerPixel": 3}, "not grey levels"),
    ({"BitsAllocated": 32}, "stores 32 bits for a pixel"),
    ({"Rows": 50_000, "Columns": 50_000}, "50,000 × 50,000"),
    ({"PixelData": STORED.tobytes()[:1000]}, "truncated"),
    ({"Rows": 100}, "holds more pixels than its size says (100 × 80)"),
    ({"BodyPartExamined": "CHEST"}, "another part of the body (CHEST)"),
    ({"QualityControlImage": "YES"}, "quality control image"),
    ({"Modality": "\x1b[31mDoe"}, "an unknown modality"),
    ({"PhotometricInterpretation": "\x1b[31mDoe"}, "is of unknown colours, not grey levels"),
    ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.50", "Rows": None}, "is a report of computer-aided detection"),
    ({"HighBit": 17, "BitsAllocated": 12}, "stores 12 bits for a pixel"),
]


@pytest.mark.parametrize(("tags", "reason"), UNUSABLE)
def test_each_unusable_file_has_its_sentence(tmp_path, tags, reason):
    with pytest.raises(ImageError) as caught:
        read(tmp_path, **tags)
    assert reason in caught.value.reason
    assert "Doe" not in str(caught.value)


def test_what_the_tags_show_is_refused_before_the_pixels_are_read(tmp_path):
    path = dicoms.write(tmp_path / "view.dcm", make(Rows=50_000, Columns=50_000))
    with pytest.raises(ImageError, match="50,000 × 50,000"):
        ImageFile(path).read_size()


def test_whatever_byte_is_damaged_a_file_is_read_or_refused(tmp_path):
    path = dicoms.write(tmp_path / "view.dcm", make(PatientID="4711", WindowCenter=1000, WindowWidth=400))
    content = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in random.integers(132, len(content) - STORED.nbytes, 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        for look in (ImageFile.read_pixels, ImageFile.read_size, ImageFile.read_tags):
            try:
                look(ImageFile(path))
            except ImageError as error:
                refused += 1
                assert "Doe" not in error.reason
                assert error.__cause__ is None
    assert refused > 50


def test_nothing_is_printed_of_a_file_with_odd_tags(tmp_path):
    path = dicoms.write(
        tmp_path / "view.dcm", make(PixelData=STORED.tobytes() + bytes(10), ImagerPixelSpacing=["0.07"] * 2)
    )
    path.write_bytes(path.read_bytes().replace(b"Doe^Jane", b"D=e=J=ne").replace(b"0.07", b"0,07"))
    program = (
        f"import logging, pathlib; logging.basicConfig(); path = pathlib.Path({str(path)!r})\n"
        "from mammo.imaging.image_file import ImageFile; file = ImageFile(path)\n"
        "file.read_tags(); file.read_size(); file.read_pixels()"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, env=programs.environment(), capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("", "")


def test_a_file_cut_off_in_its_tags_is_refused(tmp_path):
    path = dicoms.write(tmp_path / "view.dcm", make())
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ImageError):
        ImageFile(path).read_pixels()
