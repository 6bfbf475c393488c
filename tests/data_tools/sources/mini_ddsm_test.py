import pytest

from data_tools.sources.mini_ddsm import MiniDdsm
from mammo.clinical.labels import Label
from mammo.common.errors import ImageError, InputError
from tests import drawing
from tests.data_tools.sources import mini_ddsm_tree
from tests.data_tools.sources.mini_ddsm_tree import Tree


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def _view(source, name):
    for exam in source.list_exams():
        for view in exam.views:
            if view.path.stem == name:
                return exam, view
    raise AssertionError(name)


def _lesions(source, name):
    return source.annotate(*_view(source, name), mini_ddsm_tree.HEIGHT, mini_ddsm_tree.WIDTH).lesions


def test_a_case_is_an_exam_of_four_views(tree):
    (exam,) = tree.case().sheet().source().list_exams()
    assert (exam.patient_id, exam.exam_id, exam.volume) == ("C_0007", "C_0007_1", "C")
    assert (exam.status, exam.age_years, exam.density) == (Label.CANCER, 67, 2)
    assert [(view.laterality, view.projection) for view in exam.views] == [
        ("left", "cc"),
        ("left", "mlo"),
        ("right", "cc"),
        ("right", "mlo"),
    ]


def test_the_folder_number_is_no_patient(tree):
    tree.case("Benign", "0236", "C_0236_1").case("Normal", "0236", "A_0236_1").sheet()
    assert [exam.patient_id for exam in tree.source().list_exams()] == ["A_0236", "C_0236"]


def test_status_is_the_cases_and_a_view_without_an_outline_is_normal(tree):
    source = tree.case().mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK).sheet().source(labels="status")
    exam, view = _view(source, "C_0007_1.RIGHT_CC")
    assert source.annotate(exam, view, mini_ddsm_tree.HEIGHT, mini_ddsm_tree.WIDTH).label == Label.CANCER
    exam, view = _view(source, "C_0007_1.RIGHT_MLO")
    assert source.annotate(exam, view, mini_ddsm_tree.HEIGHT, mini_ddsm_tree.WIDTH).label == Label.NORMAL


def test_masks_are_found_whatever_their_case_suffix_and_folder_and_numbers_have_gaps(tree):
    tree.case().mask(
        "C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK, in_sheet="Cancer\\0007\\C_0007_1.RIGHT_CC_Mask.png"
    )
    on_disk, in_sheet = (
        f"{mini_ddsm_tree.TREE}/Cancer/0007/C_0007_1.RIGHT_CC_Mask2.jpg",
        "Cancer\\0007\\C_0007_1.RIGHT_CC_MASK2.jpg",
    )
    tree.mask("C_0007_1.RIGHT_CC", 2, on_disk, in_sheet)
    on_disk, in_sheet = (
        "Data-MoreThanTwoMasks/Cancer/0007/C_0007_1.RIGHT_CC_Mask5.png",
        "Cancer\\0007\\C_0007_1.RIGHT_CC_Mask5.jpg",
    )
    tree.mask("C_0007_1.RIGHT_CC", 5, on_disk, in_sheet)
    lesions = _lesions(tree.sheet().source(), "C_0007_1.RIGHT_CC")
    assert [lesion.outline_index for lesion in lesions] == [1, 2, 5]
    assert [lesion.box_xyxy_px[1] for lesion in lesions] == pytest.approx([40, 50, 80], abs=1)


OVERLAY = """TOTAL_ABNORMALITIES 2
ABNORMALITY 1
LESION_TYPE CALCIFICATION TYPE AMORPHOUS DISTRIBUTION CLUSTERED
ASSESSMENT 4
SUBTLETY 2
PATHOLOGY {first}
TOTAL_OUTLINES 1
BOUNDARY
40 60 2 2 2 2 2 2 2 2 2 2 4 4 4 4 4 4 6 6 6 6 6 6 6 6 6 6 0 0 0 0 0 0 #
"""


@pytest.mark.parametrize("suffix", ["OVERLAY", "OVERLAYu"])
def test_the_overlay_tells_the_pathology_of_each_lesion(tree, suffix):
    tree.case().mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK)
    tree.mask("C_0007_1.RIGHT_CC", 2, f"{mini_ddsm_tree.TREE}/Cancer/0007/C_0007_1.RIGHT_CC_Mask2.jpg")
    tree.text(f"Cancer/0007/C_0007_1.RIGHT_CC.{suffix}", OVERLAY.format(first="BENIGN")).sheet()
    first, second = _lesions(tree.source(), "C_0007_1.RIGHT_CC")
    assert first.pathology == Label.BENIGN
    assert (first.kind, first.assessment, first.subtlety) == ("calcification", 4, 2)
    assert second.pathology == Label.CANCER  # the overlay knows of one; the status tells
    by_status = _lesions(tree.source(labels="status"), "C_0007_1.RIGHT_CC")
    assert {lesion.pathology for lesion in by_status} == {Label.CANCER}


