import csv
import io

import pytest

from mammo.common import csv_text

FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-1+cmd", "@SUM(1)", "\t=1", "\r=1", " =1", "\uff1d1+1", "-", "+4 711 x"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_spreadsheets_run_is_text(text):
    assert str(csv_text.cell(text)).startswith("'")


@pytest.mark.parametrize(
    "value", ["-5", "+0.25", "-1e-5", "4711", "a=b", "x-1", "C:\\views\\1.png", "", -0.5, None, True]
)
def test_numbers_and_other_text_stay(value):
    assert csv_text.cell(value) == value


def test_a_table_comes_back_and_is_valid_text():
    rows = [("=1", 0.5), ('a,"b"', None), ("a\nb\x1b\udcfc", -1)]
    table = csv_text.table(("path", "score"), rows)
    table.encode()
    read = list(csv.reader(io.StringIO(table)))
    assert read == [["path", "score"], ["'=1", "0.5"], ['a,"b"', ""], [r"a\nb\x1b\xfc", "-1"]]
    assert table.count("\n") == 4
