"""Detections in a few images, as a detector's evaluator gets them."""

import numpy as np

from mammo.data.batch import Batch, Detections
from mammo.stages.detection_evaluator import DetectionEvaluator
from tests.mammo.metrics import drawing

A, B, AWAY = (10, 10, 30, 30), (60, 60, 80, 80), (100, 100, 120, 120)
NONE = (-1, -1, -1, -1)


NORMAL = {key: drawing.make_facts(patient_id=f"p{key // 2}", path=f"{key}.png") for key in range(8)}


def make_batch(truth, keys):
    """A batch of images with up to two lesions, all cancers; an image with the key -1 is padding."""
    boxes = [[*lesions, NONE, NONE][:2] for lesions in truth]
    classes = [[1] * len(lesions) + [-1] * (2 - len(lesions)) for lesions in truth]
    return Batch(
        image=np.zeros((len(keys), 8, 8, 1), np.float32),
        boxes=np.array(boxes, np.float32),
        classes=np.array(classes, np.int32),
        label=np.array([2 if lesions else 0 for lesions in truth], np.int32),
        is_real=np.array([key >= 0 for key in keys]),
        key=np.array(keys, np.int64),
        position=np.arange(len(keys)),
    )


def make_detections(found, classes=1):
    """Detections with room for three an image; what is behind the valid ones looks like sure ones, to be caught."""
    boxes = [[*[box for _, box in image], *[B] * 3][:3] for image in found]
    scores = [[*[score for score, _ in image], *[0.99] * 3][:3] for image in found]
    return Detections(
        np.array(boxes, np.float32),
        np.array(scores, np.float32),
        np.full((len(found), 3), classes, np.int32),
        np.array([len(image) for image in found], np.int32),
    )


def evaluate(batches, **options):
    facts = dict(NORMAL)
    for truth, _, keys in batches:
        for lesions, key in zip(truth, keys, strict=True):
            if key in facts:
                facts[key] = drawing.make_facts(lesions, patient_id=f"p{key // 2}", path=f"{key}.png")
    evaluator = DetectionEvaluator(facts, 1, resamples=50, **options)
    for truth, found, keys in batches:
        evaluator.update(make_batch(truth, keys), make_detections(found))
    return evaluator


BATCHES = [
    ([[A], []], [[(0.9, A), (0.5, AWAY)], [(0.7, B)]], [0, 1]),
    ([[A, B], [A]], [[(0.8, A)], []], [2, -1]),
]
