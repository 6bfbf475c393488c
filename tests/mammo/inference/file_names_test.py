import pytest

from mammo.inference import file_names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("C_0029_1.LEFT_CC.jpg", ("left", "cc")),
        ("case RIGHT_MLO", ("right", "mlo")),
        ("L_CC.png", ("left", "cc")),
        ("12_LCC.png", ("left", "cc")),
        ("R-MLO.dcm", ("right", "mlo")),
        ("rmlo.png", ("right", "mlo")),
        ("mlo.right.png", ("right", "mlo")),
        ("20586908_MG_R_CC_ANON.dcm", ("right", "cc")),
        ("20586934_6c613a14b80a8591_MG_L_ML_ANON.dcm", ("left", "mlo")),  # INbreast writes MLO so
        ("L_ML.png", (None, None)),  # another projection elsewhere
        ("patient_MG_L_ML_ANON.dcm", (None, None)),
        ("left.png", ("left", None)),
        ("mlo2.png", (None, "mlo")),
        ("accurate_rcclib.png", (None, None)),
        ("bright_leftover.png", (None, None)),
        ("Smith_L_0001.png", (None, None)),  # an initial
        ("Smith_L_R_CC.png", ("right", "cc")),
        ("left_right_cc.png", (None, "cc")),
        ("1.2.840.113.7", (None, None)),
    ],
)
def test_names_tell_side_and_projection_by_words_of_their_own(name, expected):
    assert file_names.laterality_and_projection(name) == expected


@pytest.mark.parametrize(
    "name", ["C_0029_1.LEFT_CC.jpg", "notes", "scan.pdf", "000001", "masked.png", "part.png", "a.part.dcm", "VERSION"]
)
def test_what_only_content_can_tell_is_no_litter_by_its_name(name):
    assert not file_names.is_litter(name)


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.png", "._L_CC.png", ".DS_Store", "~$cases.xlsx", "Thumbs.db", "ehthumbs.db", "desktop.ini",
        "AUTORUN.INF", "DICOMDIR", "L_CC.png.part", "L_CC.png.crdownload", "L_CC.png:Zone.Identifier",
        "C_0029_1.LEFT_CC_MASK2.jpg", "Mask_1.png", "a.OVERLAY", "TAPE_C.PGM",
    ],
)  # fmt: skip
def test_what_systems_browsers_and_mini_ddsm_leave_beside_views_is_litter(name):
    assert file_names.is_litter(name)


@pytest.mark.parametrize(
    ("name", "is_litter"),
    [
        ("@eaDir", True),
        ("__MACOSX", True),
        ("System Volume Information", True),
        ("$RECYCLE.BIN", True),
        ("lost+found", True),
        (".thumbnails", True),
        ("lost+found exams", False),
        ("0017", False),
        ("DICOM", False),
    ],
)
def test_folders_of_systems_are_litter(name, is_litter):
    assert file_names.is_litter_folder(name) == is_litter


@pytest.mark.parametrize(
    ("name", "is_meant"),
    [("a.PNG", True), ("a.jpeg", True), ("a.dcm", True), ("a.png.txt", False), ("IM01", False), ("a.tif", False)],
)
def test_some_names_are_meant_as_views_whatever_the_files_hold(name, is_meant):
    assert file_names.is_meant_as_view(name) == is_meant


def test_a_case_of_a_data_set_is_told_by_its_name():
    assert file_names.case_of("C_0029_1.LEFT_CC.jpg") == ("C_0029_1", "C_0029")
    assert file_names.case_of("C_0029_1.LEFT_CCX.jpg") == file_names.case_of("view.png") == ("", "")
    assert file_names.case_of("20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm") == ("", "6c613a14b80a8591")
