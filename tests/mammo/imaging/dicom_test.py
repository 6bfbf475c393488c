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
from mammo.imaging.dicom import DicomFile, DicomTags
from mammo.imaging.image_file import ImageFile
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


def test_monochrome1_is_turned_over(tmp_path):
    upright = read(tmp_path).astype(int)
    turned = read(tmp_path, PhotometricInterpretation="MONOCHROME1").astype(int)
    np.testing.assert_allclose(turned, 65535 - upright, atol=1)


def test_the_voi_window_is_applied(tmp_path):
    pixels = read(tmp_path, WindowCenter=1000, WindowWidth=400)
    assert (pixels[STORED < 790] == 0).all()
    assert (pixels[STORED > 1210] >= 65534).all()


def test_images_read_dicom_by_its_content(tmp_path):
    path = dicoms.write(tmp_path / "view.png", make())
    assert ImageFile(path).read_pixels().shape == STORED.shape
    assert ImageFile(path).read_size() == STORED.shape


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_an_inverse_presentation_is_turned_over_once(tmp_path, photometric):
    upright = read(tmp_path).astype(int)
    turned = read(tmp_path, PhotometricInterpretation=photometric, PresentationLUTShape="INVERSE").astype(int)
    np.testing.assert_allclose(turned, 65535 - upright, atol=1)


def test_a_sigmoid_window_has_no_corners(tmp_path):
    center, width = 1000.0, 400.0
    pixels = read(tmp_path, WindowCenter=center, WindowWidth=width, VOILUTFunction="SIGMOID")
    curve = 1 / (1 + np.exp(-4 * (STORED - center) / width))  # PS3.3, C.11.2.1.3.1
    expected = (curve - curve.min()) / (curve.max() - curve.min())
    np.testing.assert_allclose(pixels / 65535, expected, atol=1e-4)


def test_a_look_up_table_is_applied_behind_the_rescaling(tmp_path):
    table = pydicom.dataset.Dataset()
    table.LUTDescriptor = [3, 2001, 16]  # what is 2001 after the rescaling is the first of 3 entries
    table.LUTData = [0, 1000, 4000]
    table["LUTData"].VR = "US"
    pixels = read(tmp_path, RescaleSlope=2, RescaleIntercept=1, VOILUTSequence=[table])
    assert (pixels[STORED <= 1000] == 0).all()  # at most 2001
    assert (pixels[STORED > 1000] >= 65534).all()  # at least 2003


def test_values_below_zero_keep_their_order(tmp_path):
    signed = STORED.astype(np.int16) - 2000
    pixels = read(tmp_path, PixelRepresentation=1, BitsStored=16, HighBit=15, PixelData=signed.tobytes())
    np.testing.assert_array_equal(pixels, read(tmp_path))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "tags", [{"PixelPaddingValue": 3990}, {"PixelPaddingValue": 4000, "PixelPaddingRangeLimit": 3990}]
)
def test_padding_is_black_and_leaves_the_stretch_alone(tmp_path, photometric, tags):
    plain = read(tmp_path, PhotometricInterpretation=photometric)[20:]
    padded = STORED.copy()
    padded[:20] = 3990
    pixels = read(tmp_path, PhotometricInterpretation=photometric, PixelData=padded.tobytes(), **tags)
    assert (pixels[:20] == 0).all()
    np.testing.assert_allclose(pixels[20:].astype(int), plain, atol=300)  # the rows left out had some of the extremes
    only = np.full_like(STORED, 3990)
    assert (read(tmp_path, PixelData=only.tobytes(), **tags) == 0).all()


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


def test_the_projection_may_stand_as_a_code(tmp_path):
    code = pydicom.dataset.Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "R-10242", "SRT", "cranio-caudal"
    assert parse(tmp_path, ViewPosition=None, ViewCodeSequence=[code]).tags().projection == Projection.CC
    assert parse(tmp_path, ViewPosition="ML", ViewCodeSequence=[code]).tags().projection is None


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


def _film() -> pydicom.dataset.FileDataset:
    dataset = make()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
    dataset.PixelData = pydicom.encaps.encapsulate([b"a film"])
    return dataset


def test_a_compression_that_is_not_known_is_named(tmp_path):
    path = dicoms.write(tmp_path / "view.dcm", _film())
    with pytest.raises(ImageError, match=r"is coded as MPEG2 Main Profile .* export it uncompressed"):
        ImageFile(path).read_pixels()


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
    ({"WindowCenter": 5, "WindowWidth": 0}, "window or a look-up table that cannot be applied"),
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
