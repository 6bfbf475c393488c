"""The images that a classifier got most wrong, and those that it got right with the highest scores."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from mammo.clinical import labels, questions
from mammo.metrics.image_results import ImageResult
from mammo.metrics.scoring import Scored
from mammo.reports import pictures
from mammo.reports.pictures import Chapter, Subject

_PICTURES = 6  # of each kind
_TITLES = {
    "cancer": ("Cancers taken for harmless", "Harmless images taken for cancer"),
    "tumour": ("Tumours taken for normal", "Normal images taken for tumours"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Choice:
    """Indices of images, int64 [at most 6] each, one for each patient, by the gravest question that a model answers.

    Attributes:
        task: The question: "cancer", or "tumour" where cancers are not told apart.
        misses: Positive images taken for negative, the lowest score first.
        alarms: Negative images taken for positive, the highest score first.
        hits: Positive images taken for positive, the highest score first.
    """

    task: str
    misses: np.ndarray
    alarms: np.ndarray
    hits: np.ndarray


def choose(scored: Scored, count: int = _PICTURES) -> Choice:
    """Returns the images to show; an image is taken for the class with the highest probability."""
    scores = scored.classes.scores(scored.probabilities)
    task = "cancer" if "cancer" in scores else "tumour"
    is_positive = questions.is_positive(task, scored.labels)
    normal, _, cancer = scored.classes.of_label
    is_suspected = scored.predicted == cancer if task == "cancer" else scored.predicted != normal

    def first(is_candidate: np.ndarray, sign: int) -> np.ndarray:
        order = np.argsort(sign * scores[task], kind="stable")
        order = order[is_candidate[order]]
        _, first_of_patient = np.unique(scored.patients[order], return_index=True)
        return order[np.sort(first_of_patient)][:count]

    return Choice(
        task,
        misses=first(is_positive & ~is_suspected, 1),
        alarms=first(~is_positive & is_suspected, -1),
        hits=first(is_positive & is_suspected, -1),
    )


def gallery(
    scored: Scored, keys: Sequence[int], image_of: Callable[[int], np.ndarray], name: str = "image"
) -> list[Chapter]:
    """Draws the worst misses, the worst false alarms and the hits with the highest scores.

    Args:
        scored: The images.
        keys: The keys of their records.
        image_of: Returns the image of a record by its key: float [H, W] in [0, 1], in the pixels of the boxes.
        name: A prefix of the pictures' identifiers, which are unique on a page.
    """
    choice = choose(scored)
    missed, alarmed = _TITLES[choice.task]
    chapters = (
        (missed, "There is none.", choice.misses),
        (alarmed, "There is none.", choice.alarms),
        ("Hits with the highest scores", "There is none.", choice.hits),
    )
    return [
        Chapter(
            title,
            otherwise,
            pictures.draw_all(
                [_subject(scored, int(row), keys[row]) for row in rows], image_of, np.inf, f"{name}-{chapter}"
            ),
        )
        for chapter, (title, otherwise, rows) in enumerate(chapters)
    ]


def _subject(scored: Scored, row: int, key: int) -> Subject:
    facts = scored.facts[row]
    boxes = np.asarray(facts.boxes_xyxy_px, np.float64).reshape(-1, 4)
    nothing = np.zeros(0)
    result = ImageResult(
        facts.patient_id, facts.path, boxes, np.zeros(len(boxes), np.int64),
        np.zeros((0, 4)), nothing, nothing, int(scored.labels[row]), key=key,
    )  # fmt: skip
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    box = boxes[areas.argmax()] if len(boxes) else None
    return Subject(result, box, caption=_caption(scored, row))


def _caption(scored: Scored, row: int) -> str:
    facts = scored.facts[row]
    answers = zip(scored.classes.names, scored.probabilities[row], strict=True)
    return (
        f"{facts.path} (patient {facts.patient_id}, {facts.laterality or '?'} {(facts.projection or '?').upper()}): "
        f"{labels.NAMES[scored.labels[row]]}; {', '.join(f'{name} {value:.2f}' for name, value in answers)}."
    )
