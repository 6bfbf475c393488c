import concurrent.futures
import os

import numpy as np
import pytest

from mammo.clinical.exams import Uids
from mammo.common.errors import InputError
from mammo.inference import listing, reading
from tests import counting, dicoms, drawing

PIXELS = drawing.draw_view(100, 80)
VIEWS = [("left", "cc"), ("left", "mlo"), ("right", "cc"), ("right", "mlo")]

opened = pytest.fixture(counting.opened)
parsed = pytest.fixture(counting.parsed)


def png(path):
    return drawing.write(path, PIXELS)


def dicom(path, study="1.2.1", patient="4711", name="Doe^Jane", **tags):
    values = {"StudyInstanceUID": study, "PatientID": patient, "PatientName": name} | tags
    return dicoms.write(path, dicoms.make(**values))


def mini_ddsm(folder, case="C_0029_1"):
    """One exam as it lies in the download, with all that is no view; its last views are of the right breast."""
    paths = [png(folder / f"{case}.{side}_{view}.jpg") for side, view in [(a.upper(), b.upper()) for a, b in VIEWS]]
    for name in (".LEFT_CC_Mask.jpg", ".LEFT_CC_MASK2.jpg", ".RIGHT_MLO_Mask3.jpg"):
        png(folder / (case + name))
    png(folder / f"Mask_{case}.LEFT_MLO.jpg")
    for name in (f"{case}.LEFT_CC.OVERLAY", f"{case}.LEFT_MLO.OVERLAYu", "C-0029-1.ics", "TAPE_C_0029_1.COMB.16_PGM"):
        (folder / name).write_bytes(b"FILE")
    return paths


def table(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "exams.csv").write_text(text)
    return folder / "exams.csv"


def sides(exam):
    return [(view.laterality, view.projection) for view in exam.views]


def names(exam):
    return [view.path.name for view in exam.views]


def reasons(exam):
    return [view.reason for view in exam.views]


def test_a_folder_of_mini_ddsm_is_its_exams_without_what_is_no_view(tmp_path):
    expected = mini_ddsm(tmp_path / "Benign" / "0029")
    mini_ddsm(tmp_path / "Cancer" / "0007", "A_0007_1")
    listed = listing.list_exams([tmp_path])
    assert [exam.exam_id for exam in listed] == ["Benign_0029", "Cancer_0007"]
    assert [view.path for view in listed[0].views] == expected
    assert sides(listed[0]) == VIEWS
    assert reasons(listed[0]) == [None] * 4
    assert listed[0].patient == {}
    assert [exam.exam_id for exam in listing.list_exams([tmp_path / "Benign" / "0029"])] == ["0029"]


def test_a_folder_is_walked_sorted_without_hidden_files(tmp_path):
    for name in ("b/1.png", "a/deep/2.png", "a/1.png", "3.png", ".thumbs/1.png", "a/.1.png", "c/notes.txt", "DICOMDIR"):
        png(tmp_path / "given" / name.replace(".txt", ".png").replace("DICOMDIR", "d.png")).rename(
            tmp_path / "given" / name
        )
    listed = listing.list_exams([tmp_path / "given"])
    assert [(exam.exam_id, names(exam)) for exam in listed] == [
        ("given", ["3.png"]),
        ("a", ["1.png"]),
        ("a_deep", ["2.png"]),
        ("b", ["1.png"]),
    ]


def test_what_may_be_a_view_is_never_dropped(tmp_path):
    for name in ("notes", "scan.pdf", "view.tif"):
        (tmp_path / name).write_bytes(b"no image")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (exam,) = listing.list_exams([tmp_path])
    assert names(exam) == ["gone.png", "notes", "scan.pdf", "view.tif"]
    assert reasons(exam)[0] == "is a link to a file that is missing"


def test_linked_folders_are_followed_once(tmp_path):
    png(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "exam").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "given")
    assert [exam.exam_id for exam in listing.list_exams([tmp_path / "given"])] == ["exam"]


