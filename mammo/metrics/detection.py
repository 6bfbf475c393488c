"""The evaluator of a stage that gives boxes."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mammo.data.batch import PADDING, Batch, Detections
from mammo.imaging import marking
from mammo.metrics import average_precision, bootstrap, detection_groups, froc, image_results
from mammo.metrics.image_results import ImageFacts, ImageResult
from mammo.metrics.matching import Rule
from mammo.reports import pictures as pictures_lib
from mammo.reports.pictures import Chapter
from mammo.stages import rows

RULES: Mapping[str, Rule] = {"centre": Rule("centre"), "iou": Rule("iou")}
"""The curves of report.json by name."""

_NORMAL = 0
_PICTURES = 6  # of each chapter


class DetectionEvaluator:
    """Takes the detections of a split batch by batch, and each image once; meets `mammo.stages.stage.Evaluator`."""

    def __init__(
        self,
        facts: Mapping[int, ImageFacts],
        class_count: int,
        *,
        rules: Mapping[str, Rule] = RULES,
        resamples: int = 1000,
        seed: int = 0,
        picture_count: int = 8,
    ) -> None:
        """Starts with no image.

        Args:
            facts: Whom and what each image shows, by `Batch.key`.
            class_count: How many classes the detector tells apart; with one it looks for lesions of any class.
            rules: When a lesion counts as found, by the name of the curve.
            resamples: How many samples of patients the intervals are made from.
            seed: Of those samples.
            picture_count: How many images with a lesion are kept to be shown.
        """
        self._facts = facts
        self._class_count = class_count
        self._rules = dict(rules)
        self._resamples = resamples
        self._seed = seed
        self._picture_count = picture_count
        self._results: dict[int, ImageResult] = {}
        self._shown: dict[int, np.ndarray] = {}

    def update(self, batch: Batch, predictions: Detections) -> None:
        """Takes the detections in one batch, both as numpy arrays; what pads the batch is left out.

        Raises:
            ValueError: An image comes a second time, or is not in `facts`.
        """
        for row, key in rows.new_rows(batch, self._facts, self._results):
            self._results[key] = _result(self._facts[key], batch, predictions, row)
            if len(self._shown) < self._picture_count and batch.label[row] != _NORMAL:
                self._shown[key] = np.array(batch.image[row, ..., 0])

    @property
    def image_count(self) -> int:
        """How many images the split has."""
        return len(self._facts)

    @property
    def results(self) -> list[ImageResult]:
        """What was found in each image so far, in the order of the keys, which no order of batches changes."""
        return [self._results[key] for key in sorted(self._results)]

    def report(self) -> dict[str, Any]:
        """Returns what goes into report.json: see `report` of this module."""
        facts = [self._facts[key] for key in sorted(self._results)]
        return report(
            self.results, facts, self._class_count, rules=self._rules, resamples=self._resamples, seed=self._seed
        )

    def scalars(self) -> dict[str, float]:
        """Returns the figures to watch while training, without intervals; what no lesion was there for is left out."""
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
        """Returns the first images with a lesion, truth and detections drawn on them: uint8 [N, H, W, 3].

        Detections are those at one false positive an image.
        """
        if not self._shown:
            return np.zeros((0, 0, 0, 3), np.uint8)
        shown, threshold = self._shown, self._threshold()
        return np.stack([marking.detected(image, self._results[key], threshold) for key, image in shown.items()])

    def gallery(self, image_of: Callable[[int], np.ndarray]) -> list[Chapter]:
        """Returns what was found and what was not, with detections at one false positive an image as `pictures`."""
        if not self._results:
            return []
        # A detector that is blind to classes is not told them, but whoever looks at its misses is.
        told = [
            dataclasses.replace(result, truth_classes=self._facts[result.key].pathologies - 1)
            for result in self.results
        ]
        return gallery(told, self._threshold(), image_of)

    def _threshold(self) -> float:
        return froc.threshold(froc.collect(self.results, next(iter(self._rules.values()))), 1.0)


def report(
    results: Sequence[ImageResult],
    facts: Sequence[ImageFacts],
    class_count: int,
    *,
    rules: Mapping[str, Rule] = RULES,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Returns what goes into report.json.

    Args:
        results: What was found in all images of a split.
        facts: Of each of them.
        class_count: How many classes the detector tells apart.
        rules: When a lesion counts as found, by the name of the curve.
        resamples: Of the intervals.
        seed: Of the intervals.

    Returns:
        "n"; "froc" by rule; "average_precision", of lesions of any class, and under "mean_over_classes" of each class
        for itself where the detector tells classes apart; "false_positives_per_normal_image", and "by" group what is
        found, both at one false positive an image by the first rule.

    Raises:
        ValueError: There is no image.
    """
    if not results:
        raise ValueError("there is nothing to report before an image was evaluated")
    drawing = {"resamples": resamples, "seed": seed}
    events = {name: froc.collect(results, rule) for name, rule in rules.items()}
    precision: dict[str, Any] = dict(average_precision.intervals(results, [None], **drawing))
    if class_count > 1:
        precision["mean_over_classes"] = average_precision.intervals(results, range(class_count), **drawing)
    first, rule = next(iter(rules.items()))
    threshold = froc.threshold(events[first], 1.0)
    return {
        "n": {
            "patients": image_results.patients(results)[0],
            "images": len(results),
            "lesions": sum(len(result.truth_classes) for result in results),
        },
        "froc": {
            name: {"rule": _rule_to_json(rules[name]), **froc.summarise(curve, **drawing)}
            for name, curve in events.items()
        },
        "average_precision": precision,
        "false_positives_per_normal_image": false_positives_per_normal_image(results, rule, threshold, **drawing),
        "by": detection_groups.by_group(results, facts, rule, threshold, **drawing),
    }


