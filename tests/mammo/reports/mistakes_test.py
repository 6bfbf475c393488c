import xml.etree.ElementTree as ET

import numpy as np
import pytest

from mammo.clinical.questions import MALIGNANCY, TUMOUR, WHOLE_IMAGE
from mammo.common import colours
from mammo.metrics.scoring import Scored
from mammo.reports import mistakes
from tests.mammo.metrics import drawing

BOX = (20, 40, 50, 80)


def _scored(*rows, classes=WHOLE_IMAGE):
    """Makes images of (patient, label, probabilities); those with a lesion have it outlined."""
    facts = tuple(
        drawing.make_facts([BOX] if label else [], pathologies=[label] if label else [], patient_id=name, path=name)
        for name, label, _ in rows
    )
    labels = np.array([label for _, label, _ in rows])
    return Scored(facts, labels, np.array([said for _, _, said in rows], np.float64), classes)


CANCERS = _scored(
    ("found", 2, (0.1, 0.1, 0.8)),
    ("missed a little", 2, (0.2, 0.5, 0.3)),
    ("missed badly", 2, (0.9, 0.09, 0.01)),
    ("benign and suspected", 1, (0.1, 0.2, 0.7)),
    ("normal and suspected", 0, (0.04, 0.01, 0.95)),
    ("normal and suspected", 0, (0.3, 0.1, 0.6)),
    ("benign and taken for normal", 1, (0.9, 0.05, 0.05)),
)


def _names(scored, rows):
    return [scored.facts[row].patient_id for row in rows]


def test_the_worst_come_first_one_a_patient():
    choice = mistakes.choose(CANCERS)
    assert choice.task == "cancer"
    assert _names(CANCERS, choice.misses) == ["missed badly", "missed a little"]
    assert _names(CANCERS, choice.alarms) == ["normal and suspected", "benign and suspected"]
    assert choice.alarms[0] == 4  # of its two images the more suspected one
    assert _names(CANCERS, choice.hits) == ["found"]
    assert _names(CANCERS, mistakes.choose(CANCERS, count=1).misses) == ["missed badly"]


def test_without_a_class_of_cancers_it_is_about_tumours():
    scored = _scored(
        ("benign, missed", 1, (0.7, 0.3)), ("normal", 0, (0.9, 0.1)), ("alarm", 0, (0.1, 0.9)), ("hit", 2, (0.2, 0.8)),
        classes=TUMOUR,
    )  # fmt: skip
    choice = mistakes.choose(scored)
    assert choice.task == "tumour"
    chosen = [_names(scored, rows) for rows in (choice.misses, choice.alarms, choice.hits)]
    assert chosen == [["benign, missed"], ["alarm"], ["hit"]]


def test_a_stage_that_sees_no_normal_image_has_its_choice_too():
    scored = _scored(("miss", 2, (0.7, 0.3)), ("alarm", 1, (0.1, 0.9)), classes=MALIGNANCY)
    choice = mistakes.choose(scored)
    assert [len(rows) for rows in (choice.misses, choice.alarms, choice.hits)] == [1, 1, 0]


def _outlines(svg):
    return [element for element in ET.fromstring(svg).iter() if element.get("stroke") == colours.TRUTH]


def test_a_lesion_is_outlined_and_shown_close_up_and_a_normal_image_is_shown_whole():
    keys = [10 * row for row in range(7)]
    asked = []

    def image_of(key):
        asked.append(key)
        return np.zeros((200, 100), np.float32)

    missed, alarmed, hit = mistakes.gallery(CANCERS, keys, image_of)
    assert asked == [20, 10, 40, 30, 0]
    assert len(_outlines(missed.pictures[0].svg)) == 2  # in the view and close up
    assert len(_outlines(alarmed.pictures[0].svg)) == 0
    assert alarmed.pictures[0].svg.count("<svg") == 2  # the picture and one view in it
    assert hit.pictures[0].svg.count("<svg") == 3


def test_captions_say_whose_the_image_is_what_it_shows_and_what_was_said():
    missed, _, _ = mistakes.gallery(CANCERS, range(7), lambda key: np.zeros((200, 100), np.float32))
    assert missed.pictures[0].caption == (
        "missed badly (patient missed badly, left CC): cancer; normal 0.90, benign 0.09, cancer 0.01."
    )


@pytest.mark.parametrize("label", [0, 2])
def test_where_nothing_went_wrong_a_chapter_is_empty_and_says_so(label):
    right = _scored(("p", label, np.eye(3)[label]))
    missed, alarmed, _ = mistakes.gallery(right, [0], lambda key: np.zeros((200, 100), np.float32))
    assert list(missed.pictures) == list(alarmed.pictures) == []
    assert missed.otherwise
