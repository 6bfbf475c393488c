import openpyxl

from data_tools.phantoms import sheets
from data_tools.phantoms.cases import Case
from data_tools.phantoms.sheets import Row

BENIGN = Case("C_0236_1", "Benign", "C", "0236", 67, 1, {})
CANCER = Case("B_3034_1", "Cancer", "B", "3034", None, 0, {})
ROWS = (Row(BENIGN, "RIGHT", "CC", 1), Row(CANCER, "LEFT", "MLO", 3))


def _read(path):
    return [list(row) for row in openpyxl.load_workbook(path)["Data"].iter_rows(values_only=True)]


def test_first_sheet_has_two_columns_for_outlines_before_the_age(tmp_path):
    sheets.write(tmp_path / "DataWMask.xlsx", ROWS, is_fuller=False)
    header, benign, cancer = _read(tmp_path / "DataWMask.xlsx")
    assert header == [
        *("fullPath", "fileName", "View", "Side", "Status", "Tumour_Contour", "Tumour_Contour2", "Age", "Density")
    ]
    name = "C_0236_1.RIGHT_CC"
    folder = "Benign\\0236\\"
    assert benign == [
        *(f"{folder}{name}.jpg", f"{name}.jpg", "CC", "RIGHT", "Benign", f"{folder}{name}_Mask.jpg", "-", 67, 1)
    ]
    assert cancer[-4:] == [f"Cancer\\3034\\B_3034_1.LEFT_MLO{end}.jpg" for end in ("_Mask", "_MASK2")] + [None, 0]


def test_fuller_sheet_has_six_after_the_density_with_dashes_in_two_and_blanks_in_four(tmp_path):
    sheets.write(tmp_path / "fuller.xlsx", ROWS, is_fuller=True)
    header, benign, cancer = _read(tmp_path / "fuller.xlsx")
    assert header[5:] == ["Age", "Density", "Tumour_Contour", *(f"Tumour_Contour{number}" for number in range(2, 7))]
    assert benign[8:] == ["-", None, None, None, None]
    assert cancer[9] == "Cancer\\3034\\B_3034_1.LEFT_MLO_Mask3.jpg"
    assert cancer[10:] == [None, None, None]


def test_same_rows_same_bytes(tmp_path):
    for name in ("one.xlsx", "two.xlsx"):
        sheets.write(tmp_path / name, ROWS, is_fuller=True)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
