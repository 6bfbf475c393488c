"""The evaluator of a stage that classifies images: collects probabilities by batch, and computes their figures."""

from collections.abc import Mapping, Sequence

import numpy as np

from mammo.clinical.labels import Label
from mammo.clinical.questions import Classes
from mammo.data.batch import PADDING, Batch, grey_levels
from mammo.imaging import marking
from mammo.metrics import calibration_error, classification, confusion, roc, scoring
from mammo.metrics.figures import Figures
from mammo.metrics.image_results import ImageFacts
from mammo.metrics.scoring import Scored, Unit
from mammo.stages import rows
from mammo.stages.stage import Evaluator, Predictions


class ClassificationEvaluator:
    """Collects the probabilities of a split batch by batch, each image once; a `mammo.stages.stage.Evaluator`."""

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
            facts: What is known of each image of the split, by `Batch.key`.
            classes: The classes that are told apart; `facts` has no image of a class that is left out.
            units: What areas are computed for; crops have images only.
            resamples: How many samples of patients the intervals are made from.
            seed: Seed of those samples.
            picture_count: How many images with a lesion are kept for `pictures`.
        """
        self._facts = facts
        self._classes = classes
        self._units = units
        self._resamples = resamples
        self._seed = seed
        self._picture_count = picture_count
        self._rows: dict[int, tuple[int, np.ndarray]] = {}
        self._shown: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def update(self, batch: Batch, predictions: Predictions) -> None:
        """Takes one batch and its probabilities, float32 [B, C], as numpy arrays; the padding is left out.

        Raises:
            TypeError: The predictions are of another kind of stage.
            ValueError: An image comes a second time, or is not in `facts`.
        """
        if not isinstance(predictions, np.ndarray):
            raise TypeError(f"a classifier's evaluator takes an array, got {type(predictions).__name__}")
        for row, key in rows.new_rows(batch, self._facts, self._rows):
            self._rows[key] = int(batch.label[row]), np.asarray(predictions[row], np.float64)
            if len(self._shown) < self._picture_count and batch.label[row] != Label.NORMAL:
                is_lesion = np.asarray(batch.classes[row]) != PADDING
                self._shown[key] = (
                    grey_levels(batch.image[row, ..., 0]).numpy(),
                    np.asarray(batch.boxes[row])[is_lesion],
                )

    @property
    def seen(self) -> Mapping[int, tuple[int, np.ndarray]]:
        """See `Evaluator`."""
        return self._rows

    def take(self, seen: Mapping[int, tuple[int, np.ndarray]]) -> None:
        """See `Evaluator`."""
        self._rows |= seen

    def join(self, other: Evaluator) -> None:
        """Takes what another evaluator of the same classes has seen of other images.

        Raises:
            TypeError: It is of another kind of stage.
        """
        if not isinstance(other, ClassificationEvaluator):
            raise TypeError(f"a classifier's evaluator cannot be joined with a {type(other).__name__}")
        first = rows.first_free_key(self._facts)
        self._facts = {**self._facts, **{first + key: fact for key, fact in other._facts.items()}}
        self._rows |= {first + key: row for key, row in other._rows.items()}

    @property
    def image_count(self) -> int:
        """Number of images in the split."""
        return len(self._facts)

    @property
    def keys(self) -> list[int]:
        """The keys of the images so far, ascending."""
        return sorted(self._rows)

    @property
    def scored(self) -> Scored:
        """The images so far with their probabilities, in the order of `keys`, whatever that of the batches was."""
        keys = self.keys
        return Scored(
            tuple(self._facts[key] for key in keys),
            np.array([self._rows[key][0] for key in keys], np.int64),
            np.array([self._rows[key][1] for key in keys]).reshape(len(keys), len(self._classes.names)),
            self._classes,
        )

    def report(self) -> Figures:
        """Returns the figures of the images so far: see `mammo.metrics.classification.report`."""
        if not self._rows:
            raise ValueError("there is nothing to report before an image was evaluated")
        return classification.report(self.scored, units=self._units, resamples=self._resamples, seed=self._seed)

    def scalars(self) -> dict[str, float]:
        """Returns the figures to watch while training, without intervals; those that are not defined are left out."""
        if not self._rows:
            return {}
        scored = self.scored
        figures = {
            f"auc_{unit}/{task}": float(roc.auc(cases)[0])
            for unit in self._units
            for task, cases in scoring.aggregate(scored, unit).cases.items()
        }
        matrix = confusion.count(scored.truth, scored.predicted, len(self._classes.names))
        for name, figure in confusion.FIGURES.items():
            figures[name] = float(figure(matrix[None])[0])
        figures["loss"] = float(calibration_error.negative_log_likelihood(scored.probabilities, scored.truth).mean())
        return {name: value for name, value in figures.items() if np.isfinite(value)}

    def pictures(self) -> np.ndarray:
        """Returns the first images with a lesion, with their true class and probabilities: uint8 [N, H, W, 3]."""
        if not self._shown:
            return np.zeros((0, 0, 0, 3), np.uint8)
        made = []
        for key, (image, boxes) in self._shown.items():
            label, probabilities = self._rows[key]
            names = self._classes.names
            truth = names[self._classes.of_label[label]]
            made.append(marking.classified(image, boxes, truth, names, probabilities))
        return np.stack(made)
