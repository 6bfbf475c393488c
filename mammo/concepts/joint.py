"""The multi-stage detector and a classifier of both projections of a breast together: they err in different breasts."""

from mammo.clinical import findings
from mammo.concepts import concept, multi_stage
from mammo.concepts.concept import Models, Role, ViewAnswers
from mammo.concepts.multi_stage import MultiStage


class Joint:
    """The multi-stage concept says whether there are lesions and where; both say whether they are cancer.

    Crops show a lesion at full resolution, and no more than some three times its size. The other classifier sees CC and
    MLO of the whole breast at once, and can weigh the one against the other. docs/results.md says what each is worth.
    """

    name = "joint"
    title = "multi-stage detector and two-view classifier"
    rule = "As the multi-stage detector; a classifier of CC and MLO together has an equal say in what is cancer."
    roles = (*MultiStage.roles, Role.BREAST)
    gives_boxes = True
    is_calibrated = True

    def answer(self, models: Models) -> ViewAnswers:
        """See `mammo.concepts.concept.Concept`."""
        malignancy = models.classify_breasts(Role.BREAST)[:, 1].tolist()
        found = zip(multi_stage.judged(models), malignancy, strict=True)
        weighed = [findings.with_second_opinion(*pair) for pair in found]
        return concept.of_findings(weighed)
