"""Concept 2 of the 2022 study: first whether there is a tumour, then which; in a soft form and in the study's own."""

import numpy as np

from mammo.concepts.concept import Models, Role, ViewAnswers


class Hierarchical:
    """P(cancer) = P(tumour) × P(cancer, given a tumour), and so for benign."""

    name = "hierarchical"
    title = "hierarchical, soft"
    rule = "The probability of a tumour times that of cancer, given a tumour."
    roles = (Role.TUMOUR, Role.MALIGNANCY)
    gives_boxes = False
    is_calibrated = True

    def answer(self, models: Models) -> ViewAnswers:
        """See `mammo.concepts.concept.Concept`."""
        tumour, malignancy = models.classify(Role.TUMOUR), models.classify(Role.MALIGNANCY)
        return ViewAnswers(np.concatenate([tumour[:, :1], tumour[:, 1:] * malignancy], axis=1))


class HierarchicalGated:
    """The second model is asked only where the first says tumour: the 2022 study's listing 1.

    Where the first says tumour, the view is benign or cancer for certain, as the second model has it; where not, it is
    normal. So the likeliest class is that of the listing, and a view that the gate stops has the least score there is.
    """

    name = "hierarchical_gated"
    title = "hierarchical, hard gate"
    rule = "The second model is asked only where the first one says tumour: the study's listing 1."
    roles = (Role.TUMOUR, Role.MALIGNANCY)
    gives_boxes = False
    is_calibrated = False

    def answer(self, models: Models) -> ViewAnswers:
        """See `mammo.concepts.concept.Concept`."""
        tumour, malignancy = models.classify(Role.TUMOUR), models.classify(Role.MALIGNANCY)
        passed = np.concatenate([np.zeros_like(tumour[:, :1]), malignancy], axis=1)
        return ViewAnswers(np.where(tumour[:, 1:] > tumour[:, :1], passed, [1.0, 0.0, 0.0]))
