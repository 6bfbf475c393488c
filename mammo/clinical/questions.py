"""What a classifier tells apart, and the questions that its probabilities answer."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mammo.clinical.labels import LESION_NAMES, NAMES, Label

LEFT_OUT = -1
"""In place of a class: images with this label are not part of the task."""

OF_LESIONS = "malignancy"
"""The task that is asked of images and breasts with a lesion only."""

TITLES: Mapping[str, str] = {
    "cancer": "Cancer against the rest",
    "tumour": "Any lesion against none",
    "malignancy": "Cancer against benign lesions",
}
"""The tasks, as people read them."""


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes that a stage tells apart, and the class of each `Label` of an image.

    Attributes:
        names: Names of the classes, in the order of the model's outputs.
        of_label: The class of images labelled normal, benign and cancer, or `LEFT_OUT`.

    Raises:
        ValueError: A class has no label.
    """

    names: tuple[str, ...]
    of_label: tuple[int, int, int]

    def __post_init__(self) -> None:
        if set(self.of_label) - {LEFT_OUT} != set(range(len(self.names))):
            raise ValueError(f"each of {self.names} needs a label, got {self.of_label}")

    def truth(self, labels: np.ndarray) -> np.ndarray:
        """Returns the classes, int64 [N], of labels, int [N]."""
        return np.array(self.of_label, np.int64)[labels]

    def scores(self, probabilities: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the score of each question that these classes can answer.

        Args:
            probabilities: float64 [N, C].

        Returns:
            float64 [N] by task: "tumour", any lesion against none; "cancer", cancer against the rest; "malignancy",
            cancer against benign, given that there is a lesion, where it is another question than "cancer".
        """
        normal, benign, cancer = self.of_label
        made = {}
        if normal != LEFT_OUT and self.of_label.count(normal) == 1:
            made["tumour"] = 1 - probabilities[:, normal]
        if cancer != LEFT_OUT and self.of_label.count(cancer) == 1:
            made["cancer"] = probabilities[:, cancer]
            if LEFT_OUT not in (normal, benign):
                lesion = probabilities[:, benign] + probabilities[:, cancer]
                unknown = np.full(len(lesion), 0.5)
                made[OF_LESIONS] = np.divide(probabilities[:, cancer], lesion, out=unknown, where=lesion > 0)
        return made


def is_positive(task: str, labels: np.ndarray) -> np.ndarray:
    """Returns which of some labels, int [N], are positive for a task: bool [N]."""
    return labels != Label.NORMAL if task == "tumour" else labels == Label.CANCER


def is_asked(task: str, labels: np.ndarray) -> np.ndarray:
    """Returns which of some labels, int [N], a task is asked of, bool [N]: "malignancy" of lesions only."""
    return labels != Label.NORMAL if task == OF_LESIONS else np.ones(len(labels), bool)


WHOLE_IMAGE = Classes(NAMES, (0, 1, 2))
TUMOUR = Classes(("normal", "tumour"), (0, 1, 1))
MALIGNANCY = Classes(LESION_NAMES, (LEFT_OUT, 0, 1))
CROP = Classes(("background", *LESION_NAMES), (0, 1, 2))
