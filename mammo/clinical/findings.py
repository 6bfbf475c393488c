"""Findings in one view as arrays: where, how sure, and how much of it speaks for cancer."""

import dataclasses

import numpy as np

_CANCER = 1  # class of a detection: benign is 0


@dataclasses.dataclass(frozen=True, eq=False)
class Findings:
    """What was found in one view, the surest first.

    Attributes:
        boxes_xyxy_px: float64 [M, 4], in pixels of the file or of the prepared view, as whoever made them says.
        scores: float64 [M] in [0, 1], how sure the models are that there is a lesion.
        cancer_shares: float64 [M] in [0, 1], the part of the score that speaks for cancer; the rest is for benign.
    """

    boxes_xyxy_px: np.ndarray
    scores: np.ndarray
    cancer_shares: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls) -> "Findings":
        """Returns no findings."""
        return cls(np.zeros((0, 4)), np.zeros(0), np.zeros(0))

    def best(self, count: int) -> "Findings":
        """Returns the `count` surest of them."""
        return Findings(self.boxes_xyxy_px[:count], self.scores[:count], self.cancer_shares[:count])


def of_detections(boxes_xyxy_px: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> Findings:
    """Turns a detector's boxes into findings. Each detection counts wholly as its own class.

    Args:
        boxes_xyxy_px: float [M, 4].
        scores: float [M], descending.
        classes: int [M], 0 benign, 1 cancer.
    """
    return Findings(
        np.asarray(boxes_xyxy_px, np.float64),
        np.asarray(scores, np.float64),
        (np.asarray(classes) == _CANCER).astype(np.float64),
    )


def judged(findings: Findings, crops: np.ndarray) -> Findings:
    """Combines the findings of a class-blind detector with what a crop classifier says of each.

    A finding's score becomes the detector's times the probability that its crop is not background; without a class for
    background it stays. The classifier alone decides how much of it speaks for cancer.

    Args:
        findings: M of one view.
        crops: float64 [M, 3], probabilities of background, benign and cancer, or [M, 2], of the latter two.

    Returns:
        The findings, sorted by their new scores.
    """
    lesion = crops[:, -2:].sum(axis=1)
    shares = np.divide(crops[:, -1], lesion, out=np.full(len(lesion), 0.5), where=lesion > 0)
    scores = findings.scores * np.minimum(lesion, 1.0)
    order = np.argsort(-scores, kind="stable")
    return Findings(findings.boxes_xyxy_px[order], scores[order], shares[order])


def with_second_opinion(findings: Findings, malignancy: float) -> Findings:
    """Gives a second opinion an equal say in whether findings are cancer; where they are, and how sure, stays.

    Args:
        findings: M of one view.
        malignancy: In [0, 1], how far the second opinion speaks for cancer, given that there is a lesion.
    """
    return dataclasses.replace(findings, cancer_shares=(findings.cancer_shares + malignancy) / 2)
