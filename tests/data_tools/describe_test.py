import csv
import html.parser
import json

import cv2
import numpy as np
import pytest

from data_tools import description
from tests import programs
from tests.data_tools.sources import mini_ddsm_tree
from tests.data_tools.sources.mini_ddsm_tree import Tree


@pytest.fixture
def data_dir(tmp_path):
    tree = Tree(tmp_path / "data").case().case("Normal", "0007", "A_0007_1")
    tree.mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK).sheet()
    return tmp_path / "data"


def _run(data_dir, output_dir, *more):
    return programs.run(
        "data_tools.describe", f"--data_dir={data_dir}", f"--output_dir={output_dir}", "--workers=1", *more
    )


class _Page(html.parser.HTMLParser):
    """Counts what a reader sees, and what a page would have to fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.svgs = 0
        self.links: list[str | None] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.svgs += tag == "svg"
        self.links += [
            value for name, value in attributes if name in ("src", "href") and tag in ("img", "script", "link")
        ]

    def handle_data(self, data):
        self.words.append(data)


def test_one_page_holds_counts_figures_and_examples(data_dir, tmp_path):
    ended = _run(data_dir, tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    page = _Page((tmp_path / "out/describe.html").read_text())
    text = "".join(page.words)
    assert page.svgs == 10 + 1  # the figures, and one cancer to look at
    assert not page.links
    assert "C_0007_1.RIGHT_CC, cancer" in text
    assert "not a medical device" in text
    assert "synthetic" not in text
    assert str(data_dir) not in text
    summary = json.loads((tmp_path / "out/statistics.json").read_text())
    assert summary["n"] == {"patients": 2, "exams": 2, "images": 8, "lesions": 1, "rejected": 0}


def test_a_lesion_that_cannot_be_drawn_is_no_example_and_costs_nothing_else(data_dir, tmp_path):
    view = next(data_dir.rglob("C_0007_1.RIGHT_CC.jpg"))
    view.write_bytes(cv2.imencode(".jpg", np.full(cv2.imread(str(view), 0).shape, 90, np.uint8))[1].tobytes())
    ended = _run(data_dir, tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    assert "shows no breast" in ended.stderr
    assert _Page((tmp_path / "out/describe.html").read_text()).svgs == 10


def test_phantoms_are_said_to_be_synthetic(data_dir, tmp_path):
    (data_dir / "phantom.json").write_text("{}")
    assert _run(data_dir, tmp_path / "out").returncode == 0
    assert "These exams are synthetic" in (tmp_path / "out/describe.html").read_text()


def test_views_that_cannot_be_used_are_listed(data_dir, tmp_path):
    next(data_dir.rglob("A_0007_1.LEFT_CC.jpg")).write_bytes(b"")
    assert _run(data_dir, tmp_path / "out").returncode == 0
    text = (tmp_path / "out/describe.html").read_text()
    assert "A_0007_1.LEFT_CC.jpg" in text
    assert "is empty (0 bytes)" in text
    (row,) = csv.DictReader((tmp_path / "out/rejected.csv").open())
    assert row["path"].endswith("A_0007_1.LEFT_CC.jpg")
    assert not row["path"].startswith("/")
    assert "is empty (0 bytes)" in row["reason"]


def test_the_page_is_as_long_for_thousands_of_views_that_cannot_be_used_and_says_where_they_are(tmp_path):
    names = _many(tmp_path / "many", 5000)
    ended = _run(tmp_path / "many", tmp_path / "out", "--source=coco")
    assert ended.returncode == 0, ended.stderr
    page = (tmp_path / "out/describe.html").read_text()
    shown = description.MAX_REJECTED_SHOWN
    assert [name for name in names if f"<td>{name}</td>" in page] == names[:shown]
    assert f"And {5000 - shown:,} more: rejected.csv" in page
    assert [row["path"] for row in csv.DictReader((tmp_path / "out/rejected.csv").open())] == names
    _many(tmp_path / "few", 100)
    assert _run(tmp_path / "few", tmp_path / "out", "--source=coco").returncode == 0
    assert abs(len(page) - len((tmp_path / "out/describe.html").read_text())) < 1000
    assert len(list(csv.DictReader((tmp_path / "out/rejected.csv").open()))) == 100


def _many(folder, views, pathology="NORMAL"):
    """A COCO data set without its images, each of a patient of its own."""
    folder.mkdir()
    names = [f"{index:05d}.png" for index in range(views)]
    rows = [f"{name},P_{name[:5]},LEFT,CC,3,{pathology}" for name in names]
    (folder / "cases.csv").write_text("\n".join(["file_name,patient_id,laterality,view,density,pathology", *rows]))
    (folder / "_annotations.coco.json").write_text('{"images": [], "annotations": []}')
    return names


def test_lesions_on_one_image_are_counted_in_a_row_of_bounded_length(tmp_path):
    names = _many(tmp_path / "crowded", 60, "CANCER")
    for name in names:
        cv2.imwrite(str(tmp_path / "crowded" / name), np.full((200, 120), 90, np.uint8))
    content = {
        "images": [{"id": index, "file_name": name} for index, name in enumerate(names)],
        "annotations": [
            {"image_id": image, "bbox": [10 + box, 20 + box, 30, 30]}
            for image in range(60)
            for box in range(max(image, 1))
        ],
    }
    (tmp_path / "crowded/_annotations.coco.json").write_text(json.dumps(content))
    assert _run(tmp_path / "crowded", tmp_path / "out", "--source=coco").returncode == 0
    counts = ["1: 2", *(f"{count}: 1" for count in range(2, 10))]
    assert " · ".join([*counts, "more than 9: 50"]) in (tmp_path / "out/describe.html").read_text()
    summary = json.loads((tmp_path / "out/statistics.json").read_text())
    assert len(summary["lesions"]["on_one_image"]) == 59


def test_a_folder_that_is_none_is_one_sentence(tmp_path):
    ended = _run(tmp_path / "nothing", tmp_path / "out")
    assert ended.returncode == 1
    assert "is no folder" in ended.stderr
    assert not (tmp_path / "out").exists()
