"""What trained models say of every view of a split: each is asked once, whichever concepts need it."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from mammo.clinical import findings, fusing, questions
from mammo.clinical.findings import Findings
from mammo.clinical.labels import KNOWN
from mammo.common.errors import InputError
from mammo.concepts import both_projections, mirroring, second_look
from mammo.concepts.concept import Concept, NoSourceError, Role
from mammo.concepts.second_look import FoundView
from mammo.config.data import CropConfig
from mammo.data.batch import Detections
from mammo.data.index import RecordInfo
from mammo.data.shards import Shards
from mammo.metrics import image_results
from mammo.metrics.image_results import ImageResult
from mammo.metrics.scoring import Scored

_LIKELIER = 0.5  # of two classes


class Predictions(NamedTuple):
    """What a model makes of every view of a split.

    Attributes:
        keys: int64 [N], ascending.
        values: N rows: probabilities, float [C], or the `Detections` of one view.
    """

    keys: np.ndarray
    values: Sequence[np.ndarray | Detections]


class AskedModel(Protocol):
    """A trained network that can be asked about shards: one of a workdir, or one of a bundle."""

    @property
    def crop(self) -> CropConfig | None:
        """How its crops are cut, if it judges crops."""
        ...

    def predict(self, shards: Shards, split: str, *, is_mirrored: bool = False) -> Predictions:
        """Predicts every view of a split, or its mirror image (see `mirroring`)."""
        ...

    def classify(self, images: np.ndarray) -> np.ndarray:
        """Returns probabilities, float64 [M, C], of images that are in no shards, float32 [M, H, W, channels]."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """What a concept says of a split.

    Attributes:
        keys: Of the views whose truth is known, ascending.
        scored: These views, with the probabilities of normal, benign and cancer.
        results: The same views with what was found in them, of a concept that gives boxes.
    """

    keys: tuple[int, ...]
    scored: Scored
    results: list[ImageResult] | None = None


class Evidence:
    """Models and shards, and what the ones have said of the others."""

    def __init__(
        self,
        open_model: Callable[[Role], AskedModel],
        shards: Shards,
        source_dir: pathlib.Path | None,
        *,
        flips: bool = False,
    ) -> None:
        """Asks nothing yet.

        Args:
            open_model: Loads the model of a role.
            shards: Of the views.
            source_dir: Where the files lie that the shards are made of, for the second look.
            flips: Whether detectors look at each view's mirror image, too.
        """
        self.shards, self.flips = shards, flips
        self._open_model, self._source_dir = open_model, source_dir
        self._models: dict[Role, AskedModel] = {}
        self._splits: dict[str, _Split] = {}

    def answers(self, concept: Concept, split: str) -> Answers:
        """Has a concept answer for every view of a split."""
        views = self._splits.setdefault(split, _Split(self, split))
        made = concept.answer(views)
        infos = views.infos
        probabilities = made.probabilities / made.probabilities.sum(axis=1, keepdims=True)  # float32 sums to nearly 1
        labels = np.array([info.label for info in infos], np.int64)
        scored = Scored(tuple(infos), labels, probabilities.astype(np.float64), questions.WHOLE_IMAGE)
        if made.findings is None:
            return Answers(tuple(views.keys), scored)
        facts = zip(views.keys, infos, made.findings, strict=True)
        return Answers(tuple(views.keys), scored, [_result(key, info, found) for key, info, found in facts])

    def model(self, role: Role) -> AskedModel:
        """Returns the model of a role, loaded once."""
        if role not in self._models:
            self._models[role] = self._open_model(role)
        return self._models[role]

    def source_of(self, info: RecordInfo) -> pathlib.Path:
        """Returns the file that a view was made of.

        Raises:
            InputError: Nobody has said where they lie.
        """
        return _source_of(self.shards, self._source_dir, info)


class _Split:
    """The models of `Evidence` asked about the views of one split; meets `concept.Models`.

    Boxes are in pixels of the prepared views, as those of the lesions are in shards.
    """

    def __init__(self, evidence: Evidence, split: str) -> None:
        self._evidence, self._split = evidence, split
        described = evidence.shards.describe(split)
        # Views of which nobody knows the truth are asked about for nothing.
        self.keys = sorted(key for key, info in described.items() if info.label in KNOWN)
        self.infos = [described[key] for key in self.keys]
        self._predicted: dict[tuple[Role, bool], Predictions] = {}
        self._of_breasts: dict[Role, np.ndarray] = {}
        self._detected: dict[Role, list[Findings]] = {}
        self._judged: dict[Role, tuple[Sequence[Findings], list[Findings]]] = {}

    @property
    def view_count(self) -> int:
        return len(self.keys)

    def classify(self, role: Role) -> np.ndarray:
        return np.array(self._predict(role).values, np.float64)

    def classify_breasts(self, role: Role) -> np.ndarray:
        if role not in self._of_breasts:
            asked = self._evidence
            classifier = asked.model(role).classify
            self._of_breasts[role] = both_projections.classify(asked.shards, self._split, self.keys, classifier)
        return self._of_breasts[role]

    def detect(self, role: Role) -> list[Findings]:
        if role not in self._detected:
            found = self._found(role, is_mirrored=False)
            if self._evidence.flips:
                mirrored = self._found(role, is_mirrored=True)
                found = [fusing.fuse(looks) for looks in zip(found, mirrored, strict=True)]
            self._detected[role] = found
        return self._detected[role]

    def judge(self, role: Role, found: Sequence[Findings]) -> list[Findings]:
        of_these, judged = self._judged.get(role, (None, []))
        if of_these is not found:
            model = self._evidence.model(role)
            assert model.crop is not None, f"{role} judges no crops"
            views = [
                FoundView(self._evidence.source_of(info), info.placement, its)
                for info, its in zip(self.infos, found, strict=True)
            ]
            judged = list(second_look.judge(views, model.classify, model.crop, unit=f" {self._split} view"))
            self._judged[role] = (found, judged)
        return judged

    def _predict(self, role: Role, *, is_mirrored: bool = False) -> Predictions:
        if (role, is_mirrored) not in self._predicted:
            model = self._evidence.model(role)
            made = model.predict(self._evidence.shards, self._split, is_mirrored=is_mirrored)
            assert made.keys.tolist() == self.keys, f"{role} was asked about every view of {self._split}, once"
            self._predicted[role, is_mirrored] = made
        return self._predicted[role, is_mirrored]

    def _found(self, role: Role, *, is_mirrored: bool) -> list[Findings]:
        made = []
        for info, detections in zip(self.infos, self._predict(role, is_mirrored=is_mirrored).values, strict=True):
            assert isinstance(detections, Detections)
            found = findings_of(detections)
            if is_mirrored:
                boxes = mirroring.mirror_boxes(found.boxes_xyxy_px, info.placement.content_height_px)
                found = dataclasses.replace(found, boxes_xyxy_px=boxes)
            made.append(found)
        return made


def findings_of(detections: Detections) -> Findings:
    """Returns the findings of one view, of numpy arrays [M, ...], without the padding behind them."""
    count = int(detections.num_valid)
    return findings.of_detections(
        detections.boxes_xyxy_px[:count], detections.scores[:count], detections.classes[:count]
    )


def check_source(
    concepts: Iterable[Concept],
    shards: Shards,
    source_dir: pathlib.Path | None,
    splits: Sequence[str] = ("validation", "test"),
) -> None:
    """Checks that the files are there that a second look will read, if any of the concepts takes one.

    Raises:
        InputError: One is missing, or nobody has said where they lie.
    """
    if not any(Role.CROP_CLASSIFIER in concept.roles for concept in concepts):
        return
    for info in (info for split in splits for info in shards.describe(split).values()):
        path = _source_of(shards, source_dir, info)
        if not path.is_file():
            raise InputError(
                f"{path} is missing, which the shards were made of and the second look reads; give the folder of these "
                "files as --source_dir."
            )


def _source_of(shards: Shards, source_dir: pathlib.Path | None, info: RecordInfo) -> pathlib.Path:
    if source_dir is None:
        raise NoSourceError(shards.folder)
    return source_dir / info.path


def _result(key: int, info: RecordInfo, found: Findings) -> ImageResult:
    return image_results.result_of(
        info,
        key,
        info.label,
        (info.boxes_xyxy_px, info.pathologies - 1),
        (found.boxes_xyxy_px, found.scores, found.cancer_shares > _LIKELIER),
    )
