"""Images with the probabilities that a model gave them, and the scores of breasts and exams."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from mammo.clinical import questions, rules
from mammo.clinical.calibration import Calibration
from mammo.clinical.labels import Projection
from mammo.clinical.questions import Classes
from mammo.clinical.rules import MissingProjection
from mammo.metrics.image_results import ImageFacts
from mammo.metrics.roc import Cases

Unit = Literal["image", "breast", "exam"]
UNITS: tuple[Unit, ...] = ("image", "breast", "exam")

_SUM_TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Scored:
    """Images with the probabilities that a model gave them: N images, C classes.

    Attributes:
        facts: What is known of each of the N images.
        labels: Values of `mammo.clinical.labels.Label`, int64 [N].
        probabilities: float64 [N, C]; each row sums to 1.
        classes: The C classes.
        missing_projection: By task, how the projection of a breast that is not there is filled in; see
            `mammo.clinical.rules`.

    Raises:
        ValueError: Shapes do not fit, a row is not a distribution, or an image has a label that is left out.
    """

    facts: tuple[ImageFacts, ...]
    labels: np.ndarray
    probabilities: np.ndarray
    classes: Classes
    missing_projection: Mapping[str, MissingProjection] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        count, class_count = len(self.facts), len(self.classes.names)
        if self.labels.shape != (count,) or self.probabilities.shape != (count, class_count):
            raise ValueError(
                f"{count} images of {class_count} classes take labels ({count},) and probabilities "
                f"({count}, {class_count}), got {self.labels.shape} and {self.probabilities.shape}"
            )
        sums = self.probabilities.sum(axis=1)
        if not ((self.probabilities >= 0).all() and (np.abs(sums - 1) <= _SUM_TOLERANCE).all()):  # false of NaN, too
            raise ValueError("probabilities must be finite, at least 0, and sum to 1 for each image")
        for fact, truth in zip(self.facts, self.truth, strict=True):
            if truth == questions.LEFT_OUT:
                raise ValueError(f"{fact.path} is none of {self.classes.names}, and must be left out")

    @property
    def truth(self) -> np.ndarray:
        """The true classes, int64 [N]."""
        return self.classes.truth(self.labels)

    @property
    def predicted(self) -> np.ndarray:
        """The classes with the highest probability, int64 [N]."""
        return self.probabilities.argmax(axis=1)

    @property
    def patients(self) -> np.ndarray:
        """The patient of each image, from 0: int64 [N]."""
        return _numbered([fact.patient_id for fact in self.facts])[1]

    def calibrated(self, calibration: Calibration) -> "Scored":
        """Returns the same images with calibrated probabilities."""
        return dataclasses.replace(self, probabilities=calibration.apply(self.probabilities))

    def subset(self, is_kept: np.ndarray) -> "Scored":
        """Returns the images of a mask, bool [N]."""
        facts = tuple(fact for fact, kept in zip(self.facts, is_kept, strict=True) if kept)
        return dataclasses.replace(
            self, facts=facts, labels=self.labels[is_kept], probabilities=self.probabilities[is_kept]
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Units:
    """Images, breasts or exams with a score for each question, in the order of their names: U units.

    Attributes:
        names: The path of each image, "<exam>/<laterality>" of each breast, or the identifier of each exam.
        labels: The worst label of each unit's images, int64 [U].
        patients: The patient of each unit, int64 [U], from 0 in the order of their names.
        scores: float64 [U] by task.
    """

    names: tuple[str, ...]
    labels: np.ndarray
    patients: np.ndarray
    scores: Mapping[str, np.ndarray]

    @property
    def cases(self) -> dict[str, Cases]:
        """The cases of an ROC curve, by task: the units that the task is asked of, in their order."""
        made = {}
        for task, scores in self.scores.items():
            cases = Cases(scores, questions.is_positive(task, self.labels), self.patients)
            made[task] = cases.subset(questions.is_asked(task, self.labels))
        return made


def aggregate(scored: Scored, unit: Unit) -> Units:
    """Returns a score for each image, breast or exam.

    Breasts and exams are scored by the rules of `mammo.clinical.rules`. A unit's truth is the worst label of its
    images. Whether a lesion is malignant is asked of images and breasts: a view counts by how sure it is that there is
    one, since of views without one the answer means nothing. It is not asked of exams, whose breasts differ.
    """
    scores = scored.classes.scores(scored.probabilities)
    if unit == "image":
        paths = [fact.path for fact in scored.facts]
        order = np.array(sorted(range(len(paths)), key=paths.__getitem__), np.int64)  # crops of one image share a path
        made = {task: values[order] for task, values in scores.items()}
        return Units(tuple(paths[index] for index in order), scored.labels[order], scored.patients[order], made)
    projections = [Projection(fact.projection) if fact.projection else None for fact in scored.facts]

    def of_breast(task: str, rows: np.ndarray) -> float:
        if task == questions.OF_LESIONS:
            return rules.malignancy_of_breast(
                [(projections[row], float(scores["tumour"][row]), float(scores[task][row])) for row in rows]
            )
        views = [(projections[row], float(scores[task][row])) for row in rows]
        return rules.of_breast(views, scored.missing_projection.get(task)).score

    breasts = _grouped(breast_names(scored.facts), scored, list(scores), of_breast)
    if unit == "breast":
        return breasts
    tasks = [task for task in scores if task != questions.OF_LESIONS]
    exam_ids = [name.rpartition("/")[0] for name in breasts.names]
    return _grouped(exam_ids, breasts, tasks, lambda task, rows: float(breasts.scores[task][rows].max()))


def breast_names(facts: Sequence[ImageFacts]) -> list[str]:
    """Names the breast of each view: "<exam>/<laterality>"; a view of an unknown one stands for a breast of its own."""
    return [f"{fact.exam_id}/{fact.laterality or f'unknown {row}'}" for row, fact in enumerate(facts)]


def _numbered(names: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the distinct names in order, and the number of each name, int64 [N]."""
    order = sorted(set(names))
    number_of = {name: number for number, name in enumerate(order)}
    return tuple(order), np.array([number_of[name] for name in names], np.int64)


def _grouped(
    names: Sequence[str], parts: Scored | Units, tasks: Sequence[str], merge: Callable[[str, np.ndarray], float]
) -> Units:
    """Groups parts by name; `merge` gives a group's score for a task from the rows of its parts, int64 [rows]."""
    order, numbers = _numbered(names)
    patients = np.zeros(len(order), np.int64)
    patients[numbers] = parts.patients
    by_unit = np.argsort(numbers, kind="stable")
    borders = np.searchsorted(numbers[by_unit], np.arange(1, len(order)))
    groups = [rows for rows in np.split(by_unit, borders) if rows.size]
    labels = np.zeros(len(order), np.int64)
    np.maximum.at(labels, numbers, parts.labels)
    merged = {task: np.array([merge(task, rows) for rows in groups]) for task in tasks}
    return Units(order, labels, patients, merged)
