"""The evaluator of a stage that finds lesions: collects detections by batch, and computes their figures."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mammo.clinical.labels import Label
from mammo.data.batch import PADDING, Batch, Detections, grey_levels
from mammo.imaging import marking
from mammo.metrics import average_precision, detection, froc, image_results
from mammo.metrics.figures import Figures
from mammo.metrics.image_results import ImageFacts, ImageResult
from mammo.metrics.matching import Rule
from mammo.stages import rows
from mammo.stages.stage import Evaluator, Predictions


class DetectionEvaluator:
    """Collects the detections of a split batch by batch, each image once; a `mammo.stages.stage.Evaluator`."""

    def __init__(
        self,
        facts: Mapping[int, ImageFacts],
        class_count: int,
        *,
        rules: Mapping[str, Rule] = detection.RULES,
        resamples: int = 1000,
        seed: int = 0,
        picture_count: int = 8,
    ) -> None:
        """Starts with no image.

        Args:
            facts: What is known of each image of the split, by `Batch.key`.
            class_count: How many classes the detector tells apart; with one it looks for lesions of any class.
            rules: When a lesion counts as found, by the name of the curve.
            resamples: How many samples of patients the intervals are made from.
            seed: Seed of those samples.
            picture_count: How many images with a lesion are kept for `pictures`.
        """
        self._facts = facts
        self._class_count = class_count
        self._rules = dict(rules)
        self._resamples = resamples
        self._seed = seed
        self._picture_count = picture_count
        self._results: dict[int, ImageResult] = {}
        self._shown: dict[int, np.ndarray] = {}

    def update(self, batch: Batch, predictions: Predictions) -> None:
        """Takes the `Detections` in one batch, both as numpy arrays; the padding of the batch is left out.

        Raises:
            TypeError: The predictions are of another kind of stage.
            ValueError: An image comes a second time, or is not in `facts`.
        """
        if not isinstance(predictions, Detections):
            raise TypeError(f"a detector's evaluator takes Detections, got {type(predictions).__name__}")
        for row, key in rows.new_rows(batch, self._facts, self._results):
            self._results[key] = _result(self._facts[key], batch, predictions, row)
            if len(self._shown) < self._picture_count and batch.label[row] != Label.NORMAL:
                self._shown[key] = grey_levels(batch.image[row, ..., 0]).numpy()

    @property
    def seen(self) -> Mapping[int, ImageResult]:
        """See `Evaluator`."""
        return self._results

    def take(self, seen: Mapping[int, ImageResult]) -> None:
        """See `Evaluator`."""
        self._results |= seen

    def join(self, other: Evaluator) -> None:
        """Takes what another evaluator of the same classes has seen of other images.

        Raises:
            TypeError: It is of another kind of stage.
        """
        if not isinstance(other, DetectionEvaluator):
            raise TypeError(f"a detector's evaluator cannot be joined with a {type(other).__name__}")
        first = rows.first_free_key(self._facts)
        self._facts = {**self._facts, **{first + key: fact for key, fact in other._facts.items()}}
        moved = [dataclasses.replace(result, key=first + key) for key, result in other._results.items()]
        self._results |= {result.key: result for result in moved}

    @property
    def image_count(self) -> int:
        """Number of images in the split."""
        return len(self._facts)

    @property
    def results(self) -> list[ImageResult]:
        """The images so far with their detections, in the order of their keys, whatever that of the batches was."""
        return [self._results[key] for key in sorted(self._results)]

    @property
    def facts(self) -> list[ImageFacts]:
        """What is known of each of the `results`, such as the classes that a class-blind detector is not told."""
        return [self._facts[key] for key in sorted(self._results)]

    def report(self) -> Figures:
        """Returns the figures of the images so far: see `mammo.metrics.detection.report`."""
        return detection.report(
            self.results, self.facts, self._class_count, rules=self._rules, resamples=self._resamples, seed=self._seed
        )

    def scalars(self) -> dict[str, float]:
        """Returns the figures to watch while training, without intervals; those that are not defined are left out."""
        results = self.results
        if not results:
            return {}
        figures = {}
        for name, rule in self._rules.items():
            sensitivities = froc.sensitivity(froc.collect(results, rule), list(froc.RATES.values()))[0]
            for rate, value in zip(froc.RATES, sensitivities, strict=True):
                figures[f"froc_{name}/sensitivity_at_{rate}"] = float(value)
            figures[f"froc_{name}/score"] = float(sensitivities.mean())
        half = average_precision.average_precision(average_precision.rank(results, [0.5]))
        figures["average_precision_50"] = float(half[0])
        return {name: value for name, value in figures.items() if np.isfinite(value)}

    def pictures(self) -> np.ndarray:
        """Returns the first images with a lesion, with truth and detections drawn: uint8 [N, H, W, 3].

        Detections are drawn from the `threshold` on.
        """
        if not self._shown:
            return np.zeros((0, 0, 0, 3), np.uint8)
        threshold = self.threshold
        shown = [(image, self._results[key]) for key, image in self._shown.items()]
        return np.stack(
            [
                marking.detected(image, made.truth_boxes_xyxy_px, made.boxes_xyxy_px, made.scores, threshold)
                for image, made in shown
            ]
        )

    @property
    def threshold(self) -> float:
        """The lowest score down to which there is at most one false positive an image, by the first rule."""
        return froc.threshold(froc.collect(self.results, next(iter(self._rules.values()))), 1.0)


def _result(facts: ImageFacts, batch: Batch, found: Detections, row: int) -> ImageResult:
    is_lesion = np.asarray(batch.classes[row]) != PADDING
    count = int(found.num_valid[row])
    return image_results.result_of(
        facts,
        int(batch.key[row]),
        int(batch.label[row]),
        (batch.boxes[row][is_lesion], batch.classes[row][is_lesion]),
        (found.boxes_xyxy_px[row][:count], found.scores[row][:count], found.classes[row][:count]),
    )
