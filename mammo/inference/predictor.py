"""Asks the networks of a bundle about the views of an exam, by its concept."""

import dataclasses
import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from mammo.clinical import findings, fusing
from mammo.clinical.findings import Findings
from mammo.clinical.labels import NAMES
from mammo.concepts import evidence, mirroring, second_look
from mammo.concepts.catalogue import CONCEPTS
from mammo.concepts.concept import Role
from mammo.data import breast_pairs
from mammo.data.batch import Detections
from mammo.imaging.breasts import Breast
from mammo.imaging.pixel_path import PreparedImage
from mammo.inference import acceleration, networks
from mammo.inference.acceleration import Acceleration
from mammo.inference.bundles import Bundle
from mammo.inference.networks import Predict
from mammo.inference.reading import ReadView
from mammo.models.plans import ClassifierPlan

_MOST_CROPS = 16  # judged as one batch


class Answer(NamedTuple):
    """What is said of one view.

    Attributes:
        scores: Calibrated probabilities of "normal", "benign" and "cancer".
        findings: Fused, the surest first, in pixels of the file; none of a concept that gives no boxes.
    """

    scores: Mapping[str, float]
    findings: Findings


class Predictor:
    """Answers for the views of exams. Networks are loaded once."""

    def __init__(
        self, bundle: Bundle, *, precision: str = "auto", accelerated: Acceleration | Literal["auto"] | None = "auto"
    ) -> None:
        """Loads the networks.

        Args:
            bundle: What to ask.
            precision: As `networks.set_precision` takes it.
            accelerated: How many exams are answered; None: as one is; "auto": by the devices that are here.

        Raises:
            mammo.common.errors.InputError: TensorFlow cannot load a network.
        """
        self.precision = networks.set_precision(precision)
        self.facts = bundle.facts
        self._accelerated = acceleration.choose(precision) if accelerated == "auto" else accelerated
        self._bundle = bundle
        self._networks_of_many: dict[Role, Predict] = {}
        self._networks = {Role(name): networks.load(bundle, name) for name in bundle.facts.networks}

    def batch_views(self, view_count: int) -> int | None:
        """Returns how many views `predict` is best given at once where so many are to come; None: those of an exam."""
        if self._accelerated is None or view_count < self._accelerated.from_views:
            return None
        return self._accelerated.batch_images

    def predict(
        self, views: Sequence[ReadView], exams: Sequence[Hashable] | None = None, *, is_of_many: bool = False
    ) -> list[Answer]:
        """Answers for views that were read, in their order, as one batch.

        Args:
            views: What is said of a view does not depend on the others, but where the concept asks about breasts: then
                on the other projection of its breast.
            exams: Of which exam each view is; None: all are of one.
            is_of_many: Whether the networks that `batch_views` speaks of are asked; loads them where it must.
        """
        if not views:
            return []
        asked = _Views(self, views, exams or [None] * len(views), is_of_many=is_of_many)
        made, found = CONCEPTS[self.facts.concept].answer(asked)
        calibrated = self.facts.calibration.apply(made / made.sum(axis=1, keepdims=True))
        return [
            Answer(dict(zip(NAMES, map(float, row), strict=True)), Findings.none() if found is None else found[index])
            for index, row in enumerate(calibrated)
        ]

    def ask(self, role: Role, images: np.ndarray, *, is_of_many: bool = False) -> Mapping[str, np.ndarray]:
        """Returns what a network gives for images, float32 [N, H, W, C]."""
        if not is_of_many:
            return self._networks[role](images)
        if role not in self._networks_of_many:
            self._networks_of_many[role] = networks.load(self._bundle, role, self._accelerated)
        return self._networks_of_many[role](images)


class _Seen(NamedTuple):
    """What was read of one view."""

    pixels: np.ndarray
    breast: Breast
    prepared: PreparedImage

    @classmethod
    def of(cls, view: ReadView) -> "_Seen":
        assert view.pixels is not None
        assert view.breast is not None
        assert view.prepared is not None
        return cls(view.pixels, view.breast, view.prepared)


