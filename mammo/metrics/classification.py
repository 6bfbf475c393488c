"""The evaluator of a stage that gives each image the probability of each class."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mammo.clinical import questions
from mammo.clinical.calibration import Calibration
from mammo.clinical.questions import Classes
from mammo.data.batch import PADDING, Batch
from mammo.imaging import marking
from mammo.metrics import bootstrap, calibration_error, confusion, groups, roc, scoring
from mammo.metrics.image_results import ImageFacts
from mammo.metrics.roc import Cases
from mammo.metrics.scoring import Scored, Unit
from mammo.reports import mistakes
from mammo.reports.pictures import Chapter
from mammo.stages import rows

_NORMAL = 0


def report(
    scored: Scored,
    *,
    calibration: Calibration | None = None,
    units: Sequence[Unit] = scoring.UNITS,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Returns what goes into report.json.

    Args:
        scored: All images of a split.
        calibration: Applied before anything else; the class that is predicted is the likeliest one after it.
        units: What areas are given for: images alone, where these are crops.
        resamples: Of the intervals.
        seed: Of the intervals.

    Returns:
        "n"; "auc" and "roc" by unit and task; accuracy and its like with the "confusion"; "calibration"; and "by"
        group, at the level of images.
    """
    calibration = calibration or Calibration()
    scored = scored.calibrated(calibration)
    drawing = {"resamples": resamples, "seed": seed}
    cases_of = {unit: scoring.aggregate(scored, unit).cases for unit in units}
    return {
        "n": _count(scored),
        "auc": {unit: _areas(cases, **drawing) for unit, cases in cases_of.items()},
        **confusion.summarise(scored.truth, _predicted(scored), scored.patients, scored.classes.names, **drawing),
        "roc": {unit: {task: roc.curve(made) for task, made in cases.items()} for unit, cases in cases_of.items()},
        "calibration": {**calibration.to_json(), **_reliability(scored, **drawing)},
        "by": by_group(scored, **drawing),
    }


def by_group(scored: Scored, *, resamples: int, seed: int) -> dict[str, Any]:
    """Returns the figures of each group of images.

    Those of a lesion's size are of the images whose largest lesion has it; their areas are against all negatives.
    """
    drawing = {"resamples": resamples, "seed": seed}
    made: dict[str, Any] = {}
    for kind, names in groups.of_images(scored.facts).items():
        made[kind] = {
            name: _figures(scored.subset(is_in), scoring.aggregate(scored.subset(is_in), "image").cases, **drawing)
            for name, is_in in groups.members(kind, names).items()
        }
    sizes = groups.members("lesion_size", groups.largest_lesions(scored.facts))
    is_of_size = {name: is_in & (scored.labels != _NORMAL) for name, is_in in sizes.items()}
    made["lesion_size"] = {
        name: _figures(scored.subset(is_in), _against_all_negatives(scored, is_in), **drawing)
        for name, is_in in is_of_size.items()
        if is_in.any()
    }
    return made


