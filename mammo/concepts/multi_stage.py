"""Concept 4 of the 2022 study: a detector finds lesions, a classifier judges crops of them."""

from mammo.clinical.findings import Findings
from mammo.concepts import concept
from mammo.concepts.concept import Models, Role, ViewAnswers


class MultiStage:
    """A class-blind detector finds; a classifier judges the crops at full resolution."""

    name = "multi_stage"
    title = "multi-stage detector"
    rule = "A detector that only finds; a classifier judges the crops at full resolution."
    roles = (Role.FINDER, Role.CROP_CLASSIFIER)
    gives_boxes = True
    is_calibrated = True

    def answer(self, models: Models) -> ViewAnswers:
        """See `mammo.concepts.concept.Concept`."""
        return concept.of_findings(judged(models))


def judged(models: Models) -> list[Findings]:
    """Returns what the detector finds in each view, as the classifier of crops judges it."""
    return models.judge(Role.CROP_CLASSIFIER, models.detect(Role.FINDER))
