import dataclasses
import html.parser
import pathlib
import re
import subprocess
import sys
import urllib.parse

import PIL.Image
import pytest

from mammo.clinical.exams import ExamResult, Finding, ModelInfo, ViewRef, ViewResult
from mammo.clinical.labels import Laterality, Projection
from mammo.clinical.operating_points import OperatingPoint
from mammo.clinical.rules import BreastScore
from mammo.writers import overlays, page
from mammo.writers.page import PageWriter
from mammo.writers.writer import About

VOID = {"meta", "br", "img", "link"}
PLACES = [(side, projection) for projection in ("cc", "mlo") for side in ("right", "left")]
FINDING = Finding((10.0, 20.4, 110.0, 220.0), 0.83, 0.23, 0.6)
MODEL = ModelInfo("multi_stage", "0123456789abcdef" * 4, 1, trained_on="Mini-DDSM")
POINT = OperatingPoint(
    "screening",
    0.31,
    {"value": 0.91, "low": 0.84, "high": 0.96},
    {"value": 0.7, "low": 0.61, "high": 0.78},
    positive=21,
    negative=34,
)
INFO = About(MODEL, "Two stages", True, POINT, False)


class _Page(html.parser.HTMLParser):
    """Checks that every tag is closed, and gathers the elements with their attributes and their text."""

    def __init__(self, text):
        super().__init__()
        self.open: list[dict] = []
        self.elements: list[dict] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs)
        element = {"tag": tag, "attrs": dict(attrs), "text": "", "inside": list(self.open)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, kind="", inside=None):
        """Elements of a tag and a class, inside another."""
        return [
            element
            for element in self.elements
            if element["tag"] == tag
            and kind in ["", *element["attrs"].get("class", "").split(" ")]
            and (inside is None or any(outer is inside for outer in element["inside"]))
        ]

    def rows(self, inside=None):
        """The text of the cells of tables."""
        return [
            [_words(cell) for cell in self.elements if cell["tag"] in ("td", "th") and cell["inside"][-1] is row]
            for row in self.all("tr", inside=inside)
        ]


def _words(element):
    return re.sub(r"\s+", " ", element["text"]).strip()


def _view(laterality, projection, name=None, **facts):
    facts = {"scores": {"normal": 0.7, "benign": 0.2, "cancer": 0.1}, **facts}
    path = pathlib.Path("given") / (name or f"{laterality}_{projection}.png")
    side, shown = laterality and Laterality(laterality), projection and Projection(projection)
    return ViewResult(ViewRef(path.stem, path, side, shown), **facts)


def _failed(laterality, projection, reason="is truncated", **facts):
    return _view(laterality, projection, reason=reason, scores=None, **facts)


def _exam(views, exam_id="exam", score=0.42, is_above=True, breasts=None, is_complete=True, **facts):
    scores = {"right": 0.42, "left": 0.05} if breasts is None else breasts
    sides = {Laterality(side): BreastScore(value, is_complete) for side, value in scores.items()}
    return ExamResult(exam_id, tuple(views), sides, score, is_complete, is_above, 1.0, **facts)


def _four():
    return [_view(*place) for place in PLACES]


def _made(tmp_path, exams, info=INFO, width_px=60):
    """The page of exams, with a picture of each view that was read; `width_px` 0: with none."""
    writer = PageWriter(tmp_path, info)
    for exam in exams:
        for view in exam.views if width_px else ():
            picture = tmp_path / overlays.name_of(exam.exam_id, view.view)
            if view.status != "failed" and not picture.is_file():
                picture.parent.mkdir(exist_ok=True)
                PIL.Image.new("L", (width_px, 100)).save(picture)
    writer.close(exams)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [page.NAME]
    return _Page((tmp_path / page.NAME).read_text())


def _hung(made):
    """The places of the first panel: the address of the picture in each, or what it says instead."""
    panel = made.all("div", "panel")[0]
    return [_shows(made, figure) for figure in made.all("figure", inside=panel)]


def _others(made):
    return [_shows(made, figure) for panel in made.all("div", "others") for figure in made.all("figure", inside=panel)]


