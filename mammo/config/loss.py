"""What training minimises. No TensorFlow."""

import dataclasses
from typing import Literal

from mammo.config import checks

_LOSS = "--config.loss."


@dataclasses.dataclass(frozen=True)
class DetectionLossConfig:
    """The loss of a detector: a focal loss and a box loss.

    Attributes:
        alpha: Weight of a lesion in the focal loss, against that of background: Lin et al. 2017, table 1b.
        gamma: Focus of the focal loss: the same table.
        box_loss: "smooth_l1" of encoded boxes, or "generalized_iou".
        box_weight: Weight of the box loss against the focal loss.
        smooth_l1_beta: Where smooth L1 bends; 1 / 9 in Detectron's RetinaNet.
        positive_iou: An anchor is positive, for the lesion that it overlaps most, from this IoU on.
        negative_iou: An anchor of a lower IoU is background; between the two it is ignored.
    """

    alpha: float = 0.25
    gamma: float = 2.0
    box_loss: Literal["smooth_l1", "generalized_iou"] = "smooth_l1"
    box_weight: float = 1.0
    smooth_l1_beta: float = 1 / 9
    positive_iou: float = 0.5
    negative_iou: float = 0.4

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: A field has a value that cannot be, or the two thresholds contradict each other.
        """
        checks.choices(_LOSS, self)
        checks.between(_LOSS, self, 0, 1, "alpha", "positive_iou", "negative_iou")
        checks.at_least(_LOSS, self, 0, "gamma", "box_weight")
        checks.above_zero(_LOSS, self, "smooth_l1_beta")
        checks.require(
            self.negative_iou <= self.positive_iou,
            f"{_LOSS}negative_iou={self.negative_iou} must be at most --config.loss.positive_iou={self.positive_iou}.",
        )


@dataclasses.dataclass(frozen=True)
class ClassificationLossConfig:
    """The loss of a classifier: cross-entropy, with some variations.

    Attributes:
        label_smoothing: Share of the truth that is spread over all classes: Szegedy et al. 2016, section 7.
        focal_gamma: How much less the easy images weigh: Lin et al. 2017, equation 4; 0: plain cross-entropy.
        class_weights: Weight of an image of each class; empty: all alike.
    """

    label_smoothing: float = 0.0
    focal_gamma: float = 0.0
    class_weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: A number cannot be.
        """
        checks.below_one(_LOSS, self, "label_smoothing")
        checks.at_least(_LOSS, self, 0, "focal_gamma")
        checks.require(
            all(weight > 0 for weight in self.class_weights),
            f"{_LOSS}class_weights={tuple(self.class_weights)} must be above 0.",
        )
