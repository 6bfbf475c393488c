"""Evaluates a bundle as a whole on labelled shards: its concept, its calibration and its thresholds, as it answers."""

import dataclasses
import pathlib

from mammo.concepts import evidence, judging
from mammo.concepts.catalogue import CONCEPTS
from mammo.concepts.evidence import Answers, Evidence
from mammo.data.shards import Shards
from mammo.inference import networks
from mammo.inference.bundled_models import BundledModel
from mammo.inference.bundles import Bundle
from mammo.metrics import scoring, thresholds
from mammo.metrics.figures import ConceptFigures

_CANCER = "cancer"  # the task whose operating points a bundle has, of exams


@dataclasses.dataclass(frozen=True, eq=False)
class BundleEvaluation:
    """What a bundle brought on a split.

    Attributes:
        figures: As report.json holds them.
        answers: Calibrated, with what was found.
    """

    figures: ConceptFigures
    answers: Answers


def evaluate(
    bundle: Bundle, shards: Shards, split: str, source_dir: pathlib.Path | None, precision: str = "auto"
) -> BundleEvaluation:
    """Has a bundle answer for every view of a split, and judges it by the truth.

    Nothing is chosen on these data: calibration and thresholds are the bundle's own.

    Args:
        bundle: Which one.
        shards: Labelled, of any data set; prepared as the bundle's plans say.
        split: "train", "validation" or "test".
        source_dir: Where the files lie that the shards are made of, for a second look at full resolution.
        precision: As `networks.set_precision` takes it.

    Raises:
        InputError: The shards do not fit, or the files of the second look are not there.
    """
    facts = bundle.facts
    concept = CONCEPTS[facts.concept]
    evidence.check_source([concept], shards, source_dir, [split])
    networks.set_precision(precision)
    asked = Evidence(lambda role: BundledModel(bundle, role), shards, source_dir, flips=facts.flips)
    made = asked.answers(concept, split)
    scored = dataclasses.replace(made.scored, missing_projection={_CANCER: facts.missing_projection})
    figures = judging.figures_of(concept, dataclasses.replace(made, scored=scored), facts.calibration)
    calibrated = scored.calibrated(facts.calibration)
    cases = scoring.aggregate(calibrated, "exam").cases[_CANCER]
    figures["operating_points"] = {
        "exam": {
            _CANCER: {
                name: thresholds.apply(cases, point.threshold, resamples=judging.RESAMPLES, seed=0)
                for name, point in facts.operating_points.items()
            }
        }
    }
    return BundleEvaluation(figures, dataclasses.replace(made, scored=calibrated))
