from typing import Any

import numpy as np
import pytest

from mammo.reports import galleries
from mammo.stages.classification_evaluator import ClassificationEvaluator
from mammo.stages.detection_evaluator import DetectionEvaluator
from tests.mammo.metrics import drawing
from tests.mammo.stages import classified, detected
from tests.mammo.stages.detected import BATCHES, A, make_batch, make_detections


def test_a_detectors_gallery_shows_hits_misses_and_false_alarms_by_their_keys():
    asked = []

    def image_of(key):
        asked.append(key)
        return np.zeros((120, 120), np.float32)

    evaluator = detected.evaluate(BATCHES)
    chapters = {chapter.title: chapter.pictures for chapter in galleries.of_evaluator(evaluator, image_of)}
    assert {title: len(shown) for title, shown in chapters.items()} == {
        "Hits with the highest scores": 2,
        "Worst misses": 1,
        "Worst false alarms": 1,
    }
    assert asked == [0, 2, 2, 1]
    assert chapters["Worst misses"][0].caption.startswith("2.png")
    assert galleries.of_evaluator(DetectionEvaluator({}, 1), image_of) == []


def test_the_gallery_tells_cancers_from_benign_lesions_even_if_the_detector_is_not_told():
    facts = {0: drawing.make_facts([A], pathologies=[1], patient_id="p"), 1: drawing.make_facts([A], patient_id="q")}
    evaluator = DetectionEvaluator(facts, 1)
    batch = make_batch([[A], [A]], [0, 1])
    evaluator.update(batch._replace(classes=np.minimum(batch.classes, 0)), make_detections([[], []], classes=0))
    _, misses, _ = galleries.of_evaluator(evaluator, lambda key: np.zeros((120, 120), np.float32))
    assert ["cancer" in picture.caption for picture in misses.pictures] == [True, False]


def test_a_classifiers_gallery_asks_for_the_images_by_their_keys():
    asked = []

    def image_of(key):
        asked.append(key)
        return np.zeros((200, 100), np.float32)

    scored = classified.SCORED
    chapters = galleries.of_evaluator(classified.evaluate(scored), image_of)
    assert [chapter.title for chapter in chapters] == [
        "Cancers taken for harmless",
        "Harmless images taken for cancer",
        "Hits with the highest scores",
    ]
    captions = [picture.caption for chapter in chapters for picture in chapter.pictures]
    assert len(captions) == len(asked)
    for key, caption in zip(asked, captions, strict=True):
        assert caption.startswith(scored.facts[key].path)
    assert galleries.of_evaluator(ClassificationEvaluator({}, scored.classes), image_of) == []


def test_an_evaluator_of_another_kind_is_refused():
    other: Any = object()
    with pytest.raises(TypeError, match="no gallery for object"):
        galleries.of_evaluator(other, lambda key: np.zeros((8, 8)))
