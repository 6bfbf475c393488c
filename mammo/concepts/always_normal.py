"""The baseline of a comparison: answering normal to everything, which is right as often as nothing is there."""

import numpy as np

from mammo.concepts.concept import Models, Role, ViewAnswers


class AlwaysNormal:
    """Asks nobody."""

    name = "always_normal"
    title = "always normal"
    rule = "What answering normal to everything is worth."
    roles: tuple[Role, ...] = ()
    gives_boxes = False
    is_calibrated = False

    def answer(self, models: Models) -> ViewAnswers:
        """See `mammo.concepts.concept.Concept`."""
        return ViewAnswers(np.tile([1.0, 0.0, 0.0], (models.view_count, 1)))
