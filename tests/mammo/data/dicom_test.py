import io

import numpy as np
import pydicom
import pydicom.dataset
import pydicom.uid
import pytest

from mammo import errors
from mammo.data import dicom, images
from tests import drawing

STORED = (drawing.draw_view(120, 80, is_16_bit=True) // 16).astype(np.uint16)  # 12 bits, as detectors give


def make(**tags) -> pydicom.dataset.FileDataset:
    """A minimal digital mammogram; tags given as None are left out."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["test"])
    dataset = pydicom.dataset.FileDataset("test", {}, file_meta=meta, preamble=bytes(128))
    values = {
        "Modality": "MG", "PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 1, "BitsAllocated": 16,
        "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "Rows": STORED.shape[0], "Columns": STORED.shape[1],
        "PixelData": STORED.tobytes(), "ImagerPixelSpacing": [0.07, 0.07], "ImageLaterality": "L",
        "ViewPosition": "MLO", "PatientName": "Doe^Jane",
    } | tags  # fmt: skip
    for key, value in values.items():
        if value is not None:
            setattr(dataset, key, value)
    return dataset


def write(path, dataset):
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    path.write_bytes(buffer.getvalue())
    return path


def read(tmp_path, **tags):
    path = write(tmp_path / "view.dcm", make(**tags))
    return dicom.read(path, path.read_bytes(), images.MAX_PIXELS)


def test_pixels_keep_their_order_and_span_16_bits(tmp_path):
    pixels = read(tmp_path).pixels
    assert pixels.dtype == np.uint16
    assert pixels.min() == 0
    assert pixels.max() >= 65534
    linear = (STORED - STORED.min()) / (STORED.max() - STORED.min())
    np.testing.assert_allclose(pixels / 65535, linear, atol=1 / 4096)


def test_tags_tell_side_projection_and_spacing(tmp_path):
    image = read(tmp_path)
    assert (image.laterality, image.projection, image.spacing_mm) == ("left", "mlo", 0.07)
    bare = read(tmp_path, ImageLaterality=None, ViewPosition=None, ImagerPixelSpacing=None)
    assert (bare.laterality, bare.projection, bare.spacing_mm) == (None, None, None)
    assert read(tmp_path, PixelSpacing=[0.05, 0.05]).spacing_mm == 0.05


def test_monochrome1_is_turned_over(tmp_path):
    upright = read(tmp_path).pixels.astype(int)
    turned = read(tmp_path, PhotometricInterpretation="MONOCHROME1").pixels.astype(int)
    np.testing.assert_allclose(turned, 65535 - upright, atol=1)


def test_the_voi_window_is_applied(tmp_path):
    pixels = read(tmp_path, WindowCenter=1000, WindowWidth=400).pixels
    assert (pixels[STORED < 790] == 0).all()
    assert (pixels[STORED > 1210] >= 65534).all()


def test_images_read_dicom_by_its_content(tmp_path):
    path = write(tmp_path / "view.png", make())
    assert images.read_pixels(path).shape == STORED.shape
    assert images.read_size(path) == STORED.shape


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Modality": "CT"}, "modality CT"),
        ({"PixelData": None}, "without pixel data"),
        ({"Rows": None}, "without an image"),
        ({"NumberOfFrames": 50}, "50 frames"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "raw detector data"),
        ({"PhotometricInterpretation": "RGB"}, "not grey levels"),
        ({"Rows": 50_000, "Columns": 50_000}, "50,000 × 50,000"),
        ({"PixelData": STORED.tobytes()[:1000]}, "truncated"),
    ],
)
def test_each_unusable_file_has_its_sentence(tmp_path, tags, reason):
    with pytest.raises(errors.ImageError) as caught:
        read(tmp_path, **tags)
    assert reason in caught.value.reason


def test_a_file_cut_off_in_its_tags_is_refused(tmp_path):
    path = write(tmp_path / "view.dcm", make())
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(errors.ImageError):
        images.read_pixels(path)
