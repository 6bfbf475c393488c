"""Images with lesions and detections, or with probabilities, for tests."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mammo.clinical.questions import LEFT_OUT, WHOLE_IMAGE, Classes
from mammo.imaging.placements import Placement
from mammo.metrics.image_results import ImageResult
from mammo.metrics.scoring import Scored

AS_IT_IS = Placement((0, 0, 100, 200), 200, 100, False)
Box = Sequence[float]


def make_result(
    truth: Sequence[Box] = (),
    found: Sequence[tuple[float, Box]] = (),
    *,
    patient_id: str = "p",
    path: str = "image.png",
    truth_classes: Sequence[int] | None = None,
    classes: Sequence[int] | None = None,
    **facts,
) -> ImageResult:
    """Makes an image of lesions and of (score, box) pairs, in any order."""
    order = sorted(range(len(found)), key=lambda index: -found[index][0])
    return ImageResult(
        patient_id=patient_id,
        path=path,
        truth_boxes_xyxy_px=np.array(truth, np.float64).reshape(-1, 4),
        truth_classes=np.array([1] * len(truth) if truth_classes is None else truth_classes, np.int64),
        boxes_xyxy_px=np.array([found[index][1] for index in order], np.float64).reshape(-1, 4),
        scores=np.array([found[index][0] for index in order], np.float64),
        classes=np.array([1] * len(found) if classes is None else [classes[index] for index in order], np.int64),
        label=2 if len(truth) else 0,
        **facts,
    )


def random_results(seed: int, *, count: int = 12, levels: int | None = None) -> list[ImageResult]:
    """Draws images of several patients, with lesions of two classes that some of the detections lie near.

    Args:
        seed: Of the draw.
        count: Of images, of which each three are of one patient.
        levels: How many scores there are, so that many are equal; None draws them anew each.
    """
    generator = np.random.default_rng(seed)
    results = []
    for index in range(count):
        truth = _boxes(generator, generator.integers(0, 4))
        near = truth + generator.normal(0, 8, truth.shape)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        boxes = np.concatenate([near, _boxes(generator, generator.integers(0, 6))])
        scores = generator.random(len(boxes))
        scores = scores if levels is None else np.floor(scores * levels) / levels
        results.append(
            make_result(
                truth.tolist(),
                list(zip(scores.tolist(), boxes.tolist(), strict=True)),
                patient_id=f"p{index // 3}",
                path=f"{index}.png",
                truth_classes=generator.integers(0, 2, len(truth)).tolist(),
                classes=generator.integers(0, 2, len(boxes)).tolist(),
            )
        )
    return results


def _boxes(generator: np.random.Generator, count: int) -> np.ndarray:
    corners = generator.uniform(0, 300, (count, 2))
    return np.concatenate([corners, corners + generator.uniform(20, 80, (count, 2))], axis=1)


@dataclasses.dataclass(frozen=True, eq=False)
class Facts:
    """What `mammo.data.shards.RecordInfo` tells of an image, as far as an evaluation asks."""

    patient_id: str = "p"
    path: str = "image.png"
    exam_id: str = "e"
    volume: str = "A"
    laterality: str = "left"
    projection: str = "cc"
    density: int = 2
    age_years: float = 55.0
    label: int = 0
    boxes_xyxy_px: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 4), np.float32))
    pathologies: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    areas_px: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.float32))
    source_height_px: int = 200
    source_spacing_mm: float = -1.0
    placement: Placement = AS_IT_IS


def make_facts(boxes: Sequence[Box] = (), *, pathologies: Sequence[int] | None = None, **facts) -> Facts:
    """Makes what is known of an image with lesions, cancers if not told otherwise, whose outlines are not known."""
    chosen = np.array([2] * len(boxes) if pathologies is None else pathologies, np.int64)
    return Facts(
        **{
            "label": int(chosen.max(initial=0)),
            "boxes_xyxy_px": np.array(boxes, np.float32).reshape(-1, 4),
            "pathologies": chosen,
            "areas_px": np.full(len(boxes), -1.0, np.float32),
            **facts,
        }
    )


def random_scored(
    seed: int,
    *,
    patients: int = 12,
    skill: float = 1.5,
    levels: int | None = None,
    classes: Classes = WHOLE_IMAGE,
) -> Scored:
    """Draws exams of four views, one a patient, with probabilities that tell something of their labels.

    Args:
        seed: Of the draw.
        patients: How many; a breast has a lesion in both views or in none.
        skill: How much the probabilities tell.
        levels: How many levels the log-probabilities have, so that many are equal; None draws them anew each.
        classes: What is told apart.
    """
    generator = np.random.default_rng(seed)
    facts, labels = [], []
    for patient in range(patients):
        exam: dict = {"patient_id": f"p{patient}", "exam_id": f"e{patient}", "density": int(generator.integers(0, 5))}
        exam |= {"age_years": float(generator.integers(40, 90)), "volume": "ABCD"[patient % 4]}
        for laterality in ("left", "right"):
            label = int(generator.integers(0, 3))
            side_px = float(generator.uniform(5, 60))
            boxes = [(10, 10, 10 + side_px, 10 + side_px)] if label else []
            for projection in ("cc", "mlo"):
                view = {"laterality": laterality, "projection": projection}
                path = f"{patient}/{laterality}_{projection}.png"
                facts.append(make_facts(boxes, pathologies=[label] * len(boxes), path=path, **exam, **view))
                labels.append(label)
    truth = classes.truth(np.array(labels))
    kept = truth != LEFT_OUT
    logits = generator.normal(size=(len(labels), len(classes.names)))
    logits += skill * np.eye(len(classes.names))[truth]
    logits = logits if levels is None else np.round(logits * levels) / levels
    powers = np.exp(logits)[kept]
    chosen = tuple(fact for fact, is_kept in zip(facts, kept, strict=True) if is_kept)
    return Scored(chosen, np.array(labels)[kept], powers / powers.sum(axis=1, keepdims=True), classes)
