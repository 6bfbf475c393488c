"""From a finding to an exam: how the scores of findings, views, projections and breasts are combined.

Each rule stands here once, for the evaluation as for the answer.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mammo.clinical.findings import Findings
from mammo.clinical.labels import SIDES, Laterality, Projection

_LEAST_SCORE = 1e-3  # of a view in which nothing was found: no detector is surer than that


@dataclasses.dataclass(frozen=True)
class MissingProjection:
    """What the projection of a breast that was not read would score on average, given the one that was.

    A breast's score is the mean over its two projections. Where one is missing, the mean over the one that is left
    would be spread more widely, and mean something else at the same threshold. So the other is filled in by its
    expectation, a line fitted to the breasts of validation exams: intercept + slope × seen. The default is no more than
    "as the one that was seen".

    Attributes:
        intercept: Expected score of the other projection where the one that was read scores 0.
        slope: By how much it rises with the score of the one that was read.
    """

    intercept: float = 0.0
    slope: float = 1.0

    def expected(self, seen: float) -> float:
        """Returns the expected score, in [0, 1]."""
        return float(np.clip(self.intercept + self.slope * seen, 0.0, 1.0))


class ViewScore(NamedTuple):
    """One view of an exam.

    Attributes:
        laterality: None: unknown.
        projection: None: unknown.
        score: In [0, 1]; None: the view could not be read.
    """

    laterality: Laterality | None
    projection: Projection | None
    score: float | None


class BreastScore(NamedTuple):
    """How suspicious a breast is.

    Attributes:
        score: In [0, 1].
        is_complete: Whether both projections were read.
    """

    score: float
    is_complete: bool


class ExamScore(NamedTuple):
    """How suspicious an exam is.

    Attributes:
        breasts: By side, so far as a view of it was read.
        score: In [0, 1]; None: no view was read.
        is_complete: Whether both projections of both breasts were read.
    """

    breasts: Mapping[Laterality, BreastScore]
    score: float | None
    is_complete: bool


def of_findings(findings: Findings) -> np.ndarray:
    """Returns the probabilities of normal, benign and cancer, float64 [3], of a view by what was found in it.

    A view's score is that of its most suspicious finding: P(tumour) is the highest score. It is divided between benign
    and cancer in proportion to the highest score for either, which is a finding's score times its share.
    """
    tumour = max(_LEAST_SCORE, float(findings.scores.max(initial=0.0)))
    cancer = float((findings.scores * findings.cancer_shares).max(initial=0.0))
    benign = float((findings.scores * (1 - findings.cancer_shares)).max(initial=0.0))
    share = cancer / (cancer + benign) if cancer + benign > 0 else 0.5
    return np.array([1 - tumour, tumour * (1 - share), tumour * share])


def of_projections(views: Sequence[tuple[Projection | None, float]]) -> dict[Projection | None, float]:
    """Returns the score of each projection: that of its most suspicious view, so that a repeat dilutes nothing."""
    scores: dict[Projection | None, float] = {}
    for projection, score in views:
        scores[projection] = max(score, scores.get(projection, 0.0))
    return scores


def of_breast(
    views: Sequence[tuple[Projection | None, float]], missing: MissingProjection | None = None
) -> BreastScore:
    """Returns the score of a breast: the mean over its two projections.

    Both projections show the same tissue: what looks suspicious in CC and in MLO counts in full, what does in one of
    them counts half. Views of unknown projection count as one projection more; of three, the two highest count.

    Args:
        views: Projection and score of each view that was read, at least one.
        missing: How a projection that was not read is filled in.
    """
    by_projection = of_projections(views)
    highest, *others = sorted(by_projection.values(), reverse=True)
    other = others[0] if others else (missing or MissingProjection()).expected(highest)
    return BreastScore((highest + other) / 2, is_complete=set(Projection) <= by_projection.keys())


def malignancy_of_breast(views: Sequence[tuple[Projection | None, float, float]]) -> float:
    """Returns how far what is in a breast speaks for cancer and not for a benign lesion, given that there is a lesion.

    The mean over its projections, each weighed by how sure it is that there is one: a view that shows none says nothing
    of this. Of several views of one projection the surest counts.

    Args:
        views: Projection, score of a lesion, and malignancy given that there is one, of each view, at least one.
    """
    surest: dict[Projection | None, tuple[float, float]] = {}
    for projection, tumour, malignancy in views:
        surest[projection] = max((tumour, malignancy), surest.get(projection, (0.0, 0.0)))
    weights, values = np.array(list(surest.values())).T
    return float(np.average(values, weights=np.maximum(weights, _LEAST_SCORE)))


def of_exam(views: Sequence[ViewScore], missing: MissingProjection | None = None) -> ExamScore:
    """Returns the score of an exam: that of its more suspicious breast.

    A view of which the breast is unknown stands for a breast of its own.

    Args:
        views: Of the exam.
        missing: How a projection that was not read is filled in.
    """
    of_side: dict[Laterality | int, list[tuple[Projection | None, float]]] = {}
    for index, view in enumerate(views):
        if view.score is not None:
            of_side.setdefault(view.laterality or index, []).append((view.projection, view.score))
    scores = {side: of_breast(seen, missing) for side, seen in of_side.items()}
    breasts = {side: scores[side] for side in SIDES if side in scores}
    return ExamScore(
        breasts,
        max((breast.score for breast in scores.values()), default=None),
        is_complete=len(breasts) == len(SIDES) and all(breast.is_complete for breast in breasts.values()),
    )
