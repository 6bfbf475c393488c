"""Sensitivity and false alarms of a detector for groups of images and of lesions."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mammo.clinical import labels
from mammo.metrics import bootstrap, groups, image_results, matching
from mammo.metrics.figures import Counts, GroupFigures
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
) -> dict[str, dict[str, GroupFigures]]:
    """Returns the figures of each group at one threshold, which the intervals take as given.

    Args:
        results: The images.
        facts: What is known of each image; its lesions come in the same order.
        rule: When a lesion counts as found.
        threshold: The least score that counts as a detection, the same for all groups.
        resamples: How many samples of patients the intervals are made from.
        seed: Seed of those samples.

    Returns:
        By density, age, projection and volume of the image, and by lesion_size and pathology of the lesion: for each
        group "n", "sensitivity", and, where it is made of images, "false_positives_per_image".

    Raises:
        ValueError: An image does not have as many lesions as its facts.
    """
    _check(results, facts)
    counted = _Counted.at(results, rule, threshold)
    drawing = {"resamples": resamples, "seed": seed}
    sizes = [size for fact in facts for size in groups.lesion_sizes(fact)]
    pathologies = [labels.NAMES[pathology] for fact in facts for pathology in fact.pathologies]
    made = {
        kind: {name: counted.of_images(is_in, **drawing) for name, is_in in groups.members(kind, names).items()}
        for kind, names in groups.of_images(facts).items()
    }
    for kind, names in (("lesion_size", sizes), ("pathology", pathologies)):
        members = groups.members(kind, names)
        made[kind] = {name: counted.of_lesions(is_in, **drawing) for name, is_in in members.items()}
    return made


@dataclasses.dataclass(frozen=True, eq=False)
class _Counted:
    """N images with L lesions in all, at one threshold.

    Attributes:
        patients: The patient of each image, int64 [N].
        image_of: The image of each lesion, int64 [L].
        is_found: Which lesions are found, bool [L].
        alarms: The number of false alarms in each image, int64 [N].
    """

    patients: np.ndarray
    image_of: np.ndarray
    is_found: np.ndarray
    alarms: np.ndarray

    @classmethod
    def at(cls, results: Sequence[ImageResult], rule: Rule, threshold: float) -> "_Counted":
        """Counts what is found at a threshold, and the false alarms."""
        image_of = np.repeat(np.arange(len(results)), [len(result.truth_classes) for result in results])
        is_found, alarms = _at(results, rule, threshold)
        return cls(image_results.patients(results)[1], image_of, is_found, alarms)

    def of_lesions(self, is_in: np.ndarray, *, resamples: int, seed: int) -> GroupFigures:
        """Returns the figures of a group of lesions, bool [L]."""
        images, owners = self.image_of[is_in], self.patients[self.image_of]
        n: Counts = {
            "patients": len(set(owners[is_in])),
            "images": len(set(images)),
            "lesions": int(is_in.sum()),
        }
        found = bootstrap.share(self.is_found & is_in, is_in, owners, resamples=resamples, seed=seed)
        return {"n": n, "sensitivity": found}

    def of_images(self, is_in: np.ndarray, *, resamples: int, seed: int) -> GroupFigures:
        """Returns the figures of a group of images, bool [N]."""
        made = self.of_lesions(is_in[self.image_of], resamples=resamples, seed=seed)
        made["n"] = {**made["n"], "patients": len(set(self.patients[is_in])), "images": int(is_in.sum())}
        made["false_positives_per_image"] = bootstrap.share(
            self.alarms, is_in, self.patients, resamples=resamples, seed=seed
        )
        return made


def _check(results: Sequence[ImageResult], facts: Sequence[ImageFacts]) -> None:
    for result, fact in zip(results, facts, strict=True):
        if len(result.truth_classes) != len(fact.pathologies):
            raise ValueError(f"{result.path} has {len(fact.pathologies)} lesions, got {len(result.truth_classes)}")


def _at(results: Sequence[ImageResult], rule: Rule, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns which lesions of all images are found, bool [lesions], and the false alarms of each image, int64 [N]."""
    is_found, alarms = [np.zeros(0, bool)], []
    for result in results:
        matches, is_sure = matching.match(result, rule), result.scores >= threshold
        is_found.append(np.isin(np.arange(len(result.truth_classes)), matches.lesions[is_sure]))
        alarms.append(np.count_nonzero(matches.is_false_alarm & is_sure))
    return np.concatenate(is_found), np.array(alarms, np.int64)
