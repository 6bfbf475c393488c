import cv2
import pytest

from tests import programs
from tests.data_tools.sources import mini_ddsm_tree
from tests.data_tools.sources.mini_ddsm_tree import Tree

CELL_HEIGHT_PX, COLUMNS = 288, 6
MAGENTA, BLUE = (255, 80, 255), (255, 160, 60)


@pytest.fixture
def data_dir(tmp_path):
    tree = Tree(tmp_path / "data").case()
    tree.mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK).sheet()
    return tmp_path / "data"


def _run(data_dir, output_dir):
    return programs.run(
        "data_tools.contact_sheet", f"--data_dir={data_dir}", f"--output_dir={output_dir}", "--workers=1"
    )


def _count(sheet, colour):
    return int((sheet == colour).all(-1).sum())


def test_a_sheet_shows_the_lesion_on_the_file_and_on_what_a_model_sees(data_dir, tmp_path):
    ended = _run(data_dir, tmp_path / "sheets")
    assert ended.returncode == 0, ended.stderr
    sheet = cv2.imread(str(tmp_path / "sheets/contact_sheet_000.png"))
    cell = sheet.shape[1] // COLUMNS
    with_lesion, without = sheet[:, 2 * cell : 3 * cell], sheet[:, :cell]
    given_width = round(mini_ddsm_tree.WIDTH * CELL_HEIGHT_PX / mini_ddsm_tree.HEIGHT)
    assert _count(with_lesion[:, :given_width], MAGENTA) > 20
    assert _count(with_lesion[:, given_width:], MAGENTA) > 20
    assert _count(without, MAGENTA) == 0
    assert _count(without, BLUE) > 100  # the crop


def test_a_view_that_cannot_be_used_is_counted_and_the_others_are_drawn(data_dir, tmp_path):
    next(data_dir.rglob("*LEFT_MLO.jpg")).write_bytes(b"")
    ended = _run(data_dir, tmp_path / "sheets")
    assert ended.returncode == 0
    assert "1 views cannot be used" in ended.stdout
    sheet = cv2.imread(str(tmp_path / "sheets/contact_sheet_000.png"))
    assert _count(sheet, MAGENTA) > 40


def test_each_view_is_on_one_sheet_and_sheets_sort_by_name(tmp_path):
    tree = Tree(tmp_path / "data")
    for case in range(8):
        tree.case("Normal", f"{case:04d}", f"A_{case:04d}_1")
    tree.sheet()
    assert "Wrote 2 sheets of 32 views" in _run(tmp_path / "data", tmp_path / "sheets").stdout
    first, second = (cv2.imread(str(path)) for path in sorted((tmp_path / "sheets").iterdir()))
    assert {path.name for path in (tmp_path / "sheets").iterdir()} == {"contact_sheet_000.png", "contact_sheet_001.png"}
    assert first.shape[0] == 5 * second.shape[0]
    assert first.shape[1] == second.shape[1]