def _shows(made, figure):
    images = made.all("img", inside=figure)
    return images[0]["attrs"]["src"] if images else _words(made.all("div", "empty", inside=figure)[0])


def test_views_are_hung_back_to_back_in_whatever_order_they_were_given(tmp_path):
    made = _made(tmp_path, [_exam([_view(*PLACES[index]) for index in (3, 2, 1, 0)])])
    assert _hung(made) == [f"exam/{side}_{projection}.png" for side, projection in PLACES]
    captions = [_words(caption) for caption in made.all("figcaption")]
    assert [caption[:5].strip() for caption in captions] == ["R CC", "L CC", "R MLO", "L MLO"]
    assert not made.all("div", "others")


def test_pictures_are_lazy_have_words_for_them_and_lead_to_themselves(tmp_path):
    made = _made(tmp_path, [_exam([_view("right", "cc", findings=(FINDING,)), *_four()[1:]])])
    images = made.all("img")
    assert len(images) == 4
    for image in images:
        assert image["attrs"]["loading"] == "lazy"
        assert image["inside"][-1]["attrs"]["href"] == image["attrs"]["src"]
    assert images[0]["attrs"]["alt"] == "R CC of exam exam: 1 finding"
    assert images[1]["attrs"]["alt"] == "L CC of exam exam: nothing found"


def test_places_are_as_wide_as_their_pictures_and_empty_ones_as_the_other_of_the_pair(tmp_path):
    (tmp_path / "exam").mkdir()
    for (side, projection), width_px in zip(PLACES, (50, 70, 80), strict=False):
        PIL.Image.new("L", (width_px, 100)).save(tmp_path / "exam" / f"{side}_{projection}.png")
    made = _made(tmp_path, [_exam(_four()[:3])])
    ratios = [float(figure["attrs"]["style"].removeprefix("--ratio:")) for figure in made.all("figure")]
    assert ratios == [0.5, 0.7, 0.8, 0.8]


def test_failed_missing_and_empty_views_are_told_apart(tmp_path):
    views = [_view("right", "cc", findings=(FINDING, FINDING)), _view("left", "cc"), _failed("right", "mlo")]
    made = _made(tmp_path, [_exam(views)])
    assert _hung(made)[2:] == ["! R MLO could not be read: is truncated", "L MLO: not given"]
    with_findings, without, failed = [_words(caption) for caption in made.all("figcaption")]
    assert "2 findings" in with_findings and "nothing found" in without
    assert "nothing found" not in failed and "0." not in failed
    answer = _words(made.all("p", "answer")[0])
    assert "1 of 3 views could not be read" in answer
    assert "1 file could not be read" in _words(made.all("p", "lead")[0])


def test_repeats_and_views_of_unknown_breast_or_projection_stand_below(tmp_path):
    unknown = [_view(None, "mlo", "a.png"), _view("left", None, "b.png"), _view(None, None, "c.png")]
    made = _made(tmp_path, [_exam([*unknown, *_four(), _view("right", "cc", "repeat.png")])])
    assert _hung(made) == [f"exam/{side}_{projection}.png" for side, projection in PLACES]
    assert _others(made) == [f"exam/{name}.png" for name in ("a", "b", "c", "repeat")]
    captions = [_words(caption)[:5] for caption in made.all("figcaption", inside=made.all("div", "others")[0])]
    assert captions == ["? MLO", "L ? n", "? ? n", "R CC "]


def test_of_two_views_for_one_place_the_one_that_was_read_has_it(tmp_path):
    made = _made(tmp_path, [_exam([_failed("right", "cc", name="broken.png"), *_four()])])
    assert _hung(made)[0] == "exam/right_cc.png"
    assert _others(made) == ["! R CC could not be read: is truncated"]


def test_a_view_that_was_read_but_has_no_picture_says_so(tmp_path):
    assert _hung(_made(tmp_path, [_exam(_four())], width_px=0))[0] == "R CC: no picture"


def _apart(name, reason="is a spot view: shown, not judged"):
    return _view("right", "cc", name, scores=None, reason=reason, apart="a spot view")