def test_a_folder_without_an_image_says_so(tmp_path):
    (tmp_path / "sheet.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match="holds no image; give a folder of PNG, JPEG or DICOM views"):
        listing.list_exams([tmp_path])


@pytest.mark.parametrize("name", ["folder", "view.png", "exams.csv"])
def test_what_is_not_there_is_named(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name} is not there"):
        listing.list_exams([tmp_path / name])


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    png(tmp_path / "good" / "1.png")
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def refuse(folder):
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"locked cannot be read \(Permission denied\)"):
        listing.list_exams([tmp_path])


def test_files_are_one_exam_named_by_their_case_or_their_folder(tmp_path):
    paths = mini_ddsm(tmp_path / "folder")
    (exam,) = listing.list_exams(paths[2:])
    assert (exam.exam_id, sides(exam)) == ("C_0029_1", VIEWS[2:])
    (exam,) = listing.list_exams([paths[0], png(tmp_path / "folder" / "other.png")])
    assert (exam.exam_id, sides(exam)) == ("folder", [VIEWS[0], (None, None)])
    (exam,) = listing.list_exams([png(tmp_path / "single" / "view.png")])
    assert (exam.exam_id, names(exam)) == ("single", ["view.png"])


def test_a_file_that_cannot_be_opened_leaves_the_others(tmp_path):
    good = png(tmp_path / "good.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    given = [tmp_path / "gone.png", good, tmp_path / "empty.png", tmp_path / "folder.png", tmp_path / "pipe.png"]
    (exam,) = listing.list_exams(given)
    assert reasons(exam) == [
        "is missing",
        None,
        "is empty (0 bytes); copy it again from its source",
        "is a folder, not an image",
        "is no file that holds an image",
    ]


def test_several_folders_are_refused(tmp_path):
    for name in ("a", "b"):
        png(tmp_path / name / "1.png")
    with pytest.raises(InputError, match="are folders; give one"):
        listing.list_exams([tmp_path / "a", tmp_path / "b"])


def test_a_path_given_twice_counts_once(tmp_path):
    first = png(tmp_path / "1.png")
    (tmp_path / "x").mkdir()
    (exam,) = listing.list_exams([first, tmp_path / "x" / ".." / "1.png", first])
    assert reasons(exam) == [None, "is given twice", "is given twice"]


def test_tags_count_more_than_names_and_the_table_more_than_tags(tmp_path):
    path = dicom(tmp_path / "LEFT_CC.dcm", ImageLaterality="R", ViewPosition="MLO")
    (exam,) = listing.list_exams([path])
    assert sides(exam) == [("right", "mlo")]
    (exam,) = listing.list_exams([table(tmp_path, "exam_id,path,laterality,projection\na,LEFT_CC.dcm,l,\n")])
    assert sides(exam) == [("left", "mlo")]
    (exam,) = listing.list_exams([dicom(tmp_path / "plain" / "RIGHT_CC.dcm")])
    assert sides(exam) == [("right", "cc")]


def test_series_of_one_study_are_one_exam(tmp_path):
    for series in "abcd":
        dicom(tmp_path / "person" / "study" / series / "000001", study="1.2.1")
    dicom(tmp_path / "person" / "later" / "a" / "000001", study="1.2.2")
    listed = listing.list_exams([tmp_path])
    assert [(exam.exam_id, len(exam.views)) for exam in listed] == [("person_later_a", 1), ("person_study", 4)]
    assert listed[0].patient == {"id": "4711", "name": "Doe^Jane"}
    assert "4711" not in repr(listed)
    assert "Doe" not in repr(listed)


def test_a_folder_of_several_studies_of_one_patient_is_as_many_exams(tmp_path):
    for name, study in (("1", "1.2.2"), ("2", "1.2.1"), ("3", "1.2.2")):
        dicom(tmp_path / "given" / name, study=study)
    png(tmp_path / "given" / "4.png")
    listed = listing.list_exams([tmp_path / "given"])
    assert [(exam.exam_id, names(exam)) for exam in listed] == [("given_1", ["2", "4.png"]), ("given_2", ["1", "3"])]
    assert reasons(listed[0]) == [None, "lies in one folder with 2 studies, and does not say of which it is"]
    mini_ddsm(tmp_path / "film")
    mini_ddsm(tmp_path / "film", "C_0029_2")
    assert [len(exam.views) for exam in listing.list_exams([tmp_path / "film"])] == [4, 4]


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
        (exam,) = listing.list_exams(given)
        if count == 1:
            assert set(reasons(exam)) == {None}
            continue
        assert exam.patient == {}
        assert all("2 patients; give the views of each" in str(reason) for reason in reasons(exam))
        assert not any(secret in str(reasons(exam)) for secret in ("471", "Doe", "Roe"))


def test_mini_ddsm_of_several_patients_in_one_folder_is_not_judged(tmp_path):
    paths = mini_ddsm(tmp_path) + mini_ddsm(tmp_path, "A_0007_1")
    (exam,) = listing.list_exams([tmp_path])
    reason = "lies in one folder with views of 2 patients; give the views of each in a folder of its own"
    assert reasons(exam) == [reason] * 8
    (exam,) = listing.list_exams([*paths, tmp_path / "gone.png"])
    assert reasons(exam)[-1] == "is missing"
    assert all("2 patients" in str(reason) for reason in reasons(exam)[:-1])


def test_damaged_tags_are_the_reason(tmp_path):
    path = dicom(tmp_path / "given" / "view.dcm")
    path.write_bytes(path.read_bytes().replace(b"UI", b"U\xff"))
    (exam,) = listing.list_exams([tmp_path / "given"])
    assert "is a truncated or damaged DICOM file" in str(exam.views[0].reason)


def test_a_table_lists_exams_in_its_order(tmp_path):
    for name in ("1.png", "sub/2.png", "R_CC.png"):
        png(tmp_path / name)
    text = (
        "\ufeffpath , exam_id,age,laterality,projection\n"
        "1.png,b,50,Left,MLO\n\n"
        "sub/2.png,a,,R,\n"
        f"{tmp_path / 'R_CC.png'},b\n"
        'gone.png,b,,"l",cc\n'
        "1.png,b,,,\n"
    )
    second, first = listing.list_exams([table(tmp_path, text)])
    assert (second.exam_id, names(second)) == ("b", ["1.png", "R_CC.png", "gone.png", "1.png"])
    assert sides(second) == [("left", "mlo"), ("right", "cc"), ("left", "cc"), (None, None)]
    assert reasons(second) == [None, None, "is missing", "is given twice"]
    assert (first.exam_id, first.views[0].path, sides(first)) == ("a", tmp_path / "sub/2.png", [("right", None)])


def test_exam_ids_are_fit_for_file_names_and_differ(tmp_path):
    given = ["a/b", "a b", "a_b_2", ".hidden", "..", "Müller", "x" * 300]
    text = "exam_id,path\n" + "".join(f"{exam_id},1.png\n" for exam_id in given)
    exams = listing.list_exams([table(tmp_path, text)])
    assert [exam.exam_id for exam in exams] == ["a_b", "a_b_2", "a_b_2_2", "_hidden", "__", "Müller", "x" * 120]
    assert [exam.given_id for exam in exams] == given


def test_the_files_are_not_decoded(tmp_path):
    path = png(tmp_path / "view.png")
    path.write_bytes(path.read_bytes()[:40])
    (exam,) = listing.list_exams([path])
    assert reasons(exam) == [None]


def dicom_exam(folder, side_px=400):
    """The four views of an exam, each with pixels of its own."""
    paths = []
    for number, (side, projection) in enumerate(VIEWS):
        pixels = drawing.draw_view(side_px, side_px * 2 // 3, seed=number)
        tags = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": f"1.2.{number}", "SOPInstanceUID": f"1.2.{number}.1"}
        tags |= {"PatientID": "4711", "ImageLaterality": side[0].upper(), "ViewPosition": projection.upper()}
        paths.append(dicoms.write(folder / f"{number}.dcm", dicoms.make_image(pixels, 8, **tags)))
    return paths


def read(exam):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return reading.read(exam.views, 128, 64, pool)


def test_an_exam_is_opened_and_parsed_once_from_listing_to_pixels(tmp_path, opened, parsed):
    paths = dicom_exam(tmp_path / "given")
    (exam,) = listing.list_exams([tmp_path / "given"])
    assert [view.reason for view in read(exam)] == [None] * 4
    assert opened == paths
    assert len(parsed) == 4
    assert sum(view.image.kept_bytes for view in exam.views) == 0  # released


def test_what_is_kept_of_listed_files_stays_below_its_limit(tmp_path, monkeypatch, opened):
    paths = [path for name in "abc" for path in dicom_exam(tmp_path / "given" / name)]
    size = paths[0].stat().st_size
    monkeypatch.setattr(listing, "KEPT_BYTES", 2 * 5 * size + size)
    (exam,) = listing.list_exams([tmp_path / "given"])
    kept = [view.image.kept_bytes for view in exam.views]
    assert 0 < sum(kept) <= listing.KEPT_BYTES
    assert len([number for number in kept if number]) == 5
    assert sides(exam) == VIEWS * 3
    assert opened == paths
    read(exam)
    again = [path for path, number in zip(paths, kept, strict=True) if not number]
    assert sorted(opened) == sorted(paths + again)


def test_a_view_says_to_which_study_series_and_image_it_belongs(tmp_path):
    dicom_exam(tmp_path)
    (exam,) = listing.list_exams([tmp_path])
    assert [view.uids for view in exam.views] == [
        Uids("1.2", f"1.2.{number}", f"1.2.{number}.1") for number in range(4)
    ]
    (film,) = listing.list_exams([png(tmp_path / "film" / "view.png")])
    assert film.views[0].uids == Uids()


def test_paths_and_bytes_are_answered_alike(tmp_path, opened):
    paths = dicom_exam(tmp_path)
    given = [path.read_bytes() for path in paths]
    opened.clear()
    of_paths, of_bytes = listing.exam_of(paths, "a/b"), listing.exam_of(given, "a/b")
    assert of_bytes.exam_id == of_paths.exam_id == "a_b"
    assert of_bytes.patient == of_paths.patient == {"id": "4711"}
    assert sides(of_bytes) == sides(of_paths) == VIEWS
    assert [view.uids for view in of_bytes.views] == [view.uids for view in of_paths.views]
    assert [(view.name, view.path) for view in of_bytes.views] == [(f"view {number}", None) for number in range(1, 5)]
    assert [view.name for view in of_paths.views] == [str(path) for path in paths]
    for by_path, by_bytes in zip(read(of_paths), read(of_bytes), strict=True):
        assert by_bytes.reason is None
        np.testing.assert_array_equal(by_bytes.prepared.image, by_path.prepared.image)
    assert opened == paths


def test_bytes_of_two_patients_or_given_twice_are_not_judged(tmp_path):
    first, second = (dicom(tmp_path / f"{name}.dcm", patient=name, name=None).read_bytes() for name in ("4711", "4712"))
    made = reasons(listing.exam_of([first, second], "a"))
    assert all("2 patients; give the views of each" in str(reason) for reason in made)
    assert reasons(listing.exam_of([first, b"", first, b""], "a")) == [
        None,
        "is empty (0 bytes); copy it again from its source",
        "is given twice",
        "is empty (0 bytes); copy it again from its source",
    ]
    same = [view.reason for view in read(listing.exam_of([png(tmp_path / "a.png"), png(tmp_path / "b.png")], "a"))]
    assert same == [None, "is the same image as a.png"]
    with pytest.raises(ValueError, match="at least one view"):
        listing.exam_of([], "a")
