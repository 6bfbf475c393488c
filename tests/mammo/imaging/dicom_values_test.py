import io

import pydicom
import pytest

from mammo.imaging import dicom_values
from tests import dicoms


def read(tmp_path, replaced: tuple[bytes, bytes] = (b"", b""), **tags) -> pydicom.dataset.FileDataset:
    """Writes these tags, and parses what was written, so that nothing of it has been taken apart."""
    dataset = dicoms.make(**tags)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    content = dicoms.write(tmp_path / "tags.dcm", dataset).read_bytes()
    return pydicom.dcmread(io.BytesIO(content.replace(*replaced) if replaced[0] else content))


def item(**tags) -> pydicom.dataset.Dataset:
    made = pydicom.dataset.Dataset()
    for key, value in tags.items():
        setattr(made, key, value)
    return made


def test_texts_come_without_their_padding(tmp_path):
    dataset = read(tmp_path, ImageType=[" DERIVED", "", "TOMO "], Modality=" MG ", PatientID="", Rows=7)
    assert dicom_values.texts(dataset, "ImageType") == ("DERIVED", "", "TOMO")
    assert dicom_values.text(dataset, "ImageType") == "DERIVED\\\\TOMO"
    assert dicom_values.text(dataset, "Modality") == "MG"
    assert dicom_values.text(dataset, "Rows") == "7"
    assert dicom_values.texts(dataset, "PatientID") == dicom_values.texts(dataset, "ViewPosition") == ()


@pytest.mark.parametrize(
    ("written", "expected"),
    [("20,5 ", 20.5), ("-1.5e3", -1500.0), ("nan  ", None), ("1e999", None), ("Doe^J", None), ("7\\\\8  ", 7.0)],
)
def test_the_first_number_counts(tmp_path, written, expected):
    dataset = read(tmp_path, (b"12345678", written.ljust(8).encode()), WindowCenter="12345678")
    assert dicom_values.number(dataset, "WindowCenter") == expected


def test_numbers_may_be_missing_empty_or_of_other_kinds(tmp_path):
    dataset = read(tmp_path, WindowCenter="", Rows=7, NumberOfFrames="3", RescaleSlope="2.5")
    assert dicom_values.number(dataset, "WindowCenter") is None
    assert dicom_values.number(dataset, "WindowWidth") is None
    assert dicom_values.whole(dataset, "Rows") == 7
    assert dicom_values.whole(dataset, "NumberOfFrames") == 3
    assert dicom_values.whole(dataset, "RescaleSlope") is None


def test_what_is_too_long_for_what_it_means_is_not_taken_apart(tmp_path):
    dataset = read(tmp_path, PatientID="x" * 70_000, WindowCenter="1\\" * 50_000 + "1")
    with pytest.raises(ValueError, match="PatientID has more than"):
        dicom_values.text(dataset, "PatientID")
    assert dicom_values.number(dataset, "WindowCenter") == 1.0
    many = read(tmp_path, ViewCodeSequence=[item(CodeMeaning="x" * 1_100_000)])
    with pytest.raises(ValueError, match="ViewCodeSequence has more than"):
        dicom_values.items(many, "ViewCodeSequence")


def test_what_the_first_frame_says_counts_before_what_all_share(tmp_path):
    def group(side: str, comments: str = "") -> pydicom.dataset.Dataset:
        return item(FrameAnatomySequence=[item(FrameLaterality=side, FrameComments=comments)])

    def side_of(dataset: pydicom.dataset.Dataset) -> str:
        return dicom_values.text(dicom_values.functional_group(dataset, "FrameAnatomySequence"), "FrameLaterality")

    shared, frames = [group("L")], [group("R"), group("B")]
    assert side_of(read(tmp_path)) == ""
    assert side_of(read(tmp_path, SharedFunctionalGroupsSequence=shared)) == "L"
    both = read(tmp_path, SharedFunctionalGroupsSequence=shared, PerFrameFunctionalGroupsSequence=frames)
    assert side_of(both) == "R"
    very_long = {"PerFrameFunctionalGroupsSequence": [group("R", comments="x" * 1_100_000)]}
    assert side_of(read(tmp_path, SharedFunctionalGroupsSequence=shared, **very_long)) == "L"
