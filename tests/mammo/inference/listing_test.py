import concurrent.futures
import os

import numpy as np
import pydicom.uid
import pytest

from mammo.clinical.exams import Uids
from mammo.common.errors import InputError
from mammo.inference import listing, reading
from mammo.inference.exam_files import LeftOut
from tests import counting, dicoms, drawing
from tests.mammo.inference.exam_folders import VIEWS, dicom, four, mini_ddsm, names, png, reasons, sides, table

opened = pytest.fixture(counting.opened)
parsed = pytest.fixture(counting.parsed)


def exams_in(given):
    """The exams of what was listed, where nothing is to be said of the rest."""
    listed = listing.list_exams(given)
    assert listed.faults == ()
    return list(listed.exams)


def test_a_folder_of_mini_ddsm_is_its_exams_without_what_is_no_view(tmp_path):
    expected = mini_ddsm(tmp_path / "Benign" / "0029")
    mini_ddsm(tmp_path / "Cancer" / "0007", "A_0007_1")
    listed = exams_in([tmp_path])
    assert [exam.exam_id for exam in listed] == ["Benign_0029", "Cancer_0007"]
    assert [view.path for view in listed[0].views] == expected
    assert sides(listed[0]) == VIEWS
    assert reasons(listed[0]) == [None] * 4
    assert listed[0].patient == {}
    assert [exam.exam_id for exam in exams_in([tmp_path / "Benign" / "0029"])] == ["0029"]


def test_each_folder_is_an_exam_named_by_its_place(tmp_path):
    for name in ("b/1.png", "a/deep/2.png", "a/1.png", "3.png", "c/notes.txt"):
        png(tmp_path / "given" / name.replace(".txt", ".png")).rename(tmp_path / "given" / name)
    (tmp_path / "given" / "a" / "notes.txt").write_text("of a radiologist")
    assert [(exam.exam_id, names(exam)) for exam in exams_in([tmp_path / "given"])] == [
        ("given", ["3.png"]),
        ("a", ["1.png"]),
        ("a_deep", ["2.png"]),
        ("b", ["1.png"]),
        ("c", ["notes.txt"]),  # what a file holds decides, not its name
    ]


PNG_START = b"\x89PNG\r\n\x1a\n"
TIFF = b"II*\0" + bytes(100)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("L_CC.png", b"no image"),
        ("L_CC.JPG", b""),
        ("IM01.dcm", b"<html>not logged in</html>"),
        ("noext", PNG_START),
        ("scan.bak", b"\xff\xd8\xff\xe0" + bytes(100)),
        ("000001", bytes(128) + b"DICM" + bytes(10)),
        ("scan.tif", TIFF),
        ("noext", b"BM" + bytes(100)),
        ("scan.pgm", b"P5 4000 3000 65535\n" + bytes(100)),
    ],
)
def test_what_is_meant_as_a_view_is_never_left_out(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    png(tmp_path / "other.png")
    listed = listing.list_exams([tmp_path])
    assert sorted(names(listed.exams[0])) == sorted([name, "other.png"])
    assert listed.left_out == ()


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("LICENSE", b"some text\n", "a text file"),
        ("VERSION", b"1", "a text file"),
        ("LOCKFILE", b"", "an empty file"),
        ("report.pdf", b"%PDF-1.4 ...", "a PDF document"),
        ("INDEX.HTM", b"<html>", "an HTML page"),
        ("viewer.exe", b"MZ" + bytes(200), "a Windows program"),
        ("notes.docx", b"PK\3\4" + bytes(50), "a ZIP archive or an Office document"),
        ("L_CC.dcm.gz", b"\x1f\x8b" + bytes(50), "a gzip archive"),
        ("LOGO.GIF", b"GIF89a" + bytes(50), "a GIF image"),
        ("annotation.npy", b"\x93NUMPY" + bytes(50), "a NumPy array"),
        ("noise.bin", bytes(range(256)), "no image"),
    ],
)
def test_what_lies_among_views_and_is_none_is_left_out_by_what_it_is(tmp_path, name, content, what):
    (tmp_path / name).write_bytes(content)
    png(tmp_path / "view.png")
    listed = listing.list_exams([tmp_path])
    assert names(listed.exams[0]) == ["view.png"]
    assert listed.left_out == (LeftOut(tmp_path / name, what),)
    assert listed.faults == ()
    (exam,) = listing.list_exams([tmp_path / name]).exams  # a person who names it is answered
    assert names(exam) == [name]


def test_what_cannot_be_opened_is_a_view_that_says_so(tmp_path):
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (exam,) = exams_in([tmp_path])
    assert reasons(exam) == [
        "is a link to a file that is missing",
        "cannot be read (Too many levels of symbolic links)",
    ]
    os.mkfifo(tmp_path / "pipe")
    assert listing.list_exams([tmp_path]).left_out == (LeftOut(tmp_path / "pipe", "a pipe or a device"),)