def gallery(
    results: Sequence[ImageResult],
    threshold: float,
    image_of: Callable[[int], np.ndarray],
    name: str = "picture",
) -> list[Chapter]:
    """Draws the surest hits, the worst misses and the worst false alarms.

    Args:
        results: What was found.
        threshold: The least score that counts as a detection.
        image_of: Takes `ImageResult.key` and gives the image: float [H, W] in [0, 1], in the pixels of the boxes.
        name: Begins the identifiers of the pictures, which are unique on a page.
    """
    rule = RULES["centre"]
    chapters = (
        ("Sure hits", "No lesion was found.", pictures_lib.sure_hits(results, rule, _PICTURES)),
        ("Worst misses", "None was missed.", pictures_lib.worst_misses(results, rule, threshold, _PICTURES)),
        ("Worst false alarms", "There was none.", pictures_lib.worst_alarms(results, rule, _PICTURES)),
    )
    return [
        Chapter(title, otherwise, pictures_lib.draw_all(subjects, image_of, threshold, f"{name}-{chapter}"))
        for chapter, (title, otherwise, subjects) in enumerate(chapters)
    ]


def false_positives_per_normal_image(
    results: Sequence[ImageResult], rule: Rule, threshold: float, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Returns how many false alarms an image without a lesion brings at a threshold.

    Args:
        results: The images.
        rule: By which the threshold was found; in a normal image every detection is a false alarm.
        threshold: The least score that counts as a detection.
        resamples: Of the interval, which takes the threshold as given.
        seed: Of the interval.

    Returns:
        "value", "low", "high", null where no image is normal; "threshold", null where it lies above all scores;
        "rule", the kind of the rule; "images", how many are normal.
    """
    patients = image_results.patients(results)[1]
    is_normal = np.array([result.label == _NORMAL for result in results], bool)
    alarms = np.array([np.count_nonzero(result.scores >= threshold) for result in results], np.int64)
    return {
        **bootstrap.share(alarms, is_normal, patients, resamples=resamples, seed=seed),
        "threshold": threshold if np.isfinite(threshold) else None,
        "rule": rule.kind,
        "images": int(is_normal.sum()),
    }


def _rule_to_json(rule: Rule) -> dict[str, Any]:
    overlap = {"minimum_iou": rule.minimum_iou} if rule.kind == "iou" else {}
    return {"kind": rule.kind, **overlap, "class_aware": rule.class_aware}


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
