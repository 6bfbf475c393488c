"""What the comparison says of each concept, and of the differences between them, as report.json holds it."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import cast

from mammo.clinical.calibration import Calibration
from mammo.clinical.rules import MissingProjection
from mammo.concepts.concept import Concept
from mammo.concepts.evidence import Answers
from mammo.metrics import (
    bootstrap,
    calibration_fitting,
    classification,
    detection,
    froc,
    missing_projection,
    roc,
    scoring,
    thresholds,
)
from mammo.metrics.figures import ConceptFigures, Difference, OperatingFigures
from mammo.metrics.image_results import ImageResult
from mammo.metrics.matching import Rule
from mammo.metrics.roc import Cases
from mammo.metrics.scoring import Scored

FALSE_FINDINGS_PER_IMAGE = 0.25
"""On validation, at the threshold from which on findings are shown: one an exam of four views."""

RESAMPLES = 1000
"""Of intervals."""

_REACH = statistics.NormalDist().inv_cdf((1 + bootstrap.LEVEL) / 2)  # of an interval, in standard errors


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """A concept, judged.

    Attributes:
        figures: On the test split, as report.json holds them.
        test: Its answers on the test split, calibrated.
        calibration: Chosen on the validation split, as all that follows.
        missing_projection: By task.
        finding_threshold: From which score on findings are shown; None: the concept gives none.
    """

    figures: ConceptFigures
    test: Scored
    calibration: Calibration
    missing_projection: Mapping[str, MissingProjection]
    finding_threshold: float | None


def judge(concept: Concept, validation: Answers, test: Answers) -> Judged:
    """Judges a concept on the test split.

    Calibration, the rule for a missing projection, operating points and the threshold of findings are chosen on the
    validation split, and applied to the test split.
    """
    calibration = Calibration()
    if concept.is_calibrated:
        calibration = calibration_fitting.fit(validation.scored.probabilities, validation.scored.truth)
    chosen_on = validation.scored.calibrated(calibration)
    missing = missing_projection.fit(chosen_on)
    chosen_on = dataclasses.replace(chosen_on, missing_projection=missing)
    uncalibrated = dataclasses.replace(test.scored, missing_projection=missing)
    scored = uncalibrated.calibrated(calibration)
    figures = figures_of(concept, dataclasses.replace(test, scored=uncalibrated), calibration)
    figures["operating_points"] = _operating_points(chosen_on, scored)
    return Judged(figures, scored, calibration, missing, _finding_threshold(validation.results))


def figures_of(concept: Concept, answers: Answers, calibration: Calibration) -> ConceptFigures:
    """Returns the figures of a concept on a split, but for operating points.

    Args:
        concept: Which one.
        answers: Of the concept, not yet calibrated.
        calibration: Chosen elsewhere.
    """
    made = {
        "title": concept.title,
        "rule": concept.rule,
        "models": list(concept.roles),
        **classification.report(answers.scored, calibration=calibration, resamples=RESAMPLES),
    }
    figures = cast(ConceptFigures, made)  # to mypy, a TypedDict behind ** may hold any key
    if answers.results is not None:
        found = detection.report(answers.results, answers.scored.facts, class_count=1, resamples=RESAMPLES)
        # No average precision: findings are fused over the classes, so that there is none by class.
        figures["froc"] = found["froc"]
        figures["false_positives_per_normal_image"] = found["false_positives_per_normal_image"]
        figures["by_lesion"] = found["by"]
    return figures


def _finding_threshold(results: Sequence[ImageResult] | None) -> float | None:
    if results is None:
        return None
    rule = Rule("centre", class_aware=False)
    return min(froc.threshold(froc.collect(results, rule), FALSE_FINDINGS_PER_IMAGE), 1.0)  # infinite: nothing found


def differences(answers: Mapping[str, Scored], first: str) -> dict[str, dict[str, dict[str, Difference]]]:
    """Returns by how much the areas of one concept are above those of each other one.

    DeLong's test with the images of a patient as one cluster, see `mammo.metrics.roc.compare`.

    Args:
        answers: Calibrated, of the same images, by concept.
        first: The concept to hold the others against.

    Returns:
        By other concept, unit and task: {"value", "low", "high", "p_value"}.
    """
    own = {unit: scoring.aggregate(answers[first], unit).cases for unit in scoring.UNITS}
    made: dict[str, dict[str, dict[str, Difference]]] = {}
    for name, scored in answers.items():
        if name == first:
            continue
        made[name] = {
            unit: {
                task: _difference(own[unit][task], cases)
                for task, cases in scoring.aggregate(scored, unit).cases.items()
            }
            for unit in scoring.UNITS
        }
    return made


def _difference(first: Cases, second: Cases) -> Difference:
    if first.is_positive.all() or not first.is_positive.any():
        return {"value": None, "low": None, "high": None, "p_value": None}
    compared = roc.compare(first, second)
    reach = _REACH * compared.standard_error
    low, high = max(compared.difference - reach, -1.0), min(compared.difference + reach, 1.0)
    assert math.isfinite(low)
    return {"value": compared.difference, "low": low, "high": high, "p_value": compared.p_value}


def _operating_points(validation: Scored, test: Scored) -> dict[str, dict[str, dict[str, OperatingFigures]]]:
    """Thresholds by unit, task and rule, chosen on validation, with what they bring on the test split."""
    made: dict[str, dict[str, dict[str, OperatingFigures]]] = {}
    for unit in scoring.UNITS:
        cases_of = scoring.aggregate(test, unit).cases
        made[unit] = {
            task: {
                rule: thresholds.apply(cases_of[task], threshold, resamples=RESAMPLES, seed=0)
                for rule, threshold in thresholds.choose(cases).items()
            }
            for task, cases in scoring.aggregate(validation, unit).cases.items()
        }
    return made