class _Views:
    """The networks of a bundle asked about some views; meets `concept.Models`. Boxes are in pixels of their files."""

    def __init__(
        self, predictor: Predictor, views: Sequence[ReadView], exams: Sequence[Hashable], *, is_of_many: bool
    ) -> None:
        self._predictor = predictor
        self._ask = functools.partial(predictor.ask, is_of_many=is_of_many)
        self._views = [_Seen.of(view) for view in views]
        self._pairs = breast_pairs.pairs_by_view(
            [
                (exam, view.file.laterality or index)
                for index, (exam, view) in enumerate(zip(exams, views, strict=True))
            ],
            [view.file.projection for view in views],
        )
        self._images = np.stack([view.prepared.image for view in self._views])[..., None]

    @property
    def view_count(self) -> int:
        return len(self._views)

    def classify(self, role: Role) -> np.ndarray:
        return self._probabilities(role, self._images)

    def classify_breasts(self, role: Role) -> np.ndarray:
        shown = list(dict.fromkeys(self._pairs))
        images = [
            breast_pairs.stack(*(None if view is None else self._images[view, ..., 0] for view in pair))
            for pair in shown
        ]
        made = self._probabilities(role, np.stack(images)[..., None])
        return made[[shown.index(pair) for pair in self._pairs]]

    def detect(self, role: Role) -> list[Findings]:
        found = [self._in_file(view, its) for view, its in zip(self._views, self._found(role), strict=True)]
        if not self._predictor.facts.flips:
            return found
        looks = zip(found, self._found_in_mirror_images(role), strict=True)
        return [fusing.fuse(both) for both in looks]

    def judge(self, role: Role, found: Sequence[Findings]) -> list[Findings]:
        kept = [its.best(second_look.MOST_FINDINGS) for its in found]
        plan = self._predictor.facts.networks[role]
        assert isinstance(plan, ClassifierPlan)
        assert plan.crop is not None, f"{role} judges no crops"
        crops = [
            second_look.cut_from(view.pixels, view.breast, its.boxes_xyxy_px, plan.crop)
            for view, its in zip(self._views, kept, strict=True)
            if len(its)
        ]
        if not crops:
            return kept
        joined = np.concatenate(crops)
        batches = [joined[first : first + _MOST_CROPS] for first in range(0, len(joined), _MOST_CROPS)]
        made = np.concatenate([self._probabilities(role, batch) for batch in batches])
        parts = np.split(made, np.cumsum([len(its) for its in kept])[:-1])
        return [findings.judged(its, part) for its, part in zip(kept, parts, strict=True)]

    def _probabilities(self, role: Role, images: np.ndarray) -> np.ndarray:
        """What a classifier gives images, float32 [N, H, W, C]: float64 [N, C]."""
        return np.asarray(self._ask(role, images)["probabilities"], np.float64)

    def _found(self, role: Role, images: np.ndarray | None = None) -> list[Findings]:
        """What a detector finds, in pixels of the images: those of the views, or others."""
        detected = self._ask(role, self._images if images is None else images)
        return [
            evidence.findings_of(Detections(**{key: value[index] for key, value in detected.items()}))
            for index in range(self.view_count)
        ]

    def _found_in_mirror_images(self, role: Role) -> list[Findings]:
        heights_px = [view.prepared.placement.content_height_px for view in self._views]
        images = np.stack(
            [mirroring.mirror_image(image, height) for image, height in zip(self._images, heights_px, strict=True)]
        )
        found = []
        for view, height_px, its in zip(self._views, heights_px, self._found(role, images), strict=True):
            boxes = mirroring.mirror_boxes(its.boxes_xyxy_px, height_px)
            found.append(self._in_file(view, dataclasses.replace(its, boxes_xyxy_px=boxes)))
        return found

    @staticmethod
    def _in_file(view: _Seen, found: Findings) -> Findings:
        boxes = view.prepared.placement.to_source(found.boxes_xyxy_px)
        return dataclasses.replace(found, boxes_xyxy_px=boxes)
