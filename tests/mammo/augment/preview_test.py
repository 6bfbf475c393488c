import cv2
import pytest

from data_tools.conversion import Conversion
from data_tools.engines.local import Local
from data_tools.records import RecordOptions
from mammo.augment import preview
from mammo.config.data import Encoding
from tests import programs
from tests.data_tools.drawn_source import DrawnSource

HEIGHT_PX, WIDTH_PX = 96, 64
COLOURS = ((255, 160, 60), (255, 80, 255))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    source = DrawnSource(tmp_path_factory.mktemp("data"), exams=6).write()
    options = RecordOptions(source.data_dir, HEIGHT_PX, WIDTH_PX, Encoding.PNG16, seed=0, background_crops=0)
    output_dir = tmp_path_factory.mktemp("converted")
    Conversion(
        source, "overlay", options, output_dir, views_per_shard=100, limit=0, max_rejected=0, engine=Local(1)
    ).run()
    return output_dir


def _run(data_dir, output_dir, *arguments):
    return programs.run("mammo.augment.preview", f"--data_dir={data_dir}", f"--output_dir={output_dir}", *arguments)


def test_the_sheet_shows_lesions_first_and_each_version_with_its_box(data_dir, tmp_path):
    ended = _run(data_dir, tmp_path / "sheet", "--images=2")
    assert ended.returncode == 0, ended.stderr
    sheet = cv2.imread(str(tmp_path / "sheet" / preview.FILE_NAME))
    height = preview.CELL_HEIGHT_PX + preview.GAP_PX
    width = round(WIDTH_PX * preview.CELL_HEIGHT_PX / HEIGHT_PX) + preview.GAP_PX
    assert sheet.shape == (2 * height, (preview.VERSIONS + 1) * width, 3)
    is_box = (sheet == COLOURS[0]).all(-1) | (sheet == COLOURS[1]).all(-1)
    counts = is_box.reshape(2, height, preview.VERSIONS + 1, width).sum((1, 3))
    assert (counts > 20).all()