def test_a_folder_without_an_image_says_so(tmp_path):
    with pytest.raises(InputError, match="holds no image; give a folder of PNG, JPEG or DICOM views"):
        listing.list_exams([tmp_path])
    (tmp_path / "sheet.xlsx").write_bytes(b"PK\3\4")
    with pytest.raises(InputError, match=r"holds no image \(sheet.xlsx is a ZIP archive or an Office document\); give"):
        listing.list_exams([tmp_path])


def test_answers_of_an_earlier_run_are_no_exam(tmp_path):
    for name in ("0017/1.png", "out/0017/1.png"):
        png(tmp_path / name)
    (tmp_path / "out" / listing.OUTPUT_MARK).touch()
    assert [exam.exam_id for exam in exams_in([tmp_path])] == ["0017"]
    with pytest.raises(InputError, match="out holds the answers of an earlier run and is not read; give the folder of"):
        listing.list_exams([tmp_path / "out"])


@pytest.mark.parametrize("name", ["folder", "view.png", "exams.csv"])
def test_what_is_not_there_is_named(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name} is not there"):
        exams_in([tmp_path / name])


def test_a_folder_that_may_not_be_read_costs_itself(tmp_path, monkeypatch):
    png(tmp_path / "good" / "1.png")
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def refuse(folder):
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    sentence = f"{tmp_path / 'locked'} cannot be read (Permission denied); change its permissions, or copy it."
    listed = listing.list_exams([tmp_path])
    assert [exam.exam_id for exam in listed.exams] == ["good"]
    assert listed.faults == (sentence,)
    with pytest.raises(InputError) as caught:
        listing.list_exams([tmp_path / "locked"])
    assert str(caught.value) == sentence


def test_files_are_one_exam_named_by_their_case_or_their_folder(tmp_path):
    paths = mini_ddsm(tmp_path / "folder")
    (exam,) = exams_in(paths[2:])
    assert (exam.exam_id, sides(exam)) == ("C_0029_1", VIEWS[2:])
    (exam,) = exams_in([paths[0], png(tmp_path / "folder" / "other.png")])
    assert (exam.exam_id, sides(exam)) == ("folder", [VIEWS[0], (None, None)])
    (exam,) = exams_in([png(tmp_path / "single" / "view.png")])
    assert (exam.exam_id, names(exam)) == ("single", ["view.png"])


