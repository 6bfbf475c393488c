"""Fits how a projection that is missing is filled in, from breasts of which both were seen."""

import numpy as np

from mammo.clinical import questions
from mammo.clinical.labels import Projection
from mammo.clinical.rules import MissingProjection
from mammo.metrics import scoring
from mammo.metrics.scoring import Scored

_FEWEST_BREASTS = 20  # from fewer, a line says little


def fit(scored: Scored) -> dict[str, MissingProjection]:
    """Fits, for each task, the expected score of one projection to the score of the other: least squares.

    Both directions count, CC from MLO and MLO from CC, so that one line serves for either.

    Args:
        scored: Views of validation exams, calibrated.

    Returns:
        By task; nothing where fewer than 20 breasts have both projections.
    """
    breasts: dict[str, dict[str | None, list[int]]] = {}
    for row, (name, fact) in enumerate(zip(scoring.breast_names(scored.facts), scored.facts, strict=True)):
        breasts.setdefault(name, {}).setdefault(fact.projection, []).append(row)
    whole = [rows_of for rows_of in breasts.values() if set(Projection) <= rows_of.keys()]
    if len(whole) < _FEWEST_BREASTS:
        return {}
    made = {}
    for task, scores in scored.classes.scores(scored.probabilities).items():
        if task != questions.OF_LESIONS:
            pairs = [[scores[rows_of[projection]].max() for projection in Projection] for rows_of in whole]
            made[task] = _line(np.array(pairs))
    return made


def _line(pairs: np.ndarray) -> MissingProjection:
    """Fits a line to float64 [N, 2] in both directions."""
    seen, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    variance = seen.var()
    slope = float(((seen - seen.mean()) * (other - other.mean())).mean() / variance) if variance > 0 else 0.0
    return MissingProjection(float(other.mean() - slope * seen.mean()), slope)
