"""Calibration: after it, events of probability 0.7 happen seven times in ten, on data like those it was fitted on."""

import dataclasses
from typing import NotRequired, TypedDict

import numpy as np

_LEAST = 1e-12  # smaller probabilities are raised to it before their logarithm is taken


class CalibrationFields(TypedDict):
    """A `Calibration` as JSON."""

    temperature: float
    biases: list[float]
    untouched: NotRequired[list[int]]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Bias-corrected temperature scaling: softmax(log p / temperature + biases).

    Guo et al. 2017 scale the logits. The biases, which allow for classes that are more or less common than in training,
    are from Alexandari, Kundaje & Shrikumar 2020, "Maximum likelihood with bias-corrected calibration is hard-to-beat
    at label shift adaptation", section 3. Fitted on one split, and applied to others.

    Attributes:
        temperature: Above 1 it makes probabilities less extreme.
        biases: One for each class, the first of those that are touched 0; empty: none.
        untouched: Classes whose probability stays what it was, and the sum of the others with it: those that the data
            it was fitted on did not have, of which it can say nothing.
    """

    temperature: float = 1.0
    biases: tuple[float, ...] = ()
    untouched: tuple[int, ...] = ()

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns float64 [N, C], calibrated, of float64 [N, C]."""
        if self == Calibration():
            return probabilities  # a detour by logarithms would separate equal scores
        shift = np.array(self.biases) if self.biases else np.zeros(probabilities.shape[1])
        touched = np.setdiff1d(np.arange(probabilities.shape[1]), self.untouched)
        made = probabilities.astype(np.float64)
        total = probabilities[:, touched].sum(axis=1, keepdims=True)
        made[:, touched] = total * softmax(logs(probabilities[:, touched]) / self.temperature + shift[touched])
        return made

    def to_json(self) -> CalibrationFields:
        """Returns the fields for JSON."""
        return {
            "temperature": self.temperature,
            "biases": list(self.biases),
            "untouched": list(self.untouched),
        }

    @classmethod
    def from_json(cls, fields: CalibrationFields) -> "Calibration":
        """Reads what `to_json` gave; other fields may stand beside it."""
        return cls(
            float(fields["temperature"]),
            tuple(float(bias) for bias in fields["biases"]),
            tuple(fields.get("untouched", ())),
        )


def logs(probabilities: np.ndarray) -> np.ndarray:
    """Returns the logarithms of probabilities, float64 [...], none below -27.6."""
    return np.log(np.maximum(probabilities, _LEAST))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns probabilities, float64 [N, C], of logits, float64 [N, C]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
