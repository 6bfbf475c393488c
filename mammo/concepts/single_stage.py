"""Concept 3 of the 2022 study: a detector of benign and malignant lesions."""

from mammo.concepts import concept
from mammo.concepts.concept import Models, Role, ViewAnswers


class SingleStage:
    """A detector tells benign from cancer itself."""

    name = "single_stage"
    title = "single-stage detector"
    rule = "A detector of benign and malignant lesions; a view's score is that of its most suspicious finding."
    roles = (Role.DETECTOR,)
    gives_boxes = True
    is_calibrated = True

    def answer(self, models: Models) -> ViewAnswers:
        """See `mammo.concepts.concept.Concept`."""
        return concept.of_findings(models.detect(Role.DETECTOR))
