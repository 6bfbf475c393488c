"""Asks the networks of a bundle about the views of an exam, by the rules of its concept."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mammo.clinical import fusing, rules
from mammo.clinical.rules import Findings
from mammo.concepts import second_look
from mammo.config.data import CropConfig
from mammo.data.batch import Detections
from mammo.inference import networks
from mammo.inference.bundles import Bundle
from mammo.inference.reading import ReadView

_MOST_CROPS = 16  # judged as one batch

_LABELS = ("normal", "benign", "cancer")


class Answer(NamedTuple):
    """What is said of one view.

    Attributes:
        scores: Calibrated probabilities of "normal", "benign" and "cancer".
        findings: Fused, the surest first, in pixels of the file; none of a concept that gives no boxes.
    """

    scores: Mapping[str, float]
    findings: Findings


class _Looked(NamedTuple):
    """What one look at a batch of views gives: probabilities, float64 [N, 3], and findings in pixels of the file."""

    made: np.ndarray
    findings: Sequence[Findings] | None


class Predictor:
    """Answers for the views of exams. Networks are loaded once."""

    def __init__(self, bundle: Bundle, *, precision: str = "auto", flips: bool = False) -> None:
        """Loads the networks.

        Args:
            bundle: What to ask.
            precision: As `networks.set_precision` takes it.
            flips: Whether to look at each view's mirror image, too.

        Raises:
            errors.InputError: TensorFlow cannot load a network.
        """
        self.precision = networks.set_precision(precision)
        self.facts = bundle.facts
        self._networks = {name: networks.load(bundle, name) for name in bundle.facts.networks}
        self._flips = flips
        self._look = CONCEPTS[bundle.facts.concept]

    def predict(self, views: Sequence[ReadView]) -> list[Answer]:
        """Answers for views that were read, in their order, as one batch.

        The probabilities of a view are those of the concept, before findings are fused; of two looks they are the mean.
        """
        if not views:
            return []
        images = np.stack([view.prepared.image for view in views if view.prepared is not None])[..., None]
        looks = [self._look(self, images, views, False)]
        if self._flips:
            looks.append(self._look(self, np.ascontiguousarray(images[:, ::-1]), views, True))
        made = np.mean([look.made for look in looks], axis=0)
        calibrated = self.facts.calibration.apply(made / made.sum(axis=1, keepdims=True))
        answers = []
        for index, row in enumerate(calibrated):
            found = [look.findings[index] for look in looks if look.findings is not None]
            fused = fusing.fuse(found) if found else rules.nothing()
            answers.append(Answer(dict(zip(_LABELS, map(float, row), strict=True)), fused))
        return answers

    def ask(self, name: str, images: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns what a network gives for images, float32 [N, H, W, 1]."""
        return self._networks[name](images)

    def classify(self, name: str, images: np.ndarray) -> np.ndarray:
        """Returns the probabilities, float64 [N, C], that a classifier gives images, float32 [N, H, W, 1]."""
        return np.asarray(self.ask(name, images)["probabilities"], np.float64)

    def detect(self, name: str, images: np.ndarray, views: Sequence[ReadView], is_flipped: bool) -> list[Findings]:
        """Returns what a detector finds in views or in their mirror images, in pixels of their files."""
        detected = self.ask(name, images)
        found = []
        for index, view in enumerate(views):
            fields = Detections(**{key: value[index] for key, value in detected.items()})
            findings = rules.of_detections(fields)
            boxes = findings.boxes_xyxy_px
            if is_flipped:  # up and down: the chest wall is at the left of every prepared view
                boxes = np.stack(
                    [boxes[:, 0], self.facts.height_px - boxes[:, 3], boxes[:, 2], self.facts.height_px - boxes[:, 1]],
                    1,
                )
            assert view.prepared is not None
            boxes = view.prepared.placement.to_source(boxes)
            found.append(dataclasses.replace(findings, boxes_xyxy_px=boxes))
        return found

    def judge(self, name: str, found: Sequence[Findings], views: Sequence[ReadView]) -> list[Findings]:
        """Lets a classifier judge crops of the surest findings of each view, at full resolution."""
        kept = [findings.best(second_look.MOST_FINDINGS) for findings in found]
        options = CropConfig(**self.facts.networks[name].crop or {})
        crops = []
        for view, findings in zip(views, kept, strict=True):
            assert view.pixels is not None
            assert view.breast is not None
            if len(findings.scores):
                crops.append(second_look.cut_from(view.pixels, view.breast, findings.boxes_xyxy_px, options))
        if not crops:
            return kept
        all_crops = np.concatenate(crops)
        made = np.concatenate(
            [
                self.classify(name, all_crops[first : first + _MOST_CROPS])
                for first in range(0, len(all_crops), _MOST_CROPS)
            ]
        )
        parts = np.split(made, np.cumsum([len(findings.scores) for findings in kept])[:-1])
        return [rules.judged(findings, part) for findings, part in zip(kept, parts, strict=True)]


_Look = Callable[[Predictor, np.ndarray, Sequence[ReadView], bool], _Looked]


def _single(predictor: Predictor, images: np.ndarray, _views: Sequence[ReadView], _is_flipped: bool) -> _Looked:
    return _Looked(predictor.classify("whole_image", images), None)


def _joined(rule: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> _Look:
    def look(predictor: Predictor, images: np.ndarray, _views: Sequence[ReadView], _is_flipped: bool) -> _Looked:
        return _Looked(rule(predictor.classify("tumour", images), predictor.classify("malignancy", images)), None)

    return look


def _single_stage(predictor: Predictor, images: np.ndarray, views: Sequence[ReadView], is_flipped: bool) -> _Looked:
    return _of_findings(predictor.detect("detector", images, views, is_flipped))


def _multi_stage(predictor: Predictor, images: np.ndarray, views: Sequence[ReadView], is_flipped: bool) -> _Looked:
    found = predictor.detect("finder", images, views, is_flipped)
    return _of_findings(predictor.judge("crop_classifier", found, views))


def _of_findings(found: list[Findings]) -> _Looked:
    return _Looked(np.stack([rules.of_findings(findings) for findings in found]), found)


CONCEPTS: Mapping[str, _Look] = {
    "single": _single,
    "hierarchical": _joined(rules.hierarchical),
    "hierarchical_gated": _joined(rules.gated),
    "single_stage": _single_stage,
    "multi_stage": _multi_stage,
}
"""By their names in bundles."""