def test_views_apart_stand_below_the_others_and_hang_in_no_place(tmp_path):
    made = _made(tmp_path, [_exam([_apart("spot.png"), *_four(), _view("left", "cc", "repeat.png")])])
    assert _hung(made) == [f"exam/{side}_{projection}.png" for side, projection in PLACES]
    assert _others(made) == ["exam/repeat.png", "exam/spot.png"]
    assert [_words(heading) for heading in made.all("h3")] == ["Other views", "Shown, not judged"]
    caption = _words(made.all("figcaption")[-1])
    assert "a spot view" in caption and "nothing found" not in caption
    assert _words(made.all("p", "lead")[0]).endswith("6 files given, all of them read; 1 file shown and not judged.")
    assert "could not be read" not in _words(made.all("p", "answer")[0])


def test_an_exam_of_views_apart_alone_was_read_and_has_no_score(tmp_path):
    reason = "is a spot view: neither judged nor shown, as it holds 60 frames"
    alone = _exam([_apart("spot.png", reason)], "spot", None, None, {}, is_complete=False)
    made = _made(tmp_path, [alone, _exam([*_four(), _apart("spot.png")])], width_px=0)
    assert _words(made.all("p", "answer")[0]) == "! No view could be judged: no score."
    assert _others(made)[0] == f"R CC {reason}"
    assert [row[5] for row in made.rows()[1:3]] == ["0 of 0", "4 of 4"]


@pytest.mark.parametrize(
    ("score", "is_above", "answer"),
    [
        (0.42, True, "Exam score 0.420: ▲ above the operating point “screening” (0.310). "),
        (0.05, False, "Exam score 0.050: ▽ below the operating point “screening” (0.310). "),
    ],
)
def test_the_answer_is_given_in_words(tmp_path, score, is_above, answer):
    made = _made(tmp_path, [_exam(_four(), score=score, is_above=is_above, breasts={"left": score})])
    assert _words(made.all("p", "answer")[0]) == f"{answer}Right breast: no score. Left breast: {score:.3f}."


def test_an_exam_that_lacks_a_projection_says_so(tmp_path):
    made = _made(tmp_path, [_exam(_four()[:3], is_complete=False)])
    answer = _words(made.all("p", "answer")[0])
    assert "Right breast: 0.420 (one projection)." in answer
    assert "! Incomplete: not all of right and left, CC and MLO, were read." in answer


def test_an_exam_of_which_nothing_could_be_read_has_no_score(tmp_path):
    broken = _exam([_failed(*place) for place in PLACES], "broken", None, None, {})
    made = _made(tmp_path, [broken, _exam(_four())])
    assert _words(made.all("p", "answer")[0]) == "! No view could be read: no score."
    assert made.rows()[1] == ["broken", "! no score", "–", "–", "–", "! 0 of 4", "–"]


def test_several_exams_have_an_overview_that_leads_to_each(tmp_path):
    second = _exam([_view("left", "cc", findings=(FINDING,)), _failed("left", "mlo")], "b", 0.05, False, {"left": 0.05})
    made = _made(tmp_path, [_exam(_four(), "a"), second])
    assert made.rows()[:3] == [
        ["exam", "score", "operating point", "right breast", "left breast", "views read", "findings"],
        ["a", "0.420", "▲ above", "0.420", "0.050", "4 of 4", "0"],
        ["b", "0.050", "▽ below", "–", "0.050", "! 1 of 2", "1"],
    ]
    identifiers = [element["attrs"]["id"] for element in made.elements if "id" in element["attrs"]]
    assert len(set(identifiers)) == len(identifiers)
    links = [link["attrs"]["href"] for link in made.all("a") if link["attrs"]["href"].startswith("#")]
    assert {link.removeprefix("#") for link in links} <= set(identifiers)
    assert {_words(link): link["attrs"]["href"] for link in made.all("a")}["b"] == "#exam-2"
    assert [_words(heading) for heading in made.all("h2")] == ["All exams", "Exam a", "Exam b", "The model"]


