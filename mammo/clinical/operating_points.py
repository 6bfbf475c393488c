"""From which score on an exam is an alarm, and what that brought on test data."""

import dataclasses

from mammo.common.json_types import Interval


@dataclasses.dataclass(frozen=True)
class OperatingPoint:
    """A threshold of a model, with what it brought on test data.

    Attributes:
        name: As the model has it: "screening".
        threshold: The least score that is an alarm; chosen on validation data.
        sensitivity: On test data, by exam; None: it is not known.
        specificity: The same.
        positive: Exams of the test data with cancer.
        negative: Exams of the test data without.
    """

    name: str
    threshold: float
    sensitivity: Interval | None = None
    specificity: Interval | None = None
    positive: int = 0
    negative: int = 0

    @property
    def is_tested(self) -> bool:
        """Whether there were exams with cancer and exams without to test it on."""
        figures = (self.sensitivity, self.specificity)
        return all(figure is not None and figure["value"] is not None for figure in figures)

    @property
    def prevalence(self) -> float:
        """Of cancer in the test data."""
        return self.positive / max(self.positive + self.negative, 1)

    def positive_predictive_value(self, prevalence: float) -> float:
        """Returns the fraction of alarms that are true where cancer has this prevalence; 0 without alarms."""
        sensitivity, specificity = (
            (figure["value"] if figure else None) or 0.0 for figure in (self.sensitivity, self.specificity)
        )
        true, false = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
        return true / (true + false) if true > 0 else 0.0
