"""How a concept gives a view the probabilities of normal, benign and cancer: each rule, stated once.

The four concepts are those of the 2022 study. All give float64 [N, 3] of N views.
"""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # these rules start without TensorFlow
    from mammo.data.batch import Detections

_CANCER = 1  # class of a detection
_LEAST_SCORE = 1e-3  # of a view in which nothing was found: no detector is surer than that


@dataclasses.dataclass(frozen=True, eq=False)
class Findings:
    """What was found in one view, the surest first.

    Attributes:
        boxes_xyxy_px: float64 [M, 4], in pixels of the view as it is in shards.
        scores: float64 [M] in [0, 1], how sure it is that there is a lesion.
        cancer_shares: float64 [M] in [0, 1], how much of that speaks for cancer; the rest is for a benign one.
    """

    boxes_xyxy_px: np.ndarray
    scores: np.ndarray
    cancer_shares: np.ndarray

    def best(self, count: int) -> "Findings":
        """Returns the surest of them."""
        return Findings(self.boxes_xyxy_px[:count], self.scores[:count], self.cancer_shares[:count])


def nothing() -> Findings:
    """Returns no findings."""
    return Findings(np.zeros((0, 4)), np.zeros(0), np.zeros(0))


def hierarchical(tumour: np.ndarray, malignancy: np.ndarray) -> np.ndarray:
    """Multiplies: P(cancer) = P(tumour) x P(cancer of a tumour), and so for benign.

    Args:
        tumour: float64 [N, 2], of normal and tumour.
        malignancy: float64 [N, 2], of benign and cancer, given that there is a tumour.
    """
    return np.concatenate([tumour[:, :1], tumour[:, 1:] * malignancy], axis=1)


def gated(tumour: np.ndarray, malignancy: np.ndarray) -> np.ndarray:
    """Asks the second model only where the first says tumour: the 2022 study's listing 1.

    Where it does, the view is benign or cancer for certain, as the second model has it; where not, it is normal. So
    the likeliest class is that of the listing, and a view that the gate stops has the least score there is.
    """
    is_tumour = tumour[:, 1:] > tumour[:, :1]
    return np.where(is_tumour, np.concatenate([np.zeros_like(tumour[:, :1]), malignancy], axis=1), [1.0, 0.0, 0.0])


def of_findings(findings: Findings) -> np.ndarray:
    """Takes a view to be as suspicious as the worst that was found in it: float64 [3].

    P(tumour) is the highest score. It is shared out between benign and cancer as the highest scores for either are,
    each finding's score times its share.
    """
    tumour = max(_LEAST_SCORE, float(findings.scores.max(initial=0.0)))
    cancer = float((findings.scores * findings.cancer_shares).max(initial=0.0))
    benign = float((findings.scores * (1 - findings.cancer_shares)).max(initial=0.0))
    share = cancer / (cancer + benign) if cancer + benign > 0 else 0.5
    return np.array([1 - tumour, tumour * (1 - share), tumour * share])


def of_breast(views: np.ndarray) -> float:
    """Returns the mean over the views of a breast, float64 [V].

    Both projections show the same tissue: what looks suspicious in CC and in MLO counts in full, what does in one of
    them counts half.
    """
    return float(np.mean(views))


def of_exam(breasts: np.ndarray) -> float:
    """Takes an exam to be as suspicious as the worse of its breasts, float64 [2] or [1]."""
    return float(np.max(breasts))


def of_detections(found: "Detections") -> Findings:
    """Takes the detections of one view, numpy arrays [M, ...]: each is of one class, and for that alone.

    Boxes of either class that lie on one lesion are one finding each; the rule for a view weighs them.
    """
    count = int(found.num_valid)
    return Findings(
        np.asarray(found.boxes_xyxy_px[:count], np.float64),
        np.asarray(found.scores[:count], np.float64),
        (np.asarray(found.classes[:count]) == _CANCER).astype(np.float64),
    )


def judged(findings: Findings, crops: np.ndarray) -> Findings:
    """Lets a crop classifier judge what a class-blind detector found.

    A finding's score is the detector's times the probability that its crop is not background; without a class for
    background it stays. What of it speaks for cancer is the classifier's to say.

    Args:
        findings: M of one view.
        crops: float64 [M, 3], of background, benign and cancer, or [M, 2], of the latter two.

    Returns:
        The findings, sorted by their new scores.
    """
    lesion = crops[:, -2:].sum(axis=1)
    shares = np.divide(crops[:, -1], lesion, out=np.full(len(lesion), 0.5), where=lesion > 0)
    scores = findings.scores * np.minimum(lesion, 1.0)
    order = np.argsort(-scores, kind="stable")
    return Findings(findings.boxes_xyxy_px[order], scores[order], shares[order])