@pytest.mark.parametrize(
    ("told", "expected"), [("MALIGNANT", "CANCER"), ("BENIGN_WITHOUT_CALLBACK", "BENIGN"), ("UNPROVEN", "CANCER")]
)
def test_pathologies_of_overlays(tree, told, expected):
    tree.case().mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK)
    tree.text("Cancer/0007/C_0007_1.RIGHT_CC.OVERLAY", OVERLAY.format(first=told)).sheet()
    (lesion,) = _lesions(tree.source(), "C_0007_1.RIGHT_CC")
    assert lesion.pathology.name == expected


def test_spacing_comes_from_the_scan(tree):
    line = "RIGHT_CC LINES 240 PIXELS_PER_LINE 160 BITS_PER_PIXEL 12 RESOLUTION 50 OVERLAY\n"
    source = tree.case().text("Cancer/0007/C-0007-1.ics", line).sheet().source()
    assert source.annotate(
        *_view(source, "C_0007_1.RIGHT_CC"), mini_ddsm_tree.HEIGHT, mini_ddsm_tree.WIDTH
    ).spacing_mm == pytest.approx(0.1)
    assert (
        source.annotate(*_view(source, "C_0007_1.LEFT_CC"), mini_ddsm_tree.HEIGHT, mini_ddsm_tree.WIDTH).spacing_mm
        is None
    )


def test_the_overlays_boundary_serves_where_a_mask_is_missing(tree):
    tree.case().mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK)
    tree.text("Cancer/0007/C_0007_1.RIGHT_CC.OVERLAY", OVERLAY.format(first="BENIGN")).sheet()
    (tree.root / mini_ddsm_tree.RIGHT_CC_MASK).unlink()
    (lesion,) = _lesions(tree.source(), "C_0007_1.RIGHT_CC")
    assert lesion.box_xyxy_px == (20, 30, 25.5, 33.5)  # 10 × 6 steps of the scan, at half its size


def test_a_boundary_that_leaves_the_image_is_refused_for_its_view(tree):
    tree.case().mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK)
    tree.text(
        "Cancer/0007/C_0007_1.RIGHT_CC.OVERLAY", OVERLAY.format(first="BENIGN").replace("40 60", "160 60")
    ).sheet()
    (tree.root / mini_ddsm_tree.RIGHT_CC_MASK).unlink()
    with pytest.raises(
        ImageError, match=r"C_0007_1\.RIGHT_CC\.jpg has a box .* that is not inside its 120 × 80 pixels"
    ):
        _lesions(tree.source(), "C_0007_1.RIGHT_CC")


def test_a_missing_mask_is_refused_by_name_where_nothing_else_tells(tree):
    tree.case().mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK).sheet()
    (tree.root / mini_ddsm_tree.RIGHT_CC_MASK).unlink()
    with pytest.raises(ImageError, match=r"C_0007_1\.RIGHT_CC_Mask\.jpg is missing"):
        _lesions(tree.source(), "C_0007_1.RIGHT_CC")


def test_an_outline_on_a_normal_case_is_refused(tree):
    tree.case("Normal", "0007", "A_0007_1").mask(
        "A_0007_1.LEFT_CC", 1, f"{mini_ddsm_tree.TREE}/Normal/0007/A_0007_1.LEFT_CC_Mask.jpg"
    ).sheet()
    with pytest.raises(ImageError, match="said to be Normal"):
        _lesions(tree.source(), "A_0007_1.LEFT_CC")


@pytest.mark.parametrize(("age", "density"), [("NaN", 0), ("", 0), ("-", "-")])
def test_blank_age_and_density_0_are_unknown(tree, age, density):
    (exam,) = tree.case(age=age, density=density).sheet().source().list_exams()
    assert (exam.age_years, exam.density) == (None, None)


def test_strays_are_left_alone(tree):
    tree.case().mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK).sheet()
    drawing.write(tree.root / mini_ddsm_tree.TREE / "BoundaryMask.png", drawing.draw_view())
    drawing.write(tree.root / mini_ddsm_tree.TREE / "Cancer/0007/Mask_C_0007_1.RIGHT_CC.jpg", drawing.draw_view())
    assert len(tree.source().list_exams()) == 1
    assert len(_lesions(tree.source(), "C_0007_1.RIGHT_CC")) == 1