def test_a_file_that_cannot_be_opened_leaves_the_others(tmp_path):
    good = png(tmp_path / "good.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    given = [tmp_path / "gone.png", good, tmp_path / "empty.png", tmp_path / "folder.png", tmp_path / "pipe.png"]
    (exam,) = exams_in(given)
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
        exams_in([tmp_path / "a", tmp_path / "b"])


def test_a_path_given_twice_counts_once(tmp_path):
    first = png(tmp_path / "1.png")
    (tmp_path / "x").mkdir()
    (exam,) = exams_in([first, tmp_path / "x" / ".." / "1.png", first])
    assert reasons(exam) == [None, "is given twice", "is given twice"]


def test_tags_count_more_than_names_and_the_table_more_than_tags(tmp_path):
    path = dicom(tmp_path / "LEFT_CC.dcm", ImageLaterality="R", ViewPosition="MLO")
    (exam,) = exams_in([path])
    assert sides(exam) == [("right", "mlo")]
    (exam,) = exams_in([table(tmp_path, "exam_id,path,laterality,projection\na,LEFT_CC.dcm,l,\n")])
    assert sides(exam) == [("left", "mlo")]
    (exam,) = exams_in([dicom(tmp_path / "plain" / "RIGHT_CC.dcm")])
    assert sides(exam) == [("right", "cc")]


def test_damaged_tags_are_the_reason(tmp_path):
    path = dicom(tmp_path / "given" / "view.dcm")
    path.write_bytes(path.read_bytes().replace(b"UI", b"U\xff"))
    (exam,) = exams_in([tmp_path / "given"])
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
    second, first = exams_in([table(tmp_path, text)])
    assert (second.exam_id, names(second)) == ("b", ["1.png", "R_CC.png", "gone.png", "1.png"])
    assert sides(second) == [("left", "mlo"), ("right", "cc"), ("left", "cc"), (None, None)]
    assert reasons(second) == [None, None, "is missing", "is given twice"]
    assert (first.exam_id, first.views[0].path, sides(first)) == ("a", tmp_path / "sub/2.png", [("right", None)])


def test_a_view_that_a_table_calls_no_standard_one_is_apart_whatever_its_name_says(tmp_path):
    png(tmp_path / "L_CC.png")
    (exam,) = exams_in([table(tmp_path, "exam_id,path,projection\na,L_CC.png,XCCL\n")])
    assert (sides(exam), exam.views[0].apart) == ([("left", None)], "an exaggerated craniocaudal view")


def report(path):
    """A structured report, as it lies beside the views of an export."""
    made = dicoms.make(Modality="SR", StudyInstanceUID="1.2.1", PatientID="4711")
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = pydicom.uid.BasicTextSRStorage
    return dicoms.write(path, made)


def test_objects_beside_the_views_are_left_out_and_named(tmp_path):
    four(tmp_path / "exam")
    path = report(tmp_path / "exam" / "IM09.dcm")
    listed = listing.list_exams([tmp_path / "exam"])
    assert [len(exam.views) for exam in listed.exams] == [4]
    assert listed.left_out == (LeftOut(path, "a structured report"),)
    assert listed.exams[0].views[0].apart is None


def test_an_object_that_is_no_image_is_answered_by_what_it_is_where_a_person_names_it(tmp_path):
    path = report(tmp_path / "exam" / "IM09")
    reason = "is a structured report, not a mammogram"
    for given in ([path], [table(tmp_path, "exam_id,path\na,exam/IM09\n")]):
        assert reasons(exams_in(given)[0]) == [reason]
    assert reasons(listing.exam_of([path.read_bytes()], "a")) == [reason]
    with pytest.raises(InputError, match=r"holds no image \(IM09 is a structured report\); give a folder"):
        listing.list_exams([tmp_path / "exam"])


def test_views_that_are_no_screening_views_are_apart(tmp_path):
    four(tmp_path)
    dicom(tmp_path / "mag.dcm", ImageLaterality="R", ViewPosition="CC", EstimatedRadiographicMagnificationFactor="1.8")
    dicom(tmp_path / "ml.dcm", ImageLaterality="R", ViewPosition="ML")
    (exam,) = exams_in([tmp_path])
    assert {view.path.name: view.apart for view in exam.views if view.apart} == {
        "mag.dcm": "a magnification view",
        "ml.dcm": "a mediolateral view",
    }


def test_exam_ids_are_fit_for_file_names_and_differ(tmp_path):
    given = ["a/b", "a b", "a_b_2", ".hidden", "..", "Müller", "x" * 300]
    text = "exam_id,path\n" + "".join(f"{exam_id},1.png\n" for exam_id in given)
    exams = exams_in([table(tmp_path, text)])
    assert [exam.exam_id for exam in exams] == ["a_b", "a_b_2", "a_b_2_2", "_hidden", "__", "Müller", "x" * 120]
    assert [exam.given_id for exam in exams] == given


def test_the_files_are_not_decoded(tmp_path):
    path = png(tmp_path / "view.png")
    path.write_bytes(path.read_bytes()[:40])
    (exam,) = exams_in([path])
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
    (exam,) = exams_in([tmp_path / "given"])
    assert [view.reason for view in read(exam)] == [None] * 4
    assert opened == paths
    assert len(parsed) == 4
    assert sum(view.image.kept_bytes for view in exam.views) == 0  # released


def test_what_is_kept_of_listed_files_stays_below_its_limit(tmp_path, monkeypatch, opened):
    paths = [path for name in "abc" for path in dicom_exam(tmp_path / "given" / name)]
    for name in "abc":
        (tmp_path / "given" / name / "manual").write_bytes(b"%PDF-1.4" + bytes(1000))  # nobody will ask for it
    size = paths[0].stat().st_size
    monkeypatch.setattr(listing, "KEPT_BYTES", 2 * 5 * size + size)
    exams = exams_in([tmp_path / "given"])
    kept = [view.image.kept_bytes for exam in exams for view in exam.views]
    assert 0 < sum(kept) <= listing.KEPT_BYTES
    assert len([number for number in kept if number]) == 5
    assert [sides(exam) for exam in exams] == [VIEWS] * 3
    assert [path for path in opened if path.name != "manual"] == paths
    for exam in exams:
        read(exam)
    again = [path for path, number in zip(paths, kept, strict=True) if not number]
    assert sorted(path for path in opened if path.name != "manual") == sorted(paths + again)


def test_a_view_says_to_which_study_series_and_image_it_belongs(tmp_path):
    dicom_exam(tmp_path)
    (exam,) = exams_in([tmp_path])
    assert [view.uids for view in exam.views] == [
        Uids("1.2", f"1.2.{number}", f"1.2.{number}.1") for number in range(4)
    ]
    (film,) = exams_in([png(tmp_path / "film" / "view.png")])
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
