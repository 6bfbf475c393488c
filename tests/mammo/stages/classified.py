"""Images with drawn probabilities, as a classifier's evaluator gets them."""

import numpy as np

from mammo.data.batch import Batch
from mammo.stages.classification_evaluator import ClassificationEvaluator
from tests.mammo.metrics import drawing


def make_batch(scored, keys, padding=0):
    """Makes a batch of some images, with padding behind them that looks like images, to be caught."""
    chosen = [*keys, *[0] * padding]
    boxes = np.full((len(chosen), 1, 4), -1.0, np.float32)
    for row, key in enumerate(chosen):
        boxes[row, : len(scored.facts[key].boxes_xyxy_px)] = scored.facts[key].boxes_xyxy_px
    batch = Batch(
        image=np.full((len(chosen), 64, 48, 1), 0.5, np.float32),
        boxes=boxes,
        classes=np.where(boxes[..., 0] < 0, -1, 1).astype(np.int32),
        label=scored.labels[chosen].astype(np.int32),
        is_real=np.arange(len(chosen)) < len(keys),
        key=np.array(chosen, np.int64),
        position=np.arange(len(chosen)),
    )
    return batch, scored.probabilities[chosen].astype(np.float32)


def evaluate(scored, order=None, **options):
    evaluator = ClassificationEvaluator(dict(enumerate(scored.facts)), scored.classes, resamples=50, **options)
    order = np.arange(len(scored.facts)) if order is None else order
    for start in range(0, len(order), 7):
        evaluator.update(*make_batch(scored, list(order[start : start + 7]), padding=start % 3))
    return evaluator


SCORED = drawing.random_scored(0)
