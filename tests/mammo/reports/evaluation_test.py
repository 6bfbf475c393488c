import html.parser
import json
import re

import numpy as np
import pytest

from mammo.clinical.calibration import Calibration
from mammo.common.json_types import Interval
from mammo.metrics import average_precision, classification, detection, froc, image_results
from mammo.reports import evaluation, galleries, mistakes
from mammo.reports.evaluation import Report
from tests.mammo.metrics import drawing

VOID = {"meta", "br", "img", "link"}


class _Tags(html.parser.HTMLParser):
    """Checks that every tag is closed, and gathers what the page would load and the text of it."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.identifiers: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self._note(tag, attrs)

    def handle_startendtag(self, tag, attrs):
        self._note(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def _note(self, tag, attrs):
        self.loads += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.identifiers += [value for name, value in attrs if name == "id" and tag == "image"]


def _read(page):
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    return tags, re.sub(r"\s+", " ", " ".join(tags.words))


def _document(figures) -> Report:
    return figures


def _report(results, **more):
    drawing_of = {"resamples": 20, "seed": 0}
    events = {name: froc.collect(results, rule) for name, rule in detection.RULES.items()}
    threshold = froc.threshold(events["centre"], 1.0)
    made = {
        "n": {
            "patients": image_results.patients(results)[0],
            "images": len(results),
            "lesions": sum(len(result.truth_classes) for result in results),
        },
        "froc": {name: froc.summarise(curve, **drawing_of) for name, curve in events.items()},
        "average_precision": average_precision.intervals(results, [None], **drawing_of),
        "false_positives_per_normal_image": detection.false_positives_per_normal_image(
            results, detection.RULES["centre"], threshold, **drawing_of
        ),
    }
    return _document({**made, **more})


def _image_of(key):
    return np.zeros((400, 400), np.float32)


def _gallery(results):
    return galleries.of_detections(results, 0.5, _image_of)


RESULTS = drawing.random_results(0)
HISTORY = [{"step": step, "loss/total": 1.0, "learning_rate": 0.01} for step in range(5)]


def test_the_page_holds_the_figures_with_their_intervals_and_counts(tmp_path):
    made = _report(RESULTS, split="validation", config={"stage": "detector", "seed": 7}, data={"source": "coco"})
    evaluation.write(tmp_path / "new", made, HISTORY, _gallery(RESULTS))
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == made
    tags, text = _read((tmp_path / "new" / "report.html").read_text())
    assert "Evaluation of detector on validation" in text
    assert "Data: coco." in text
    assert f"4 patients, 12 images, {made['n']['lesions']} lesions" in text
    for rule in ("centre", "iou"):
        for figure in made["froc"][rule]["sensitivity_at"].values():
            assert f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})" in text
    assert f"{made['average_precision']['0.5:0.95']['value']:.3f}" in text
    for chapter in (
        "Hits with the highest scores",
        "Worst misses",
        "Worst false alarms",
        "Loss",
        "Learning rate",
        "How it was made",
    ):
        assert chapter in text
    assert "not a medical device" in text
    assert len(set(tags.identifiers)) == len(tags.identifiers)


def test_a_bundle_of_phantoms_is_named_and_says_that_its_figures_on_other_data_mean_nothing(tmp_path):
    made = _report(RESULTS, title="single-stage detector", split="test", data={"source": "coco"}, model={})
    pages = {}
    for is_of_phantoms in (True, False):
        evaluation.write(tmp_path, made | {"model": {"is_of_phantoms": is_of_phantoms}}, [], [])
        _, pages[is_of_phantoms] = _read((tmp_path / "report.html").read_text())
    assert "Evaluation of single-stage detector on test" in pages[True]
    assert "The model was trained on phantoms." in pages[True]
    assert "The model was trained on phantoms." not in pages[False]


def test_the_page_loads_nothing_from_elsewhere():
    tags, _ = _read(evaluation.render(_report(RESULTS), HISTORY, _gallery(RESULTS)))
    assert tags.loads
    assert all(load.startswith(("data:image/jpeg;base64,", "#")) for load in tags.loads)


@pytest.mark.parametrize(
    ("data", "is_said"), [({"is_phantom": True}, True), ({"is_phantom": False}, False), ("/a/folder", False)]
)
def test_phantoms_are_called_so(data, is_said):
    _, text = _read(evaluation.render(_report(RESULTS, data=data), [], []))
    assert ("never any clinical worth" in text) == is_said


def test_without_lesions_detections_or_history():
    results = [drawing.make_result(patient_id=str(index)) for index in range(3)]
    _, text = _read(evaluation.render(_report(results), [], _gallery(results)))
    assert "There is no lesion in these images" in text
    assert "No lesion was found." in text
    assert "Training" not in text


SCORED = drawing.random_scored(0)


def test_a_classifiers_page_shows_areas_curves_confusion_reliability_and_groups():
    made = _document(classification.report(SCORED, resamples=20))
    chapters = mistakes.gallery(SCORED, range(48), _image_of)
    page = evaluation.render(made, [], chapters)
    tags, text = _read(page)
    area = made["auc"]["image"]["cancer"]
    positive = area["n"]["positive"]
    assert f"{area['value']:.2f} area under the ROC curve, cancer, by image" in text
    assert f"{positive} of 48 images positive" in text
    for title in (
        "Any lesion against none",
        "Cancer against the rest",
        "Predicted against true classes",
        "Do probabilities come true?",
        "Probabilities as the model gives them.",
        "By density",
        "By lesion size",
        "Cancers taken for harmless",
    ):
        assert title in text
    assert f"by exam: {made['auc']['exam']['cancer']['value']:.2f}" in text
    group = made["by"]["projection"]["cc"]
    area = group["auc"]["cancer"]
    assert f"{area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f}), {area['n']['positive']} / " in text
    assert f"{group['accuracy']['value']:.3f}" in text
    assert "false positive" not in text
    assert len(set(tags.identifiers)) == len(tags.identifiers) == sum(len(chapter.pictures) for chapter in chapters)


def test_a_calibration_is_told():
    calibration = Calibration(1.5, (0.0, -1.0, 0.25))
    made = _document(classification.report(SCORED, resamples=0, calibration=calibration))
    _, text = _read(evaluation.render(made, [], []))
    assert "temperature 1.50, biases 0.00, -1.00, 0.25 ." in text.replace("0.25.", "0.25 .")


@pytest.mark.parametrize("labels", [(0,), (2,), (0, 1)])
def test_a_classifiers_page_where_classes_are_missing(labels):
    scored = SCORED.subset(np.isin(SCORED.labels, labels))
    keys = range(len(scored.facts))
    made = _document(classification.report(scored, resamples=20))
    _, text = _read(evaluation.render(made, [], mistakes.gallery(scored, keys, _image_of)))
    assert f"{len(scored.facts)} images" in text
    # A curve takes positive and negative images.
    assert ("the grey line is guessing" in text) == (len(labels) > 1)


def test_a_detectors_page_has_its_groups():
    figure: Interval = {"value": 0.5, "low": 0.25, "high": 0.75}
    groups = {
        name: {"n": {"patients": 2, "images": 1234}, "sensitivity": figure, "false_positives_per_image": figure}
        for name in ("1", "2")
    }
    _, text = _read(evaluation.render(_report(RESULTS, by={"density": groups, "volume": {"A": groups["1"]}}), [], []))
    assert "By density" in text
    assert "1 2 1,234 0.500 (0.250 to 0.750)" in text
    assert "By volume" not in text  # there is one alone


def test_names_from_outside_stay_text():
    result = drawing.make_result([(10, 10, 30, 30)], path="<script>alert(1)</script>.png")
    page = evaluation.render(_report([result], config={"name": "<b>bold</b>"}), [], _gallery([result]))
    assert "<script>" not in page
    assert "<b>bold</b>" not in page


def test_a_number_json_does_not_know_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        evaluation.write(tmp_path, _document({"n": {"patients": float("nan")}}), [], [])
    assert list(tmp_path.iterdir()) == []