def test_one_exam_has_no_overview(tmp_path):
    made = _made(tmp_path, [_exam(_four())])
    assert [_words(heading) for heading in made.all("h2")] == ["Exam exam", "The model"]


def test_findings_are_listed_by_view_as_they_are_numbered(tmp_path):
    benign = Finding((1.0, 2.0, 3.0, 4.0), 0.5, 0.4, 0.1)
    made = _made(tmp_path, [_exam([_view("right", "cc", "one.png", findings=(FINDING, benign)), *_four()[1:]])])
    assert made.rows(made.all("section")[0])[1:] == [
        ["R CC", "1 cancer likelier", "0.83", "0.23", "0.60", "10, 20, 110, 220", "one.png"],
        ["R CC", "2 benign likelier", "0.50", "0.40", "0.10", "1, 2, 3, 4", "one.png"],
    ]


def test_a_model_without_boxes_does_not_speak_of_findings(tmp_path):
    info = dataclasses.replace(INFO, gives_boxes=False)
    made = _made(tmp_path, [_exam(_four(), "a"), _exam(_four(), "b")], info)
    text = _words(made.all("body")[0])
    assert "nothing found" not in text and "findings" not in text and "marks no place" in text
    assert made.all("img")[0]["attrs"]["alt"] == "R CC of exam a"


def test_the_operating_point_is_put_into_words_with_what_it_would_bring_in_screening(tmp_path):
    text = _words(_made(tmp_path, [_exam(_four())]).all("p")[3])
    assert "found 0.91 (0.84 to 0.96) of the exams with cancer and passed 0.70 (0.61 to 0.78) of those without" in text
    assert "among 55 exams of the test data (prevalence 0.38)" in text
    assert "about 6 in 1,000 exams show cancer" in text and "about 2 of 100 alarms would be true" in text


@pytest.mark.parametrize("figure", [None, {"value": None, "low": None, "high": None}])
def test_a_point_that_was_never_tested_says_so(tmp_path, figure):
    info = dataclasses.replace(INFO, operating_point=dataclasses.replace(POINT, sensitivity=figure))
    text = _words(_made(tmp_path, [_exam(_four())], info).all("body")[0])
    assert "What it brings on test data is not known." in text and "alarms would be true" not in text


def test_without_an_operating_point_nothing_is_above_or_below(tmp_path):
    info = dataclasses.replace(INFO, operating_point=None)
    made = _made(tmp_path, [_exam(_four(), "a", is_above=None), _exam(_four(), "b", is_above=None)], info)
    assert "No operating point" in _words(made.all("body")[0])
    assert _words(made.all("p", "answer")[0]) == "Exam score 0.420. Right breast: 0.420. Left breast: 0.050."
    assert made.rows()[1] == ["a", "0.420", "0.420", "0.050", "4 of 4", "0"]


@pytest.mark.parametrize("is_phantom", [True, False])
def test_phantoms_are_owned_up_to_and_no_page_is_a_medical_device(tmp_path, is_phantom):
    made = _made(tmp_path, [_exam(_four())], dataclasses.replace(INFO, is_phantom=is_phantom))
    notices = [_words(notice) for notice in made.all("p", "notice")]
    assert "not a medical device" in notices[0] and "not a medical device" in _words(made.all("footer")[0])
    assert ["trained on phantoms" in notice for notice in notices[1:]] == [True] * is_phantom


def test_what_comes_from_outside_is_escaped(tmp_path):
    evil = '<script>alert("1")</script>&'
    views = [_view("right", "cc", f"{evil}\udce9.png"), _failed("left", "cc", reason=evil)]
    shown = _exam(views, evil, patient={"name": evil})
    info = dataclasses.replace(INFO, title=evil, model=dataclasses.replace(MODEL, name=evil, trained_on=evil))
    made = _made(tmp_path, [shown, shown], info, width_px=0)
    assert not made.all("script")
    text = _words(made.all("body")[0])
    assert f"Exam {evil}" in text and f"could not be read: {evil}" in text and f"Patient name: {evil}" in text


