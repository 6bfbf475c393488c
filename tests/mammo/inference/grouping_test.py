"""Which views make one exam, through what is listed of folders."""

import pathlib
import time

import pytest

from mammo.clinical.labels import STANDARD_VIEWS
from mammo.imaging.image_file import ImageFile
from mammo.inference import grouping, listing
from mammo.inference.exam_files import ViewFile
from mammo.inference.grouping import Found, Part
from tests.mammo.inference.exam_folders import VIEWS, dicom, four, mini_ddsm, names, png, reasons, sides, table


def exams_in(given):
    return list(listing.list_exams(given).exams)


def named(folder):
    """The exams of a folder by name, with the number of their views."""
    return [(exam.exam_id, len(exam.views)) for exam in exams_in([folder])]


def test_series_of_one_study_are_one_exam(tmp_path):
    for series in "abcd":
        dicom(tmp_path / "person" / "study" / series / "000001", study="1.2.1")
    dicom(tmp_path / "person" / "later" / "a" / "000001", study="1.2.2")
    listed = exams_in([tmp_path])
    assert [(exam.exam_id, len(exam.views)) for exam in listed] == [("person_later_a", 1), ("person_study", 4)]
    assert listed[0].patient == {"id": "4711", "name": "Doe^Jane"}
    assert "4711" not in repr(listed)
    assert "Doe" not in repr(listed)


def test_a_folder_of_several_studies_of_one_patient_is_as_many_exams(tmp_path):
    for name, study in (("1", "1.2.2"), ("2", "1.2.1"), ("3", "1.2.2")):
        dicom(tmp_path / "given" / name, study=study)
    png(tmp_path / "given" / "4.png")
    listed = exams_in([tmp_path / "given"])
    assert [(exam.exam_id, names(exam)) for exam in listed] == [("given_1", ["2", "4.png"]), ("given_2", ["1", "3"])]
    assert reasons(listed[0]) == [None, "lies in one folder with 2 studies, and does not say of which it is"]
    mini_ddsm(tmp_path / "film")
    mini_ddsm(tmp_path / "film", "C_0029_2")
    assert [len(exam.views) for exam in exams_in([tmp_path / "film"])] == [4, 4]


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        ({}, {"patient": "4712"}, 2),
        ({}, {"patient": "4712", "study": "1.2.2"}, 2),
        ({"patient": None}, {"patient": None, "name": "Roe^Richard"}, 2),
        ({}, {"patient": None, "name": "Roe^Richard"}, 2),
        ({}, {"patient": None}, 1),  # of the same name
        ({}, {"patient": None, "name": None}, 1),
        ({}, {"name": "DOE^JANE^^"}, 1),
        ({"patient": None}, {"patient": None, "name": "DOE^JANE^^"}, 1),
    ],
)
def test_dicom_of_several_patients_in_one_folder_is_not_judged(tmp_path, first, second, count):
    paths = [dicom(tmp_path / "given" / "1.dcm", **first), dicom(tmp_path / "given" / "2.dcm", **second)]
    png(tmp_path / "given" / "3.png")
    for given in ([tmp_path / "given"], paths, [table(tmp_path, "exam_id,path\na,given/1.dcm\na,given/2.dcm\n")]):
        (exam,) = exams_in(given)
        if count == 1:
            assert set(reasons(exam)) == {None}
            continue
        assert exam.patient == {}
        assert all("2 patients; give the views of each" in str(reason) for reason in reasons(exam))
        assert not any(secret in str(reasons(exam)) for secret in ("471", "Doe", "Roe"))


def test_mini_ddsm_of_several_patients_in_one_folder_is_not_judged(tmp_path):
    paths = mini_ddsm(tmp_path) + mini_ddsm(tmp_path, "A_0007_1")
    (exam,) = exams_in([tmp_path])
    reason = "lies in one folder with views of 2 patients; give the views of each in a folder of its own"
    assert reasons(exam) == [reason] * 8
    (exam,) = exams_in([*paths, tmp_path / "gone.png"])
    assert reasons(exam)[-1] == "is missing"
    assert all("2 patients" in str(reason) for reason in reasons(exam)[:-1])


def test_one_study_in_folders_of_two_patients_is_two_exams(tmp_path):
    four(tmp_path / "0001", patient="1", name=None)
    four(tmp_path / "0002", patient="2", name=None)
    assert named(tmp_path) == [("0001", 4), ("0002", 4)]
    assert all(reasons(exam) == [None] * 4 for exam in exams_in([tmp_path]))


