import gzip
import pathlib

import cv2
import pandas as pd
import pytest

from data_tools.sources.mini_ddsm import MiniDdsm
from tests import programs

TREE = "MINI-DDSM-Complete-JPEG-8"
LISTING = f"""\
.
./{TREE}
./{TREE}/BoundaryMask.png
./{TREE}/Cancer/0007/A_0007_1.LEFT_CC.jpg
./{TREE}/Cancer/0007/A_0007_1.LEFT_CC_Mask.jpg
./{TREE}/Cancer/0007/A_0007_1.LEFT_CC.OVERLAY
./{TREE}/Cancer/0007/A-0007-1.ics
./MINI-DDSM-Complete-PNG-16/Cancer/0007/A_0007_1.LEFT_CC.png
./Data-MoreThanTwoMasks/Cancer/0007/A_0007_1.LEFT_CC_Mask3.png
"""
ROW = {
    "fullPath": "Cancer\\0007\\A_0007_1.LEFT_CC.jpg", "fileName": "A_0007_1.LEFT_CC.jpg", "View": "CC", "Side": "LEFT",
    "Status": "Cancer", "Age": 50, "Density": 2, "Tumour_Contour": "Cancer\\0007\\A_0007_1.LEFT_CC_Mask.jpg",
    "Tumour_Contour2": "-", "Tumour_Contour3": "Cancer\\0007\\A_0007_1.LEFT_CC_Mask3.jpg",
}  # fmt: skip


def _run(folder, **changes):
    flags = {"listing": folder / "listing.txt.gz", "sheets_dir": folder / "sheets", "output_dir": folder / "out"}
    arguments = [f"--{name}={value}" for name, value in (flags | changes).items()]
    return programs.run("data_tools.stand_in", *arguments)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "listing.txt.gz").write_bytes(gzip.compress(LISTING.encode()))
    sheet = tmp_path / "sheets/Data-MoreThanTwoMasks/Data-MoreThanTwoMasks.xlsx"
    sheet.parent.mkdir(parents=True)
    pd.DataFrame([ROW]).to_excel(sheet, index=False, engine="xlsxwriter")
    return tmp_path


def test_the_stand_in_is_a_data_set_with_the_listed_paths(folder):
    ended = _run(folder)
    assert ended.returncode == 0, ended.stderr
    written = {str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*") if path.is_file()}
    listed = {line[2:] for line in LISTING.splitlines() if pathlib.Path(line).suffix and "PNG-16" not in line}
    assert written == listed | {"Data-MoreThanTwoMasks/Data-MoreThanTwoMasks.xlsx"}
    source = MiniDdsm(folder / "out")
    (exam,) = source.list_exams()
    (view,) = exam.views
    height_px, width_px = cv2.imread(str(view.path), cv2.IMREAD_UNCHANGED).shape
    assert [lesion.outline_index for lesion in source.annotate(exam, view, height_px, width_px).lesions] == [1, 3]


def test_the_other_tree_is_of_16_bits(folder):
    assert _run(folder, tree="png16").returncode == 0
    view = folder / "out/MINI-DDSM-Complete-PNG-16/Cancer/0007/A_0007_1.LEFT_CC.png"
    assert cv2.imread(str(view), cv2.IMREAD_UNCHANGED).dtype == "uint16"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"listing": "/nowhere/listing.txt"}, "cannot be read as a listing"),
        ({"sheets_dir": "/nowhere"}, "holds no sheet"),
    ],
)
def test_what_is_missing_is_said(folder, changes, sentence):
    ended = _run(folder, **changes)
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert not (folder / "out").exists()


def test_a_folder_in_use_is_refused(folder):
    (folder / "out").mkdir()
    (folder / "out" / "thesis.txt").touch()
    assert "already holds files" in _run(folder).stderr
