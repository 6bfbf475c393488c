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


@pytest.mark.parametrize("name", ["C_0029_1.LEFT_CC.jpg", "notes", "scan.pdf", "000001", "masked.png"])
def test_what_may_be_a_view_is_kept(name):
    assert file_names.may_be_view(name)


@pytest.mark.parametrize(
    "name", [".hidden.png", "DICOMDIR", "C_0029_1.LEFT_CC_MASK2.jpg", "Mask_1.png", "a.OVERLAY", "a.ics", "TAPE_C.PGM"]
)
def test_what_stands_beside_views_is_left_out(name):
    assert not file_names.may_be_view(name)


def test_a_case_of_mini_ddsm_is_told_by_its_name():
    assert file_names.case_of("C_0029_1.LEFT_CC.jpg") == ("C_0029_1", "C_0029")
    assert file_names.case_of("C_0029_1.LEFT_CCX.jpg") == file_names.case_of("view.png") == ("", "")
