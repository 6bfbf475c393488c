"""Makes probabilities come true as often as they say, on data like those that this was fitted on."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

_LEAST = 1e-12  # of a probability whose logarithm is taken


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Bias-corrected temperature scaling: softmax(log p / temperature + biases).

    Guo et al. 2017 scale the logits; the biases, which let the share of each class be another than that of training,
    are Alexandari, Kundaje & Shrikumar 2020, "Maximum likelihood with bias-corrected calibration is hard-to-beat at
    label shift adaptation", section 3. Chosen on one split, and applied to others.

    Attributes:
        temperature: Above 1 makes probabilities less sure.
        biases: One a class, the first 0; empty: none.
    """

    temperature: float = 1.0
    biases: tuple[float, ...] = ()

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns float64 [N, C], calibrated, of float64 [N, C]."""
        if self == Calibration():
            return probabilities  # a detour by logarithms would part scores that are equal
        shift = np.array(self.biases) if self.biases else 0.0
        return softmax(logs(probabilities) / self.temperature + shift)

    def to_json(self) -> dict[str, Any]:
        """Returns {"temperature", "biases"}."""
        return {"temperature": self.temperature, "biases": list(self.biases)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Calibration":
        """Reads what `to_json` gave; other fields may stand beside it."""
        return cls(float(fields["temperature"]), tuple(float(bias) for bias in fields["biases"]))


def logs(probabilities: np.ndarray) -> np.ndarray:
    """Returns the logarithms of probabilities, float64 [...], none below -27.6."""
    return np.log(np.maximum(probabilities, _LEAST))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns probabilities, float64 [N, C], of logits, float64 [N, C]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
