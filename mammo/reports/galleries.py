"""The gallery of a report: chapters of pictures that show where a model was right and where it was wrong."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from mammo.concepts.evidence import Answers
from mammo.metrics import detection
from mammo.metrics.figures import ConceptFigures
from mammo.metrics.image_results import ImageResult
from mammo.reports import mistakes, pictures
from mammo.reports.pictures import Chapter
from mammo.stages.classification_evaluator import ClassificationEvaluator
from mammo.stages.detection_evaluator import DetectionEvaluator
from mammo.stages.stage import Evaluator

_PICTURES = 6  # of each chapter


def of_evaluator(evaluator: Evaluator, image_of: Callable[[int], np.ndarray]) -> list[Chapter]:
    """Draws the gallery of a model that was evaluated; there are no chapters without images.

    Args:
        evaluator: It has seen the whole split.
        image_of: Returns the image of a record by its key: float [H, W] in [0, 1], in the pixels of the boxes.

    Raises:
        TypeError: There is no gallery for this kind of evaluator.
    """
    if isinstance(evaluator, ClassificationEvaluator):
        return mistakes.gallery(evaluator.scored, evaluator.keys, image_of) if evaluator.keys else []
    if isinstance(evaluator, DetectionEvaluator):
        results = [
            dataclasses.replace(result, truth_classes=facts.pathologies - 1)  # a class-blind detector is not told them
            for result, facts in zip(evaluator.results, evaluator.facts, strict=True)
        ]
        return of_detections(results, evaluator.threshold, image_of) if results else []
    raise TypeError(f"there is no gallery for {type(evaluator).__name__}")


def of_answers(
    answers: Answers,
    figures: ConceptFigures,
    image_of: Callable[[int], np.ndarray],
    name: str = "picture",
) -> list[Chapter]:
    """Draws where a concept was wrong: lesions and false alarms if it gives boxes, else whole views.

    Args:
        answers: Calibrated, of a split.
        figures: Of the concept on that split; detections are those at one false positive an image.
        image_of: Returns the image of a record by its key: float [H, W] in [0, 1], in the pixels of the boxes.
        name: A prefix of the pictures' identifiers, which are unique on a page.
    """
    if answers.results is None:
        return mistakes.gallery(answers.scored, answers.keys, image_of, name)
    threshold = figures["false_positives_per_normal_image"]["threshold"]
    return of_detections(answers.results, np.inf if threshold is None else threshold, image_of, name)


def of_detections(
    results: Sequence[ImageResult],
    threshold: float,
    image_of: Callable[[int], np.ndarray],
    name: str = "picture",
) -> list[Chapter]:
    """Draws the hits with the highest scores, the worst misses and the worst false alarms.

    Args:
        results: The images with their detections.
        threshold: The least score that counts as a detection.
        image_of: Returns the image of a record by its key: float [H, W] in [0, 1], in the pixels of the boxes.
        name: A prefix of the pictures' identifiers, which are unique on a page.
    """
    rule = detection.RULES["centre"]
    chapters = (
        ("Hits with the highest scores", "No lesion was found.", pictures.sure_hits(results, rule, _PICTURES)),
        ("Worst misses", "No lesion was missed.", pictures.worst_misses(results, rule, threshold, _PICTURES)),
        ("Worst false alarms", "There is no false alarm.", pictures.worst_alarms(results, rule, _PICTURES)),
    )
    return [
        Chapter(title, otherwise, pictures.draw_all(subjects, image_of, threshold, f"{name}-{chapter}"))
        for chapter, (title, otherwise, subjects) in enumerate(chapters)
    ]
