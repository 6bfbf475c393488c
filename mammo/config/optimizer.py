"""How weights change in training. No TensorFlow."""

import dataclasses
from typing import Literal

from mammo.config import checks

_OPTIMIZER = "--config.optimizer."


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """How weights change.

    Attributes:
        kind: "adamw", or "sgd" with momentum 0.9.
        learning_rate: At its highest, for a global batch of whatever size is given.
        warmup_steps: Number of steps over which the learning rate rises from 0.
        final_share: Share of the highest learning rate that is left at the last step.
        weight_decay: Decay of kernels, decoupled from the gradient (Loshchilov & Hutter 2019).
        clip_norm: Largest norm of all gradients together; 0: they are not clipped.
        averages_decay: Decay of the averaged weights that are evaluated and kept; 0: weights are not averaged.
        normaliser_decay: Decay of the running mean that losses are divided by: Detectron2's RetinaNet keeps one as
            well. With a detector it is the mean count of positive anchors; divided by its own count, a batch without a
            lesion would weigh as much as ten with one. 0: each batch is divided by its own count.
    """

    kind: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    warmup_steps: int = 500
    final_share: float = 0.01
    weight_decay: float = 1e-4
    clip_norm: float = 10.0
    averages_decay: float = 0.999
    normaliser_decay: float = 0.99

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: A field has a value that cannot be.
        """
        checks.choices(_OPTIMIZER, self)
        checks.above_zero(_OPTIMIZER, self, "learning_rate")
        checks.at_least(_OPTIMIZER, self, 0, "warmup_steps", "weight_decay", "clip_norm")
        checks.between(_OPTIMIZER, self, 0, 1, "final_share")
        checks.below_one(_OPTIMIZER, self, "averages_decay", "normaliser_decay")
