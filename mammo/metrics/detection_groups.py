"""What a detector finds, and the false alarms it brings, for groups of images and of lesions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mammo.metrics import bootstrap, groups, image_results, matching
from mammo.metrics.image_results import ImageFacts, ImageResult
from mammo.metrics.matching import Rule


def by_group(
    results: Sequence[ImageResult],
    facts: Sequence[ImageFacts],
    rule: Rule,
    threshold: float,
    *,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Returns the figures of each group at one threshold, which the intervals take as given.

    Args:
        results: The images.
        facts: Of each of them; their lesions come in the same order.
        rule: When a lesion counts as found.
        threshold: The least score that counts as a detection, the same for all groups.
        resamples: Of the intervals.
        seed: Of the intervals.

    Returns:
        By density, age, projection and volume of the image, and by lesion_size and pathology of the lesion: for each
        group "n", "sensitivity", and, where it is made of images, "false_positives_per_image".

    Raises:
        ValueError: An image has not the lesions that its facts tell of.
    """
    _check(results, facts)
    drawing = {"resamples": resamples, "seed": seed}
    patients = image_results.patients(results)[1]
    is_found, alarms = _at(results, rule, threshold)
    image_of = np.repeat(np.arange(len(results)), [len(result.truth_classes) for result in results])

    def of_lesions(is_in: np.ndarray) -> dict[str, Any]:
        counted = {"patients": len(set(patients[image_of[is_in]])), "images": len(set(image_of[is_in]))}
        sensitivity = bootstrap.share(is_found & is_in, is_in, patients[image_of], **drawing)
        return {"n": {**counted, "lesions": int(is_in.sum())}, "sensitivity": sensitivity}

    def of_images(is_in: np.ndarray) -> dict[str, Any]:
        made = of_lesions(is_in[image_of])
        n = {**made["n"], "patients": len(set(patients[is_in])), "images": int(is_in.sum())}
        return {**made, "n": n, "false_positives_per_image": bootstrap.share(alarms, is_in, patients, **drawing)}

    sizes = [size for fact in facts for size in groups.lesion_sizes(fact)]
    pathologies = [image_results.LABELS[pathology] for fact in facts for pathology in fact.pathologies]
    made = {
        kind: {name: of_images(is_in) for name, is_in in groups.members(kind, names).items()}
        for kind, names in groups.of_images(facts).items()
    }
    for kind, names in (("lesion_size", sizes), ("pathology", pathologies)):
        made[kind] = {name: of_lesions(is_in) for name, is_in in groups.members(kind, names).items()}
    return made


def _check(results: Sequence[ImageResult], facts: Sequence[ImageFacts]) -> None:
    for result, fact in zip(results, facts, strict=True):
        if len(result.truth_classes) != len(fact.pathologies):
            raise ValueError(f"{result.path} has {len(fact.pathologies)} lesions, got {len(result.truth_classes)}")


def _at(results: Sequence[ImageResult], rule: Rule, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Which lesions of all images are found, bool [lesions], and how many false alarms each image has: int64 [N]."""
    is_found, alarms = [np.zeros(0, bool)], []
    for result in results:
        matches, is_sure = matching.match(result, rule), result.scores >= threshold
        is_found.append(np.isin(np.arange(len(result.truth_classes)), matches.lesions[is_sure]))
        alarms.append(np.count_nonzero(matches.is_false_alarm & is_sure))
    return np.concatenate(is_found), np.array(alarms, np.int64)