class ClassificationEvaluator:
    """Takes the probabilities of a split batch by batch, and each image once; meets `mammo.stages.stage.Evaluator`."""

    def __init__(
        self,
        facts: Mapping[int, ImageFacts],
        classes: Classes,
        *,
        units: Sequence[Unit] = scoring.UNITS,
        resamples: int = 1000,
        seed: int = 0,
        picture_count: int = 8,
    ) -> None:
        """Starts with no image.

        Args:
            facts: Whom and what each image shows, by `Batch.key`.
            classes: What is told apart; images of a class that is left out are not among `facts`.
            units: What areas are given for: images alone, where these are crops.
            resamples: How many samples of patients the intervals are made from.
            seed: Of those samples.
            picture_count: How many images with a lesion are kept to be shown.
        """
        self._facts = facts
        self._classes = classes
        self._units = units
        self._resamples = resamples
        self._seed = seed
        self._picture_count = picture_count
        self._rows: dict[int, tuple[int, np.ndarray]] = {}
        self._shown: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def update(self, batch: Batch, predictions: np.ndarray) -> None:
        """Takes one batch and its probabilities, float32 [B, C], as numpy arrays; what pads the batch is left out.

        Raises:
            ValueError: An image comes a second time, or is not in `facts`.
        """
        for row, key in rows.new_rows(batch, self._facts, self._rows):
            self._rows[key] = int(batch.label[row]), np.asarray(predictions[row], np.float64)
            if len(self._shown) < self._picture_count and batch.label[row] != _NORMAL:
                is_lesion = np.asarray(batch.classes[row]) != PADDING
                self._shown[key] = np.array(batch.image[row, ..., 0]), np.asarray(batch.boxes[row])[is_lesion]

    @property
    def image_count(self) -> int:
        """How many images the split has."""
        return len(self._facts)

    @property
    def scored(self) -> Scored:
        """The images so far, in the order of the keys, which no order of batches changes."""
        keys = sorted(self._rows)
        return Scored(
            tuple(self._facts[key] for key in keys),
            np.array([self._rows[key][0] for key in keys], np.int64),
            np.array([self._rows[key][1] for key in keys]).reshape(len(keys), len(self._classes.names)),
            self._classes,
        )

    def report(self) -> dict[str, Any]:
        """Returns what goes into report.json: see `report` of this module."""
        if not self._rows:
            raise ValueError("there is nothing to report before an image was evaluated")
        return report(self.scored, units=self._units, resamples=self._resamples, seed=self._seed)

    def scalars(self) -> dict[str, float]:
        """Returns the figures to watch while training, without intervals; what is not defined is left out."""
        if not self._rows:
            return {}
        scored = self.scored
        figures = {
            f"auc_{unit}/{task}": float(roc.auc(cases)[0])
            for unit in self._units
            for task, cases in scoring.aggregate(scored, unit).cases.items()
        }
        matrix = confusion.count(scored.truth, _predicted(scored), len(self._classes.names))
        for name, figure in confusion.FIGURES.items():
            figures[name] = float(figure(matrix[None])[0])
        figures["loss"] = float(calibration_error.negative_log_likelihood(scored.probabilities, scored.truth).mean())
        return {name: value for name, value in figures.items() if np.isfinite(value)}

    def pictures(self) -> np.ndarray:
        """Returns the first images with a lesion, with what is known and what was said: uint8 [N, H, W, 3]."""
        if not self._shown:
            return np.zeros((0, 0, 0, 3), np.uint8)
        made = []
        for key, (image, boxes) in self._shown.items():
            label, probabilities = self._rows[key]
            names = self._classes.names
            truth = names[self._classes.of_label[label]]
            made.append(marking.classified(image, boxes, truth, names, probabilities))
        return np.stack(made)

    def gallery(self, image_of: Callable[[int], np.ndarray]) -> list[Chapter]:
        """Returns what the model was wrong about, and what it knew; `image_of` gives the image of a key."""
        return mistakes.gallery(self.scored, sorted(self._rows), image_of)


def _predicted(scored: Scored) -> np.ndarray:
    return scored.probabilities.argmax(axis=1)


def _count(scored: Scored) -> dict[str, int]:
    return {
        "patients": len({fact.patient_id for fact in scored.facts}),
        "images": len(scored.facts),
        "lesions": sum(len(fact.boxes_xyxy_px) for fact in scored.facts),
    }


def _areas(cases: Mapping[str, Cases], *, resamples: int, seed: int) -> dict[str, Any]:
    return {task: roc.interval(made, resamples=resamples, seed=seed) for task, made in cases.items()}


def _reliability(scored: Scored, *, resamples: int, seed: int) -> dict[str, Any]:
    """Of the class that is predicted, and under "by_task" of the answer to each question."""
    drawing = {"resamples": resamples, "seed": seed}
    is_right = _predicted(scored) == scored.truth
    by_task = {}
    for task, scores in scored.classes.scores(scored.probabilities).items():
        is_positive, is_asked = questions.is_positive(task, scored.labels), questions.is_asked(task, scored.labels)
        by_task[task] = calibration_error.reliability(
            scores[is_asked], is_positive[is_asked], scored.subset(is_asked).patients, **drawing
        )
    confidence = scored.probabilities.max(axis=1)
    return {
        **calibration_error.reliability(confidence, is_right, scored.patients, **drawing),
        "by_task": by_task,
    }


def _figures(scored: Scored, cases: Mapping[str, Cases], *, resamples: int, seed: int) -> dict[str, Any]:
    is_right = _predicted(scored) == scored.truth
    drawing = {"resamples": resamples, "seed": seed}
    return {
        "n": _count(scored),
        "auc": _areas(cases, **drawing),
        "accuracy": bootstrap.share(is_right, np.ones(len(is_right)), scored.patients, **drawing),
    }


def _against_all_negatives(scored: Scored, is_chosen: np.ndarray) -> dict[str, Cases]:
    """The cases of all images, less the positive ones that are not chosen, bool [N]."""
    made = {}
    for task, scores in scored.classes.scores(scored.probabilities).items():
        is_positive, is_asked = questions.is_positive(task, scored.labels), questions.is_asked(task, scored.labels)
        made[task] = Cases(scores, is_positive, scored.patients).subset(is_asked & (~is_positive | is_chosen))
    return made