@pytest.mark.parametrize(
    ("outside", "shown"),
    [
        ("a\u202eb", r"a\u202eb"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\x9bb", r"a\u009bb"),
        ("a\udcfcb", r"a\xfcb"),
        ("\u0661\u0662 \u4e73\u623f", "\u0661\u0662 \u4e73\u623f"),
    ],
)
def test_what_would_mislead_a_reader_is_shown_as_what_it_is(tmp_path, outside, shown):
    views = [_view("right", "cc", f"{outside}.png"), _failed("left", "cc", reason=outside)]
    info = dataclasses.replace(INFO, left_out=[(pathlib.Path("given", outside), "a picture")])
    made = _made(tmp_path, [_exam(views, "exam", given_id=outside, patient={"name": outside})], info, width_px=0)
    text = (tmp_path / page.NAME).read_text(encoding="utf-8")
    assert outside not in text or outside == shown
    words = _words(made.all("body")[0])
    assert f"Given as {shown}" in words and f"could not be read: {shown}" in words and f"name: {shown}" in words
    assert f"given/{shown}" in words
    assert f"given/{shown}.png" in [span["attrs"].get("title") for span in made.all("span", "file")]


def test_pictures_of_any_name_are_found(tmp_path):
    names = ["a#b", "50%25", "what?", "quo'te\"", "<img src=x>", "a b", "\u4e73\u623f"]
    views = [_view(None, None, f"{name}.png") for name in names]
    made = _made(tmp_path, [_exam(views, "x#%41")])
    addresses = [image["attrs"]["src"] for image in made.all("img")]
    assert [urllib.parse.unquote(address) for address in addresses] == [f"x#%41/{name}.png" for name in names]
    assert all(urllib.parse.urlsplit(address).path == address for address in addresses)


def test_files_that_were_left_out_are_listed_by_what_they_are(tmp_path):
    kinds = {"a.sr": "a structured report", "b.pdf": "a PDF", "c.sr": "a structured report"}
    left_out = [(pathlib.Path(name), kind) for name, kind in kinds.items()]
    made = _made(tmp_path, [_exam(_four())], dataclasses.replace(INFO, left_out=left_out))
    assert [_words(found) for found in made.all("summary")] == ["2 files: a structured report", "1 file: a PDF"]
    assert [_words(found) for found in made.all("li")] == ["a.sr", "c.sr", "b.pdf"]
    assert not _made(tmp_path, [_exam(_four())]).all("summary")


def test_the_model_is_named_at_the_end(tmp_path):
    assert _made(tmp_path, [_exam(_four())]).rows()[-6:] == [
        ["name", "multi_stage"],
        ["concept", "Two stages"],
        ["SHA-256 begins with", "0123456789ab"],
        ["signature", "unsigned"],
        ["pixel path", "version 1"],
        ["trained on", "Mini-DDSM"],
    ]


def test_who_signed_the_model_is_said_and_whether_that_was_verified(tmp_path):
    for is_trusted, said in (
        (True, "signed by abcdef0123456789"),
        (False, "signed by abcdef0123456789 (not verified)"),
    ):
        signed = dataclasses.replace(INFO.model, signed_by="abcdef0123456789" * 4, is_trusted=is_trusted)
        made = _made(tmp_path, [_exam(_four())], dataclasses.replace(INFO, model=signed))
        assert ["signature", said] in made.rows()


def test_a_page_of_200_exams_loads_nothing_but_its_pictures_and_stays_small(tmp_path):
    made = _made(tmp_path, [_exam(_four(), f"e{index}") for index in range(200)])
    assert (tmp_path / "report.html").stat().st_size < 2_000_000
    assert len(made.all("img")) == 800
    assert not [element for element in made.elements if element["tag"] in ("script", "link", "iframe", "object")]
    sources = [element["attrs"].get("src") or element["attrs"].get("href", "#") for element in made.elements]
    assert all(source.startswith(("#", "e")) for source in sources)


def test_importing_it_takes_nothing_heavy():
    code = "import sys, mammo.writers.page; print({'tensorflow', 'matplotlib', 'scipy', 'jinja2'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert found.stdout.strip() == "set()"