def test_a_part_of_the_download_is_a_data_set_too(tree):
    tree.case().case("Benign", "0029", "C_0029_1").sheet()
    for path in (tree.root / mini_ddsm_tree.TREE / "Benign/0029").iterdir():
        path.unlink()
    (tree.root / mini_ddsm_tree.TREE / "Cancer/0007/C_0007_1.LEFT_CC.jpg").unlink()
    (exam,) = tree.source().list_exams()
    assert len(exam.views) == 4  # the missing one is there to be refused by name


@pytest.mark.parametrize("given", ["", mini_ddsm_tree.TREE])
def test_the_older_sheet_and_either_folder_will_do(tree, given):
    tree.case().sheet(
        [*mini_ddsm_tree.COLUMNS, *mini_ddsm_tree.CONTOURS[:2]], relative=f"{mini_ddsm_tree.TREE}/DataWMask.xlsx"
    )
    assert len(MiniDdsm(tree.root / given).list_exams()) == 1


def test_the_16_bit_tree_is_taken_where_it_is_there(tree):
    tree.case().sheet()
    png16 = tree.root / "MINI-DDSM-Complete-PNG-16/Cancer/0007/C_0007_1.LEFT_CC.png"
    drawing.write(png16, drawing.draw_view(is_16_bit=True))
    _, view = _view(tree.source(), "C_0007_1.LEFT_CC")
    assert view.path == png16
    _, view = _view(tree.source(tree="jpeg8"), "C_0007_1.LEFT_CC")
    assert view.path.suffix == ".jpg"


def _rename_column(tree):
    tree.case().sheet([column for column in mini_ddsm_tree.COLUMNS if column != "Status"] + mini_ddsm_tree.CONTOURS)


def _duplicate_row(tree):
    tree.case()
    tree.rows.append(tree.rows[0])
    tree.sheet()


def _change(column, value):
    def change(tree):
        tree.case()
        tree.rows[1][column] = value
        tree.sheet()

    return change


def _two_images_of_one_name(tree):
    tree.case().sheet()
    drawing.write(tree.root / mini_ddsm_tree.TREE / "Cancer/0007/C_0007_1.LEFT_CC.png", drawing.draw_view())


def _no_spreadsheet(tree):
    tree.case().sheet()
    (tree.root / "Data-MoreThanTwoMasks/Data-MoreThanTwoMasks.xlsx").write_text("lost")


def _no_images(tree):
    tree.case().sheet()
    for path in (tree.root / mini_ddsm_tree.TREE / "Cancer/0007").iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_rename_column, "has no column Status"),
        (_duplicate_row, r"row 6: c_0007_1\.left_cc stands in row 2 already"),
        (_change("Status", "Suspicious"), "row 3: Status 'Suspicious' is none of Normal, Benign, Cancer"),
        (_change("View", "XCCL"), "row 3: Side 'LEFT' and View 'XCCL' are not those of"),
        (_change("fullPath", "Cancer\\0007\\scan3.jpg"), "row 3: 'scan3.jpg' is no name such as"),
        (_change("Age", "old"), "row 3: Age 'old' is no number"),
        (_change("Age", 1e300), "row 3: Age '1e[+]?300' is not within 0 to 120"),
        (_change("Density", "inf"), "row 3: Density 'inf' is not within 0 to 4"),
        (_change("Density", -1), "row 3: Density '-1' is not within 0 to 4"),
        (_change("fullPath", "..\\..\\C_0007_1.LEFT_MLO.jpg"), "row 3: .* leads out of the folder"),
        (_change("fullPath", "C:\\C_0007_1.LEFT_MLO.jpg"), "row 3: .* leads out of the folder"),
        (_change("Tumour_Contour", "/etc/mask.png"), "row 3: '/etc/mask.png' leads out of the folder"),
        (_change("fullPath", f"{'x' * 300}\\C_0007_1.LEFT_MLO.jpg"), "row 3: .* is no name of a file"),
        (_change("Status", "Benign"), "rows of exam C_0007_1 differ"),
        (_two_images_of_one_name, "are two images of one name"),
        (_no_spreadsheet, "cannot be read as a spreadsheet"),
        (_no_images, "holds none of the images"),
        (lambda tree: tree.case(), "holds no sheet"),
        (lambda tree: None, "holds no MINI-DDSM-Complete-PNG-16 or"),
        (lambda tree: tree.root.rmdir(), "is no folder"),
    ],
)
def test_what_cannot_be_used_has_its_sentence(tree, spoil, sentence):
    spoil(tree)
    with pytest.raises(InputError, match=sentence):
        tree.source().list_exams()
