"""All figures of a detector on a split, for report.json."""

from collections.abc import Mapping, Sequence

import numpy as np

from mammo.clinical.labels import Label
from mammo.metrics import average_precision, bootstrap, detection_groups, froc, image_results
from mammo.metrics.figures import AveragePrecision, Figures, MatchingRule, NormalImageAlarms
from mammo.metrics.image_results import ImageFacts, ImageResult
from mammo.metrics.matching import Rule

RULES: Mapping[str, Rule] = {"centre": Rule("centre"), "iou": Rule("iou")}
"""When a lesion counts as found, by the name of the curve in report.json."""


def report(
    results: Sequence[ImageResult],
    facts: Sequence[ImageFacts],
    class_count: int,
    *,
    rules: Mapping[str, Rule] = RULES,
    resamples: int = 1000,
    seed: int = 0,
) -> Figures:
    """Computes all figures of a detector on a split.

    Args:
        results: All images of a split with their detections.
        facts: What is known of each image.
        class_count: How many classes the detector tells apart.
        rules: When a lesion counts as found, by the name of the curve.
        resamples: How many samples of patients the intervals are made from.
        seed: Seed of those samples.

    Returns:
        "n"; "froc" by rule; "average_precision"; "false_positives_per_normal_image", and figures "by" group, both at
        one false positive an image by the first rule.

    Raises:
        ValueError: There is no image.
    """
    if not results:
        raise ValueError("there is nothing to report before an image was evaluated")
    drawing = {"resamples": resamples, "seed": seed}
    events = {name: froc.collect(results, rule) for name, rule in rules.items()}
    first, rule = next(iter(rules.items()))
    threshold = froc.threshold(events[first], 1.0)
    return {
        "n": {
            "patients": image_results.patients(results)[0],
            "images": len(results),
            "lesions": sum(len(result.truth_classes) for result in results),
        },
        "froc": {
            name: {"rule": _fields(rules[name]), **froc.summarise(curve, **drawing)} for name, curve in events.items()
        },
        "average_precision": _average_precision(results, class_count, **drawing),
        "false_positives_per_normal_image": false_positives_per_normal_image(results, rule, threshold, **drawing),
        "by": detection_groups.by_group(results, facts, rule, threshold, **drawing),
    }


def false_positives_per_normal_image(
    results: Sequence[ImageResult], rule: Rule, threshold: float, *, resamples: int, seed: int
) -> NormalImageAlarms:
    """Returns how many false alarms there are in an image without a lesion, at a threshold.

    Args:
        results: The images.
        rule: The rule that the threshold was chosen by; in a normal image every detection is a false alarm.
        threshold: The least score that counts as a detection.
        resamples: How many samples of patients the interval is made from; it takes the threshold as given.
        seed: Seed of those samples.

    Returns:
        The figure, None where no image is normal; "threshold", None where it lies above all scores; "rule", the kind of
        the rule; "images", how many are normal.
    """
    patients = image_results.patients(results)[1]
    is_normal = np.array([result.label == Label.NORMAL for result in results], bool)
    alarms = np.array([np.count_nonzero(result.scores >= threshold) for result in results], np.int64)
    return {
        **bootstrap.share(alarms, is_normal, patients, resamples=resamples, seed=seed),
        "threshold": threshold if np.isfinite(threshold) else None,
        "rule": rule.kind,
        "images": int(is_normal.sum()),
    }


def _average_precision(
    results: Sequence[ImageResult], class_count: int, *, resamples: int, seed: int
) -> AveragePrecision:
    of_any = average_precision.intervals(results, [None], resamples=resamples, seed=seed)
    made: AveragePrecision = {"0.5": of_any["0.5"], "0.5:0.95": of_any["0.5:0.95"]}
    if class_count > 1:
        classes = range(class_count)
        made["mean_over_classes"] = average_precision.intervals(results, classes, resamples=resamples, seed=seed)
    return made


def _fields(rule: Rule) -> MatchingRule:
    made: MatchingRule = {"kind": rule.kind, "class_aware": rule.class_aware}
    return {**made, "minimum_iou": rule.minimum_iou} if rule.kind == "iou" else made
