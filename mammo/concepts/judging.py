"""What the comparison says of each concept, and of the differences between them, as report.json holds it."""

import math
import statistics
from collections.abc import Mapping
from typing import cast

from mammo.clinical.calibration import Calibration
from mammo.concepts.catalogue import Answers, Concept
from mammo.metrics import bootstrap, calibration_fitting, classification, detection, roc, scoring
from mammo.metrics import thresholds as thresholds_lib
from mammo.metrics.figures import ConceptFigures, Difference, OperatingFigures
from mammo.metrics.roc import Cases
from mammo.metrics.scoring import Scored

_RESAMPLES = 1000
_REACH = statistics.NormalDist().inv_cdf((1 + bootstrap.LEVEL) / 2)  # of an interval, in standard errors


def of_concept(concept: Concept, validation: Answers, test: Answers) -> tuple[ConceptFigures, Scored]:
    """Returns the figures of a concept on the test split, and its calibrated answers.

    Calibration and operating points are chosen on the validation split, and applied to the test split.
    """
    calibration = Calibration()
    if concept.is_calibrated:
        calibration = calibration_fitting.fit(validation.scored.probabilities, validation.scored.truth)
    scored = test.scored.calibrated(calibration)
    made = {
        "title": concept.title,
        "rule": concept.rule,
        "models": list(concept.models),
        **classification.report(test.scored, calibration=calibration, resamples=_RESAMPLES),
        "operating_points": _operating_points(validation.scored.calibrated(calibration), scored),
    }
    figures = cast(ConceptFigures, made)  # to mypy, a TypedDict behind ** may hold any key
    if test.results is not None:
        found = detection.report(test.results, test.scored.facts, class_count=1, resamples=_RESAMPLES)
        # No average precision: a detector that tells classes apart may put two boxes on a lesion, one of them an alarm.
        figures["froc"] = found["froc"]
        figures["false_positives_per_normal_image"] = found["false_positives_per_normal_image"]
        figures["by_lesion"] = found["by"]
    return figures, scored


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
        chosen = {
            task: thresholds_lib.choose(cases) for task, cases in scoring.aggregate(validation, unit).cases.items()
        }
        cases_of = scoring.aggregate(test, unit).cases
        made[unit] = {
            task: {
                rule: thresholds_lib.apply(cases_of[task], threshold, resamples=_RESAMPLES, seed=0)
                for rule, threshold in thresholds.items()
            }
            for task, thresholds in chosen.items()
        }
    return made