@pytest.mark.parametrize("patient", [None, "ANONYMOUS"])
def test_one_study_and_no_telling_patient_in_two_full_folders_is_two_exams(tmp_path, patient):
    """An anonymiser wrote one study into all that it was given."""
    for folder in ("0001", "0002", "0003"):
        four(tmp_path / folder, patient=patient, name=None)
    assert named(tmp_path) == [("0001", 4), ("0002", 4), ("0003", 4)]


@pytest.mark.parametrize("patient", [None, "4711"])
def test_series_that_complete_each_other_are_one_exam_of_each_person(tmp_path, patient):
    for person in ("0001", "0002"):
        for side, view in VIEWS:
            folder = tmp_path / person / f"{side}_{view}"
            dicom(
                folder / "1.dcm", patient=patient, name=None, ImageLaterality=side[0].upper(), ViewPosition=view.upper()
            )
    listed = exams_in([tmp_path])
    if patient is None:  # a view that comes again begins another exam
        assert [(exam.exam_id, sides(exam)) for exam in listed] == [("0001", VIEWS), ("0002", VIEWS)]
    else:  # one person and one study: each view was taken twice
        assert [(len(exam.views), set(reasons(exam))) for exam in listed] == [(8, {None})]


def test_a_repeat_in_a_series_of_its_own_stays_in_the_exam_of_its_patient(tmp_path):
    four(tmp_path / "study" / "a")
    dicom(tmp_path / "study" / "b" / "again.dcm", ImageLaterality="L", ViewPosition="CC")
    assert named(tmp_path) == [("study", 5)]


def test_views_that_say_neither_patient_nor_what_they_show_are_not_joined(tmp_path):
    for folder in ("a", "b"):
        dicom(tmp_path / folder / "1.dcm", patient=None, name=None)
    assert named(tmp_path) == [("a", 1), ("b", 1)]


def cbis_ddsm(root, person, *, side="LEFT", lesion=""):
    for view in ("CC", "MLO"):
        patient = f"Mass-Training_{person}_{side}_{view}{lesion}"
        folder = root / patient / f"07-20-2016-DDSM-{lesion}" / "1.000000-full mammogram images-1"
        dicom(
            folder / "1-1.dcm", study=f"1.2.{person}.{view}.{lesion}".replace("P_", ""), patient=patient, name=patient
        )


def test_views_of_cbis_ddsm_are_exams_of_persons_without_crops_and_masks(tmp_path):
    for person in ("P_00001", "P_00004"):
        cbis_ddsm(tmp_path, person)
        cbis_ddsm(tmp_path, person, lesion="_1")
    listed = listing.list_exams([tmp_path])
    assert [(exam.exam_id, sides(exam), set(reasons(exam))) for exam in listed.exams] == [
        (f"Mass-Training_{person}", VIEWS[:2], {None}) for person in ("P_00001", "P_00004")
    ]
    assert {item.what for item in listed.left_out} == {"a crop or a mask of one lesion of CBIS-DDSM"}
    assert len(listed.left_out) == 4
    (exam,) = exams_in([listed.left_out[0].path])
    assert reasons(exam) == ["is a crop or a mask of one lesion of CBIS-DDSM, not a mammogram"]


def test_patients_of_inbreast_are_told_apart_by_the_names_of_files(tmp_path):
    for number, patient in ((1, "6c613a14b80a8591"), (2, "6c613a14b80a8591"), (3, "0b9cf3fa80a8d5ac")):
        dicom(tmp_path / f"{number}_{patient}_MG_L_ML_ANON.dcm", patient="removed", name="removed")
    (exam,) = exams_in([tmp_path])
    assert all("views of 2 patients" in str(reason) for reason in reasons(exam))
    (exam,) = exams_in(sorted(tmp_path.iterdir())[:2])
    assert (sides(exam), reasons(exam)) == ([("left", "mlo")] * 2, [None] * 2)


def test_the_time_grows_with_the_number_of_views_and_no_faster():
    """Ten thousand studies in one folder, and folders of one study: to compare each with each takes minutes."""
    began_s = time.process_time()
    root = pathlib.Path("root")
    found = [
        Found(ViewFile(ImageFile(root / str(number))), f"1.2.{number}", is_dicom=True, patient_id="4711")
        for number in range(10_000)
    ]
    assert len(grouping.exams_of_parts(root, grouping.parts_of(root, found))) == 10_000
    series = [Part(root / str(number), [item], "1.2") for number, item in enumerate(found)]
    (exam,) = grouping.exams_of_parts(root, series)
    assert len(exam.views) == 10_000
    four = [(ViewFile(ImageFile(root), side, view), number) for number in range(2_500) for side, view in STANDARD_VIEWS]
    unknown = [Part(root / str(number), [Found(view, "1.2", is_dicom=True)], "1.2") for view, number in four]
    assert len(grouping.exams_of_parts(root, unknown)) == 2_500
    assert time.process_time() - began_s < 20
