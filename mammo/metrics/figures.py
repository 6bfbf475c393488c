"""The types of the figures in report.json.

Every figure is an `Interval`: {"value", "low", "high"}. Tasks are "tumour", "cancer" and "malignancy", see
`mammo.clinical.questions`; units are "image", "breast" and "exam".
"""

from typing import NotRequired, TypedDict

from mammo.common.json_types import Interval


class Counts(TypedDict):
    """What figures are made from; a figure of its own may count but some of these."""

    patients: int
    images: int
    lesions: int


class CaseCounts(TypedDict):
    """How many images, breasts or exams are positive and negative for a task."""

    positive: int
    negative: int


class Area(Interval):
    """An area under an ROC curve."""

    n: CaseCounts


class RocCurve(TypedDict):
    """The corners of an ROC curve, both ascending; empty where positive or negative cases are missing."""

    false_positive_rate: list[float]
    sensitivity: list[float]


class FrocCurve(TypedDict):
    """The corners of a free-response curve, ascending, and the score that gives each."""

    false_positives_per_image: list[float]
    sensitivity: list[float]
    threshold: list[float]


class FrocBand(TypedDict):
    """The 95 % interval around a free-response curve."""

    false_positives_per_image: list[float]
    low: list[float | None]
    high: list[float | None]


class MatchingRule(TypedDict):
    """When a lesion counts as found, see `mammo.metrics.matching.Rule`."""

    kind: str
    minimum_iou: NotRequired[float]
    class_aware: bool


class FrocSummary(TypedDict):
    """A free-response curve; "sensitivity_at" is by false positives an image, "score" is their mean."""

    sensitivity_at: dict[str, Interval]
    score: Interval
    curve: FrocCurve
    band: FrocBand
    rule: NotRequired[MatchingRule]


AveragePrecisionAt = TypedDict("AveragePrecisionAt", {"0.5": Interval, "0.5:0.95": Interval})
"""Average precision at one overlap, and the mean over ten."""


class AveragePrecision(AveragePrecisionAt):
    """Of lesions of any class, and the mean over the classes where the detector tells them apart."""

    mean_over_classes: NotRequired[AveragePrecisionAt]


class NormalImageAlarms(Interval):
    """False positives an image without a lesion, at "threshold"; "images" is how many are normal."""

    threshold: float | None
    rule: str
    images: int


class Confusion(TypedDict):
    """Counts of images: rows are true classes, columns predicted ones."""

    labels: list[str]
    counts: list[list[int]]


class ClassFigures(TypedDict):
    """What is computed from a confusion matrix."""

    confusion: Confusion
    accuracy: Interval
    balanced_accuracy: Interval
    macro_f1: Interval
    cohen_kappa: Interval


ReliabilityBin = TypedDict(
    "ReliabilityBin", {"from": float, "to": float, "confidence": float, "right_share": Interval, "n": int}
)
"""Predictions whose confidence lies between two borders; "confidence" is their mean."""


class Reliability(TypedDict):
    """How far confidence is from the fraction that is right, in all and by bin."""

    expected_calibration_error: Interval
    bins: list[ReliabilityBin]


class CalibrationFigures(Reliability):
    """Reliability of the predicted class, and by task, after the calibration that is given."""

    temperature: float
    biases: list[float]
    untouched: NotRequired[list[int]]
    by_task: dict[str, Reliability]


class GroupFigures(TypedDict, total=False):
    """Figures of a group of images or of lesions: of a detector the second and third, of a classifier the others."""

    n: Counts
    sensitivity: Interval
    false_positives_per_image: Interval
    auc: dict[str, Area]
    accuracy: Interval


class OperatingFigures(TypedDict):
    """What a threshold brings on a split that it was not chosen on."""

    threshold: float
    sensitivity: Interval
    specificity: Interval
    positive_predictive_value: Interval
    negative_predictive_value: Interval
    prevalence: float | None
    n: CaseCounts


class Figures(TypedDict, total=False):
    """All figures of a model on a split.

    Of a detector: "froc" by rule, "average_precision", "false_positives_per_normal_image". Of a classifier: "auc" and
    "roc" by unit and task, those of `ClassFigures`, "calibration". Of both: "n", and "by" kind of group and group.
    """

    n: Counts
    froc: dict[str, FrocSummary]
    average_precision: AveragePrecision
    false_positives_per_normal_image: NormalImageAlarms
    auc: dict[str, dict[str, Area]]
    roc: dict[str, dict[str, RocCurve]]
    confusion: Confusion
    accuracy: Interval
    balanced_accuracy: Interval
    macro_f1: Interval
    cohen_kappa: Interval
    calibration: CalibrationFigures
    by: dict[str, dict[str, GroupFigures]]


class ConceptFigures(Figures, total=False):
    """All figures of one concept in a comparison.

    Attributes:
        title: For people.
        rule: How its models are joined, in a sentence.
        models: Names of its models.
        operating_points: By unit, task and rule.
        by_lesion: Figures by kind of group and group of lesions, of a concept that finds them.
        training_s: Seconds that its models were trained for.
    """

    title: str
    rule: str
    models: list[str]
    operating_points: dict[str, dict[str, dict[str, OperatingFigures]]]
    by_lesion: dict[str, dict[str, GroupFigures]]
    training_s: float


class Difference(Interval):
    """By how much one area is above another, and the p-value of the hypothesis that they are equal."""

    p_value: float | None
