"""What a concept is: which models it asks about views, and how it combines their answers. NumPy alone.

A concept stands once, in a file of its own, and `//mammo:compare`, `//mammo:export` and `//mammo:predict` all call it.
They differ in whom it asks: trained Keras networks about the views of a split, or the networks of a bundle about the
files of an exam. Both meet `Models`.
"""

import enum
import pathlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from mammo.clinical import fusing, rules
from mammo.clinical.findings import Findings
from mammo.common.errors import InputError


class Role(enum.StrEnum):
    """What a model does in a concept; each role is one trained model of a comparison."""

    WHOLE_IMAGE = "whole_image"  # normal, benign or cancer, of whole views
    TUMOUR = "tumour"  # normal or tumour, of whole views
    MALIGNANCY = "malignancy"  # benign or cancer, of whole views with a tumour
    BREAST = "breast"  # the same, of both projections of a breast in one image
    DETECTOR = "detector"  # boxes of benign and malignant lesions
    FINDER = "finder"  # boxes of lesions, without telling which
    CROP_CLASSIFIER = "crop_classifier"  # background, benign or cancer, of crops at full resolution


class Models(Protocol):
    """Trained models that can be asked about certain views, N of them, in one order."""

    @property
    def view_count(self) -> int:
        """N."""
        ...

    def classify(self, role: Role) -> np.ndarray:
        """Returns the probabilities that a classifier of whole views gives: float64 [N, C]."""
        ...

    def classify_breasts(self, role: Role) -> np.ndarray:
        """Returns the probabilities that a classifier of breasts gives to that of each view: float64 [N, C]."""
        ...

    def detect(self, role: Role) -> list[Findings]:
        """Returns what a detector finds in each view, in the pixels of these models' frame."""
        ...

    def judge(self, role: Role, found: Sequence[Findings]) -> list[Findings]:
        """Returns the surest findings of each view as a crop classifier judges them: see `findings.judged`."""
        ...


class ViewAnswers(NamedTuple):
    """What a concept says of N views.

    Attributes:
        probabilities: float64 [N, 3], of normal, benign and cancer.
        findings: Of each view, one a lesion; None: the concept gives no boxes.
    """

    probabilities: np.ndarray
    findings: Sequence[Findings] | None = None


class Concept(Protocol):
    """One way from views to an answer."""

    @property
    def name(self) -> str:
        """In report.json, in bundles and as --concept takes it."""
        ...

    @property
    def title(self) -> str:
        """For people."""
        ...

    @property
    def rule(self) -> str:
        """How its models are combined, in a sentence."""
        ...

    @property
    def roles(self) -> tuple[Role, ...]:
        """Which models it asks."""
        ...

    @property
    def gives_boxes(self) -> bool:
        """Whether it says where in a view it sees something."""
        ...

    @property
    def is_calibrated(self) -> bool:
        """Whether its probabilities are calibrated on validation data; answers that are certain stay as they are."""
        ...

    def answer(self, models: Models) -> ViewAnswers:
        """Asks the models about their views, and combines what they say."""
        ...


class NoSourceError(InputError):
    """Shards were given, but not the files that they are made of, which a second look reads."""

    def __init__(self, shards_dir: pathlib.Path) -> None:
        """Says what to give.

        Args:
            shards_dir: The folder of the shards.
        """
        super().__init__(
            f"{shards_dir} holds shards, but the second look reads the files that they are made of: give their folder "
            "as --source_dir."
        )


def of_findings(found: Sequence[Findings]) -> ViewAnswers:
    """Answers with what was found: a view is as suspicious as its most suspicious finding.

    The probabilities are those of all findings. Findings that lie on one lesion are then fused into one, in the
    evaluation as in the answer, so that a threshold chosen on the one holds for the other.
    """
    probabilities = np.array([rules.of_findings(findings) for findings in found], np.float64).reshape(-1, 3)
    return ViewAnswers(probabilities, [fusing.fuse([findings]) for findings in found])
