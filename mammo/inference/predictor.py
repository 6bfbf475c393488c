"""Asks the networks of a bundle about the views of an exam, by the rules of its concept."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mammo.data import batch as batch_lib
from mammo.data import crops as crops_lib
from mammo.inference import bundle as bundle_lib
from mammo.inference import fusing, networks, probabilities, reading, second_look

_MOST_CROPS = 16  # judged as one batch

_LABELS = ("normal", "benign", "cancer")


class Answer(NamedTuple):
    """What is said of one view.

    Attributes:
        scores: Calibrated probabilities of "normal", "benign" and "cancer".
        findings: Fused, the surest first, in pixels of the file; none of a concept that gives no boxes.
    """

    scores: Mapping[str, float]
    findings: probabilities.Findings


class _Looked(NamedTuple):
    """What one look at a batch of views gives: probabilities, float64 [N, 3], and findings in pixels of the file."""

    made: np.ndarray
    findings: Sequence[probabilities.Findings] | None


class Predictor:
    """Answers for the views of exams. Networks are loaded once."""

    def __init__(self, bundle: bundle_lib.Bundle, *, precision: str = "auto", flips: bool = False) -> None:
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

    def predict(self, views: Sequence[reading.View]) -> list[Answer]:
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
            fused = fusing.fuse(found) if found else probabilities.nothing()
            answers.append(Answer(dict(zip(_LABELS, map(float, row), strict=True)), fused))
        return answers

    def ask(self, name: str, images: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns what a network gives for images, float32 [N, H, W, 1]."""
        return self._networks[name](images)

    def classify(self, name: str, images: np.ndarray) -> np.ndarray:
        """Returns the probabilities, float64 [N, C], that a classifier gives images, float32 [N, H, W, 1]."""
        return np.asarray(self.ask(name, images)["probabilities"], np.float64)

    def detect(
        self, name: str, images: np.ndarray, views: Sequence[reading.View], is_flipped: bool
    ) -> list[probabilities.Findings]:
        """Returns what a detector finds in views or in their mirror images, in pixels of their files."""
        detected = self.ask(name, images)
        found = []
        for index, view in enumerate(views):
            fields = batch_lib.Detections(**{key: value[index] for key, value in detected.items()})
            findings = probabilities.of_detections(fields)
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

    def judge(
        self, name: str, found: Sequence[probabilities.Findings], views: Sequence[reading.View]
    ) -> list[probabilities.Findings]:
        """Lets a classifier judge crops of the surest findings of each view, at full resolution."""
        kept = [findings.best(second_look.MOST_FINDINGS) for findings in found]
        options = crops_lib.Options(**self.facts.networks[name].crop or {})
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
        return [probabilities.judged(findings, part) for findings, part in zip(kept, parts, strict=True)]


_Look = Callable[[Predictor, np.ndarray, Sequence[reading.View], bool], _Looked]


def _single(predictor: Predictor, images: np.ndarray, _views: Sequence[reading.View], _is_flipped: bool) -> _Looked:
    return _Looked(predictor.classify("whole_image", images), None)


def _joined(rule: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> _Look:
    def look(predictor: Predictor, images: np.ndarray, _views: Sequence[reading.View], _is_flipped: bool) -> _Looked:
        return _Looked(rule(predictor.classify("tumour", images), predictor.classify("malignancy", images)), None)

    return look


def _single_stage(predictor: Predictor, images: np.ndarray, views: Sequence[reading.View], is_flipped: bool) -> _Looked:
    return _of_findings(predictor.detect("detector", images, views, is_flipped))


def _multi_stage(predictor: Predictor, images: np.ndarray, views: Sequence[reading.View], is_flipped: bool) -> _Looked:
    found = predictor.detect("finder", images, views, is_flipped)
    return _of_findings(predictor.judge("crop_classifier", found, views))


def _of_findings(found: list[probabilities.Findings]) -> _Looked:
    return _Looked(np.stack([probabilities.of_findings(findings) for findings in found]), found)


CONCEPTS: Mapping[str, _Look] = {
    "single": _single,
    "hierarchical": _joined(probabilities.hierarchical),
    "hierarchical_gated": _joined(probabilities.gated),
    "single_stage": _single_stage,
    "multi_stage": _multi_stage,
}
"""By their names in bundles."""
