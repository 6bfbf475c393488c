"""Models whose answers are given: what a concept makes of them is known."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mammo.clinical import findings
from mammo.clinical.findings import Findings
from mammo.concepts.concept import Role


@dataclasses.dataclass(frozen=True)
class KnownModels:
    """Meets `mammo.concepts.concept.Models`.

    Attributes:
        view_count: How many views.
        probabilities: By role of a classifier of whole views or of breasts.
        found: By role of a detector.
        crops: Probabilities of the crops of each view.
    """

    view_count: int
    probabilities: Mapping[Role, np.ndarray] = dataclasses.field(default_factory=dict)
    found: Mapping[Role, list[Findings]] = dataclasses.field(default_factory=dict)
    crops: Sequence[np.ndarray] = ()

    def classify(self, role: Role) -> np.ndarray:
        return self.probabilities[role]

    def classify_breasts(self, role: Role) -> np.ndarray:
        return self.probabilities[role]

    def detect(self, role: Role) -> list[Findings]:
        return self.found[role]

    def judge(self, role: Role, found: Sequence[Findings]) -> list[Findings]:
        assert role is Role.CROP_CLASSIFIER
        return [findings.judged(its, crops) for its, crops in zip(found, self.crops, strict=True)]


def two(first: Sequence[float]) -> np.ndarray:
    """Probabilities of two classes, by those of the second."""
    return np.stack([1 - np.asarray(first), first], axis=1)
