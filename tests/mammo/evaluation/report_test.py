import html.parser
import json
import re

import numpy as np
import pytest

from mammo.evaluation import average_precision, detection, froc, images, report
from tests.mammo.evaluation import drawing

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


def _report(results, **more):
    drawing_of = {"resamples": 20, "seed": 0}
    events = {name: froc.collect(results, rule) for name, rule in detection.RULES.items()}
    threshold = froc.threshold(events["centre"], 1.0)
    return {
        "n": {
            "patients": images.patients(results)[0],
            "images": len(results),
            "lesions": sum(len(result.truth_classes) for result in results),
        },
        "froc": {name: froc.summarise(curve, **drawing_of) for name, curve in events.items()},
        "average_precision": average_precision.intervals(results, [None], **drawing_of),
        "false_positives_per_normal_image": detection.false_positives_per_normal_image(
            results, detection.RULES["centre"], threshold, **drawing_of
        ),
        **more,
    }


def _image_of(path):
    return np.zeros((400, 400), np.float32)


RESULTS = drawing.random_results(0)
HISTORY = [{"step": step, "loss/total": 1.0, "learning_rate": 0.01} for step in range(5)]


def test_the_page_holds_the_figures_with_their_intervals_and_counts(tmp_path):
    made = _report(RESULTS, split="validation", config={"stage": "detector", "seed": 7}, data={"source": "coco"})
    report.write(tmp_path / "new", made, HISTORY, RESULTS, _image_of)
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == made
    tags, text = _read((tmp_path / "new" / "report.html").read_text())
    assert "Evaluation of detector on validation" in text
    assert "Data: coco." in text
    assert f"4 patients, 12 images, {made['n']['lesions']} lesions" in text
    for rule in ("centre", "iou"):
        for figure in made["froc"][rule]["sensitivity_at"].values():
            assert f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})" in text
    assert f"{made['average_precision']['0.5:0.95']['value']:.3f}" in text
    for chapter in ("Sure hits", "Worst misses", "Worst false alarms", "Loss", "Learning rate", "How it was made"):
        assert chapter in text
    assert "not a medical device" in text
    assert len(set(tags.identifiers)) == len(tags.identifiers)


def test_the_page_loads_nothing_from_elsewhere():
    tags, _ = _read(report.render(_report(RESULTS), HISTORY, RESULTS, _image_of))
    assert tags.loads
    assert all(load.startswith(("data:image/jpeg;base64,", "#")) for load in tags.loads)


@pytest.mark.parametrize(
    ("data", "is_said"), [({"is_phantom": True}, True), ({"is_phantom": False}, False), ("/a/folder", False)]
)
def test_phantoms_are_called_so(data, is_said):
    _, text = _read(report.render(_report(RESULTS, data=data), [], [], _image_of))
    assert ("never any clinical worth" in text) == is_said


def test_without_lesions_detections_or_history():
    results = [drawing.make_result(patient_id=str(index)) for index in range(3)]
    _, text = _read(report.render(_report(results), [], results, _image_of))
    assert "There is no lesion in these images" in text
    assert "No lesion was found." in text
    assert "Training" not in text


def test_a_classifier_has_a_page_too():
    figure = {"value": 0.812, "low": 0.7, "high": 0.9}
    made = {"n": {"patients": 9, "images": 36}, "auc": {"image": {"cancer": figure}}, "macro_f1": figure}
    _, text = _read(report.render(made, [], [], _image_of))
    assert "area under the ROC curve, cancer, by image" in text
    assert "macro f1 0.812 (0.700 to 0.900)" in text


def test_names_from_outside_stay_text():
    result = drawing.make_result([(10, 10, 30, 30)], path="<script>alert(1)</script>.png")
    page = report.render(_report([result], config={"name": "<b>bold</b>"}), [], [result], _image_of)
    assert "<script>" not in page
    assert "<b>bold</b>" not in page


def test_a_number_json_does_not_know_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        report.write(tmp_path, {"n": {"patients": float("nan")}}, [], [], _image_of)
    assert list(tmp_path.iterdir()) == []
