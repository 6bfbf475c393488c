"""All figures of a classifier on a split, for report.json."""

from collections.abc import Mapping, Sequence

import numpy as np

from mammo.clinical import questions
from mammo.clinical.calibration import Calibration
from mammo.clinical.labels import Label
from mammo.metrics import bootstrap, calibration_error, confusion, groups, roc, scoring
from mammo.metrics.figures import Area, Counts, Figures, GroupFigures, Reliability
from mammo.metrics.roc import Cases
from mammo.metrics.scoring import Scored, Unit


def report(
    scored: Scored,
    *,
    calibration: Calibration | None = None,
    units: Sequence[Unit] = scoring.UNITS,
    resamples: int = 1000,
    seed: int = 0,
) -> Figures:
    """Computes all figures of a classifier on a split.

    Args:
        scored: All images of a split.
        calibration: Applied first; the predicted class is the one with the highest probability after it.
        units: What areas are computed for; crops have images only.
        resamples: How many samples of patients the intervals are made from.
        seed: Seed of those samples.

    Returns:
        "n"; "auc" and "roc" by unit and task; the "confusion" with the figures of it; "calibration"; and figures "by"
        group of images.
    """
    calibration = calibration or Calibration()
    scored = scored.calibrated(calibration)
    drawing = {"resamples": resamples, "seed": seed}
    cases_of = {unit: scoring.aggregate(scored, unit).cases for unit in units}
    of_classes = confusion.summarise(scored.truth, scored.predicted, scored.patients, scored.classes.names, **drawing)
    by_task = {task: _reliability_of(scored, task, **drawing) for task in scored.classes.scores(scored.probabilities)}
    return {
        "n": _count(scored),
        "auc": {unit: _areas(cases, **drawing) for unit, cases in cases_of.items()},
        "confusion": of_classes["confusion"],
        "accuracy": of_classes["accuracy"],
        "balanced_accuracy": of_classes["balanced_accuracy"],
        "macro_f1": of_classes["macro_f1"],
        "cohen_kappa": of_classes["cohen_kappa"],
        "roc": {unit: {task: roc.curve(made) for task, made in cases.items()} for unit, cases in cases_of.items()},
        "calibration": {**calibration.to_json(), **_reliability(scored, **drawing), "by_task": by_task},
        "by": by_group(scored, **drawing),
    }


def by_group(scored: Scored, *, resamples: int, seed: int) -> dict[str, dict[str, GroupFigures]]:
    """Returns the figures of each group of images, by kind of group.

    Images belong to the size of their largest lesion; areas of such a group are against all negative images.
    """
    drawing = {"resamples": resamples, "seed": seed}
    made: dict[str, dict[str, GroupFigures]] = {}
    for kind, names in groups.of_images(scored.facts).items():
        made[kind] = {
            name: _figures(scored.subset(is_in), scoring.aggregate(scored.subset(is_in), "image").cases, **drawing)
            for name, is_in in groups.members(kind, names).items()
        }
    sizes = groups.members("lesion_size", groups.largest_lesions(scored.facts))
    is_of_size = {name: is_in & (scored.labels != Label.NORMAL) for name, is_in in sizes.items()}
    made["lesion_size"] = {
        name: _figures(scored.subset(is_in), _against_all_negatives(scored, is_in), **drawing)
        for name, is_in in is_of_size.items()
        if is_in.any()
    }
    return made


def _count(scored: Scored) -> Counts:
    return {
        "patients": len({fact.patient_id for fact in scored.facts}),
        "images": len(scored.facts),
        "lesions": sum(len(fact.boxes_xyxy_px) for fact in scored.facts),
    }


def _areas(cases: Mapping[str, Cases], *, resamples: int, seed: int) -> dict[str, Area]:
    return {task: roc.interval(made, resamples=resamples, seed=seed) for task, made in cases.items()}


def _reliability(scored: Scored, *, resamples: int, seed: int) -> Reliability:
    """Returns the reliability of the probability of the predicted class."""
    confidence, is_right = scored.probabilities.max(axis=1), scored.predicted == scored.truth
    return calibration_error.reliability(confidence, is_right, scored.patients, resamples=resamples, seed=seed)


def _reliability_of(scored: Scored, task: str, *, resamples: int, seed: int) -> Reliability:
    """Returns the reliability of the answers to one question, over the images that it is asked of."""
    scores = scored.classes.scores(scored.probabilities)[task]
    is_positive, is_asked = questions.is_positive(task, scored.labels), questions.is_asked(task, scored.labels)
    return calibration_error.reliability(
        scores[is_asked], is_positive[is_asked], scored.subset(is_asked).patients, resamples=resamples, seed=seed
    )


def _figures(scored: Scored, cases: Mapping[str, Cases], *, resamples: int, seed: int) -> GroupFigures:
    is_right = scored.predicted == scored.truth
    drawing = {"resamples": resamples, "seed": seed}
    return {
        "n": _count(scored),
        "auc": _areas(cases, **drawing),
        "accuracy": bootstrap.share(is_right, np.ones(len(is_right)), scored.patients, **drawing),
    }


def _against_all_negatives(scored: Scored, is_chosen: np.ndarray) -> dict[str, Cases]:
    """Returns the cases of all images except the positive ones outside a mask, bool [N]."""
    made = {}
    for task, scores in scored.classes.scores(scored.probabilities).items():
        is_positive, is_asked = questions.is_positive(task, scored.labels), questions.is_asked(task, scored.labels)
        made[task] = Cases(scores, is_positive, scored.patients).subset(is_asked & (~is_positive | is_chosen))
    return made
