"""Images with lesions and detections, for tests."""

from collections.abc import Sequence

import numpy as np

from mammo.evaluation import images

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
) -> images.ImageResult:
    """Makes an image of lesions and of (score, box) pairs, in any order."""
    order = sorted(range(len(found)), key=lambda index: -found[index][0])
    return images.ImageResult(
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


def random_results(seed: int, *, count: int = 12, levels: int | None = None) -> list[images.ImageResult]:
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
