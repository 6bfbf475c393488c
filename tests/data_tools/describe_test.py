import html.parser
import json

import pytest

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


def test_a_folder_that_is_none_is_one_sentence(tmp_path):
    ended = _run(tmp_path / "nothing", tmp_path / "out")
    assert ended.returncode == 1
    assert "is no folder" in ended.stderr
    assert not (tmp_path / "out").exists()
