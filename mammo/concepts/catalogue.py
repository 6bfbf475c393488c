"""The concepts of the 2022 study, each from the models that it takes to probabilities for every view of a split."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from mammo.clinical import rules
from mammo.clinical.questions import WHOLE_IMAGE
from mammo.clinical.rules import Findings
from mammo.common.errors import InputError
from mammo.concepts import second_look, trained_models
from mammo.concepts.second_look import FoundView
from mammo.concepts.trained_models import Loaded, Model, Predictions
from mammo.data.shards import Shards
from mammo.metrics import image_results
from mammo.metrics.image_results import ImageResult
from mammo.metrics.scoring import Scored
from mammo.stages.classifier import ClassifierStage


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """What a concept says of a split.

    Attributes:
        scored: Every view, in the order of the keys, with the probabilities of normal, benign and cancer.
        results: The same views with what was found in them, of a concept that gives boxes.
    """

    scored: Scored
    results: list[ImageResult] | None = None


@dataclasses.dataclass(frozen=True)
class Concept:
    """One way to an answer.

    Attributes:
        title: For people.
        rule: How its models are joined, in a sentence.
        models: Names of what it takes.
        answer: Makes the answers of a split.
        is_calibrated: Whether its probabilities are calibrated; answers that are certain stay so.
    """

    title: str
    rule: str
    models: tuple[str, ...]
    answer: Callable[["Evidence", str], Answers]
    is_calibrated: bool = True


class Evidence:
    """What the models say of each split: each is asked once, whichever concepts need it."""

    def __init__(self, models: Mapping[str, Model], shards: Shards, source_dir: pathlib.Path) -> None:
        """Asks nothing yet.

        Args:
            models: Trained, by name.
            shards: Of the views.
            source_dir: Where the files lie that the shards are made of, for the second look.
        """
        self.shards = shards
        self._models = models
        self._source_dir = source_dir
        self._loaded: dict[str, Loaded] = {}
        self._predictions: dict[tuple[str, str], Predictions] = {}

    def of(self, name: str, split: str) -> Predictions:
        """Returns what a model says of every view of a split."""
        if (name, split) not in self._predictions:
            self._predictions[name, split] = trained_models.predict(self._load(name), split)
        return self._predictions[name, split]

    def _load(self, name: str) -> Loaded:
        if name not in self._loaded:
            self._loaded[name] = trained_models.load(self._models[name])
        return self._loaded[name]

    def judged(self, split: str) -> list[Findings]:
        """Returns what the class-blind detector found, as the crop classifier judges it, view by view."""
        found, infos = self.of(trained_models.FINDER, split), self.shards.describe(split)
        views = [
            FoundView(self._source_dir / infos[key].path, infos[key].placement, findings)
            for key, findings in zip(found.keys, _findings(found), strict=True)
        ]
        stage, network, _ = self._load(trained_models.CROPS)
        assert isinstance(stage, ClassifierStage)
        assert stage.plan.crop is not None
        classify = tf.function(functools.partial(stage.predict, network))
        return list(second_look.judge(views, classify, stage.plan.crop, unit=f" {split} view"))


def check_source(shards: Shards, source_dir: pathlib.Path) -> None:
    """Checks that the files are there that a second look at validation and test will read.

    Raises:
        InputError: One is missing.
    """
    for info in (info for split in ("validation", "test") for info in shards.describe(split).values()):
        if not (source_dir / info.path).is_file():
            raise InputError(
                f"{source_dir / info.path} is missing, which the shards were made of and the second look reads; give "
                "the folder of these files as --source_dir."
            )


def _single(evidence: Evidence, split: str) -> Answers:
    return _answers(evidence, split, np.array(evidence.of("whole_image", split).values))


def _joined(
    rule: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Callable[[Evidence, str], Answers]:
    def answer(evidence: Evidence, split: str) -> Answers:
        tumour, malignancy = (np.array(evidence.of(name, split).values) for name in ("tumour", "malignancy"))
        return _answers(evidence, split, rule(tumour, malignancy))

    return answer


def _single_stage(evidence: Evidence, split: str) -> Answers:
    return _of_findings(evidence, split, _findings(evidence.of("detector", split)))


def _multi_stage(evidence: Evidence, split: str) -> Answers:
    return _of_findings(evidence, split, evidence.judged(split))


def _always_normal(evidence: Evidence, split: str) -> Answers:
    return _answers(evidence, split, np.tile([1.0, 0.0, 0.0], (len(evidence.shards.describe(split)), 1)))


BASELINE = "always_normal"

CONCEPTS: Mapping[str, Concept] = {
    "single": Concept("single classifier", "One model tells normal, benign and cancer.", ("whole_image",), _single),
    "hierarchical": Concept(
        "hierarchical, soft",
        "The probability of a tumour times that of cancer, given a tumour.",
        ("tumour", "malignancy"),
        _joined(rules.hierarchical),
    ),
    "hierarchical_gated": Concept(
        "hierarchical, hard gate",
        "Only where the first model says tumour is the second one asked: the study's listing 1.",
        ("tumour", "malignancy"),
        _joined(rules.gated),
        is_calibrated=False,
    ),
    "single_stage": Concept(
        "single-stage detector",
        "A detector of benign and malignant lesions; a view is as suspicious as the worst in it.",
        ("detector",),
        _single_stage,
    ),
    "multi_stage": Concept(
        "multi-stage detector",
        "A detector that only finds; a classifier judges the crops at full resolution.",
        (trained_models.FINDER, trained_models.CROPS),
        _multi_stage,
    ),
    BASELINE: Concept("always normal", "What answering normal to everything is worth.", (), _always_normal, False),
}
"""By their names in report.json: the four of the study, the hierarchical one in both its forms, and a baseline."""


def _findings(found: Predictions) -> list[Findings]:
    return [rules.of_detections(detections) for detections in found.values]


def _answers(evidence: Evidence, split: str, made: np.ndarray, results: list[ImageResult] | None = None) -> Answers:
    infos = evidence.shards.describe(split)
    keys = sorted(infos)
    labels = np.array([infos[key].label for key in keys], np.int64)
    made = made / made.sum(axis=1, keepdims=True)  # of float32: 1 but for its last digits
    facts = tuple(infos[key] for key in keys)
    return Answers(Scored(facts, labels, made.astype(np.float64), WHOLE_IMAGE), results)


def _of_findings(evidence: Evidence, split: str, findings: list[Findings]) -> Answers:
    made = np.array([rules.of_findings(found) for found in findings])
    infos = evidence.shards.describe(split)
    results = [
        image_results.result_of(
            infos[key],
            key,
            infos[key].label,
            (infos[key].boxes_xyxy_px, infos[key].pathologies - 1),
            (found.boxes_xyxy_px, found.scores, found.cancer_shares > 0.5),  # noqa: PLR2004  # the likelier of two
        )
        for key, found in zip(sorted(infos), findings, strict=True)
    ]
    return _answers(evidence, split, made, results)
