"""Concept 1 of the 2022 study: one classifier of whole views."""

from mammo.concepts.concept import Models, Role, ViewAnswers


class Single:
    """One model tells normal, benign and cancer apart."""

    name = "single"
    title = "single classifier"
    rule = "One model tells normal, benign and cancer apart."
    roles = (Role.WHOLE_IMAGE,)
    gives_boxes = False
    is_calibrated = True

    def answer(self, models: Models) -> ViewAnswers:
        """See `mammo.concepts.concept.Concept`."""
        return ViewAnswers(models.classify(Role.WHOLE_IMAGE))
