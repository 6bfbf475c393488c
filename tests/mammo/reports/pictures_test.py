import base64
import re
import xml.etree.ElementTree as ET

import cv2
import numpy as np

from mammo.common import colours
from mammo.metrics.matching import Rule
from mammo.reports import pictures
from mammo.reports.pictures import Subject
from tests.mammo.metrics import drawing

RULE = Rule("centre")
A, B, AWAY = (10, 10, 30, 30), (60, 60, 90, 90), (100, 100, 120, 120)


def _result(name, truth=(), found=(), **options):
    return drawing.make_result(truth, found, patient_id=name, path=f"{name}.png", **options)


def _paths(subjects):
    return [subject.result.patient_id for subject in subjects]


def test_the_surest_hits_come_first_one_a_patient():
    results = [
        _result("unsure", [A], [(0.4, A)]),
        _result("sure", [A, B], [(0.9, A), (0.8, B)]),
        _result("wrong", [A], [(0.99, AWAY)]),
    ]
    subjects = pictures.sure_hits(results, RULE, 5)
    assert _paths(subjects) == ["sure", "unsure"]
    assert subjects[0].score == 0.9
    assert pictures.sure_hits(results, RULE, 1)[0].result is results[1]


def test_the_worst_misses_are_cancers_nothing_lies_on():
    results = [
        _result("benign", [B], truth_classes=[0]),
        _result("found", [A], [(0.9, A)]),
        _result("too low", [A], [(0.3, A)]),
        _result("small", [A], [(0.9, AWAY)]),
        _result("large", [B]),
    ]
    subjects = pictures.worst_misses(results, RULE, 0.5, 9)
    assert _paths(subjects) == ["large", "small", "too low", "benign"]
    assert [subject.score for subject in subjects] == [None, None, 0.3, None]


def test_the_worst_alarms_lie_on_no_lesion():
    results = [
        _result("repeat", [A], [(0.9, A), (0.8, A)]),
        _result("normal", [], [(0.6, A)]),
        _result("beside", [A], [(0.7, AWAY)]),
    ]
    assert _paths(pictures.worst_alarms(results, RULE, 9)) == ["beside", "normal"]


def test_a_picture_shows_truth_solid_and_detections_dashed_with_their_scores():
    result = _result("p", [A], [(0.9, A), (0.2, AWAY)], laterality="left", projection="mlo")
    image = np.zeros((160, 100), np.float32)
    picture = pictures.draw(pictures.sure_hits([result], RULE, 1)[0], image, 0.5, "name")
    assert picture.caption == "p.png (left MLO): cancer, found with score 0.90."
    root = ET.fromstring(picture.svg)
    boxes = [element for element in root.iter() if element.get("stroke-dasharray")]
    kinds = [(element.get("stroke"), element.get("stroke-dasharray")) for element in boxes]
    assert kinds == [(colours.FOUND, "5 3"), (colours.TRUTH, "none")] * 2  # in both panels
    assert [element.text for element in root.iter() if element.tag.endswith("text")] == ["0.90"]
    whole = boxes[1]  # the image is 160 high, and 340 in the picture
    assert float(whole.attrib["x"]) == round(10 * 340 / 160, 1)
    assert float(whole.attrib["width"]) == 20 * 340 / 160


def test_the_embedded_image_is_the_one_that_was_given():
    image = np.zeros((160, 100), np.float32)
    image[40:80, 20:60] = 0.5  # the brightest there is
    subject = pictures.worst_misses([_result("p", [A])], RULE, 0.5, 1)[0]
    content = re.search(r"base64,([^\"]+)", pictures.draw(subject, image, 0.5, "name").svg)
    assert content
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(content[1]), np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_allclose(shown, image * 510, atol=12)


def test_a_large_image_is_made_smaller_and_keeps_its_place():
    image = np.random.default_rng(0).random((4000, 3000)).astype(np.float32)
    svg = pictures.draw(pictures.worst_misses([_result("p", [A])], RULE, 0.5, 1)[0], image, 0.5, "name").svg
    assert 'width="3000" height="4000"' in svg  # boxes stay in pixels of the image
    assert len(svg) < 1_500_000


def test_an_image_that_is_black_can_be_drawn():
    subject = pictures.worst_misses([_result("p", [A])], RULE, float("inf"), 1)[0]
    picture = pictures.draw(subject, np.zeros((50, 50)), float("inf"), "name")
    assert picture.caption.endswith("no detection lies on it.")


def test_captions_of_misses_and_alarms_say_what_happened():
    image = np.zeros((160, 160), np.float32)
    low = pictures.worst_misses([_result("p", [A], [(0.3, A)])], RULE, 0.5, 1)[0]
    assert pictures.draw(low, image, 0.5, "a").caption == (
        "p.png: cancer; the highest-scored detection on it has 0.30, below 0.50."
    )
    alarm = pictures.worst_alarms([_result("p", [], [(0.7, A)])], RULE, 1)[0]
    assert pictures.draw(alarm, image, 0.5, "b").caption == "p.png: false alarm, score 0.70; the image is normal."


def test_a_picture_may_be_of_a_whole_image_with_a_caption_of_its_own():
    subject = Subject(_result("p", [A]), None, caption="An image.")
    picture = pictures.draw(subject, np.zeros((160, 100), np.float32), 0.5, "name")
    assert picture.caption == "An image."
    views = [element for element in ET.fromstring(picture.svg) if element.tag.endswith("svg")]
    assert len(views) == 1


def test_images_are_asked_for_by_key():
    subjects = pictures.worst_misses([_result("a", [A], key=3), _result("b", [A], key=8)], RULE, 0.5, 9)
    shown = {3: np.zeros((50, 50)), 8: np.ones((50, 50))}
    made = pictures.draw_all(subjects, shown.pop, 0.5, "x")
    assert shown == {}
    assert len({picture.svg for picture in made}) == 2
