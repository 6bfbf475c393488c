import time

import numpy as np
import pytest

from data_tools.sources import ddsm_files
from mammo.common.errors import ImageError

TWO = """TOTAL_ABNORMALITIES 2
ABNORMALITY 1
LESION_TYPE CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED
LESION_TYPE MASS SHAPE IRREGULAR MARGINS ILL_DEFINED
ASSESSMENT 4
SUBTLETY 5
PATHOLOGY MALIGNANT
TOTAL_OUTLINES 2
BOUNDARY
100 200 2 2 2 4 4 4 6 6 6 0 0 0 #
\tCORE
110 210 2 4 6 0 #
ABNORMALITY 2
LESION_TYPE MASS SHAPE OVAL MARGINS CIRCUMSCRIBED
ASSESSMENT 3
SUBTLETY 2
PATHOLOGY BENIGN_WITHOUT_CALLBACK
TOTAL_OUTLINES 1
BOUNDARY
50 60 3 5 7 1
"""


def _read(tmp_path, text):
    path = tmp_path / "C_0001_1.LEFT_CC.OVERLAY"
    path.write_bytes(text.encode())
    return ddsm_files.read_overlay(path)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", " \n"])
def test_each_abnormality_has_what_was_written_of_it(tmp_path, line_end):
    found = _read(tmp_path, TWO.replace("\n", line_end))
    assert found.keys() == {1, 2}
    first, second = found[1], found[2]
    assert (first.kind, first.assessment, first.subtlety, first.pathology) == ("mass+calcification", 4, 5, "MALIGNANT")
    assert (second.kind, second.assessment, second.subtlety) == ("mass", 3, 2)
    assert second.pathology == "BENIGN_WITHOUT_CALLBACK"


def test_the_chain_code_is_followed_up_to_the_core(tmp_path):
    found = _read(tmp_path, TWO)
    square = found[1].boundary_xy_px  # 3 right, 3 down, 3 left, 3 up
    assert square.min(0).tolist() == [100, 200]
    assert square.max(0).tolist() == [103, 203]
    assert square[-1].tolist() == square[0].tolist()
    diamond = [[50, 60], [51, 61], [50, 62], [49, 61], [50, 60]]
    assert found[2].boundary_xy_px.tolist() == diamond


@pytest.mark.parametrize("text", ["", "TOTAL_ABNORMALITIES 0\n", "not an overlay at all"])
def test_a_file_that_tells_nothing_tells_nothing(tmp_path, text):
    assert _read(tmp_path, text) == {}


def test_what_is_missing_is_unknown(tmp_path):
    only = _read(tmp_path, "ABNORMALITY 1\nPATHOLOGY UNPROVEN\nBOUNDARY\n5 x 9\n")[1]
    assert (only.kind, only.assessment, only.subtlety, only.pathology) == ("unknown", None, None, "UNPROVEN")
    assert only.boundary_xy_px.shape == (0, 2)


def test_one_abnormality_told_of_twice_is_refused(tmp_path):
    with pytest.raises(ImageError, match="tells of abnormality 1 twice"):
        _read(tmp_path, TWO.replace("ABNORMALITY 2", "ABNORMALITY 1"))


@pytest.mark.parametrize(
    "boundary",
    [
        "200 534 5 6 99999999999999999999 4",
        "99999999999999999999 5 1",
        "200 534 5 ٣ 8 4",
        "200 534 12 3",
        "200",
        "-1 5 3",
        "²",
    ],
)
def test_a_boundary_that_is_no_chain_code_is_none(tmp_path, boundary):
    found = _read(tmp_path, f"ABNORMALITY 1\nPATHOLOGY BENIGN\nBOUNDARY\n{boundary}\n")[1]
    assert found.pathology == "BENIGN"
    assert found.boundary_xy_px.shape == (0, 2)


def test_a_category_that_there_is_not_is_refused_and_a_word_is_unknown(tmp_path):
    with pytest.raises(ImageError, match="has a SUBTLETY of 77, which is 0 to 5"):
        _read(tmp_path, TWO.replace("SUBTLETY 5", "SUBTLETY 77"))
    found = _read(tmp_path, TWO.replace("SUBTLETY 5", "SUBTLETY high").replace("ASSESSMENT 4", "ASSESSMENT ²"))[1]
    assert (found.subtlety, found.assessment) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 2_000_000,
        " " * 2_000_000,
        "ABNORMALITY" + " " * 2_000_000,
        "ABNORMALITY 1\nBOUNDARY\n" + "0 " * 1_000_000,
    ],
)
def test_a_hostile_file_takes_no_time(tmp_path, text):
    began_s = time.process_time()
    _read(tmp_path, text)
    (tmp_path / "C.ics").write_text(text)
    ddsm_files.read_scan(tmp_path / "C.ics", "LEFT_CC")
    assert time.process_time() - began_s < 5  # a quadratic pattern took hours


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b" " * (ddsm_files.MAX_BYTES + 1), "has more than 2 MiB"), ("ABNORMALITY 1".encode("utf-16"), "is no text")],
)
def test_what_is_no_file_of_ddsm_is_refused(tmp_path, content, sentence):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ImageError, match=sentence):
        ddsm_files.read_overlay(tmp_path / "a")
    with pytest.raises(ImageError, match=sentence):
        ddsm_files.read_scan(tmp_path / "a", "LEFT_CC")
    with pytest.raises(ImageError, match="cannot be read"):
        ddsm_files.read_overlay(tmp_path)


ICS = (
    "ics_version 1.0\nfilename C-0236-1\nDENSITY 1\nDIGITIZER LUMISYS LASER\nSEQUENCE\n"
    "LEFT_CC LINES 5864 PIXELS_PER_LINE 3400 BITS_PER_PIXEL 12 RESOLUTION 50 NON_OVERLAY\n"
    "RIGHT_MLO LINES 5920 PIXELS_PER_LINE 3688 BITS_PER_PIXEL 12 RESOLUTION 43.5 OVERLAY\n"
)


def test_ics_gives_the_spacing_of_each_view(tmp_path):
    path = tmp_path / "C-0236-1.ics"
    path.write_text(ICS)
    left, right = (ddsm_files.read_scan(path, view) for view in ("LEFT_CC", "RIGHT_MLO"))
    assert left is not None
    assert right is not None
    np.testing.assert_allclose(left.spacing_mm(height_px=2932), 0.1)
    np.testing.assert_allclose(right.spacing_mm(height_px=5920), 0.0435)
    assert ddsm_files.read_scan(path, "LEFT_MLO") is None


def test_an_empty_ics_gives_none(tmp_path):
    (tmp_path / "a.ics").write_text("")
    assert ddsm_files.read_scan(tmp_path / "a.ics", "LEFT_CC") is None


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("LINES 5864", "LINES 0"),
        ("LINES 5864", f"LINES {'9' * 5000}"),
        ("LINES 5864", "LINES ²"),
        ("RESOLUTION 50 ", "RESOLUTION 1.2.3 "),
        ("RESOLUTION 50 ", "RESOLUTION 0 "),
        ("RESOLUTION 50 NON_OVERLAY", "RESOLUTION"),
    ],
)
def test_a_scan_that_cannot_be_is_refused_for_its_view_alone(tmp_path, was, becomes):
    path = tmp_path / "C-0236-1.ics"
    path.write_text(ICS.replace(was, becomes))
    with pytest.raises(ImageError, match="a number of lines or a resolution of LEFT_CC that cannot be"):
        ddsm_files.read_scan(path, "LEFT_CC")
    assert ddsm_files.read_scan(path, "RIGHT_MLO") is not None
