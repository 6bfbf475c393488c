"""Which images a classifier was wrong about, the worst of them above all, and which it knew."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from mammo.clinical import questions
from mammo.metrics import image_results
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
    """Numbers of images, int64 [at most 6] each, one a patient; of the gravest question that a model answers.

    Attributes:
        task: The question: "cancer", or "tumour" where cancers are not told apart.
        misses: Positive, and taken for negative; the least suspected first.
        alarms: Negative, and taken for positive; the most suspected first.
        hits: Positive, and taken for it; the most suspected first.
    """

    task: str
    misses: np.ndarray
    alarms: np.ndarray
    hits: np.ndarray


def choose(scored: Scored, count: int = _PICTURES) -> Choice:
    """Returns the images to show, of the class that is predicted: the likeliest one."""
    scores = scored.classes.scores(scored.probabilities)
    task = "cancer" if "cancer" in scores else "tumour"
    is_positive = questions.is_positive(task, scored.labels)
    normal, _, cancer = scored.classes.of_label
    predicted = scored.probabilities.argmax(axis=1)
    is_suspected = predicted == cancer if task == "cancer" else predicted != normal

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
    """Draws the worst misses, the worst false alarms and the surest hits.

    Args:
        scored: The images.
        keys: Of their records.
        image_of: Takes a key and gives the image: float [H, W] in [0, 1], in the pixels of the boxes.
        name: Begins the identifiers of the pictures, which are unique on a page.
    """
    choice = choose(scored)
    missed, alarmed = _TITLES[choice.task]
    chapters = (
        (missed, "None was.", choice.misses),
        (alarmed, "None was.", choice.alarms),
        ("Sure hits", "There was none.", choice.hits),
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
    said = zip(scored.classes.names, scored.probabilities[row], strict=True)
    return (
        f"{facts.path} (patient {facts.patient_id}, {facts.laterality or '?'} {(facts.projection or '?').upper()}): "
        f"{image_results.LABELS[scored.labels[row]]}; {', '.join(f'{name} {value:.2f}' for name, value in said)}."
    )
