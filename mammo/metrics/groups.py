"""The groups of images and of lesions for which figures are given beside those for all."""

import bisect
import math
from collections.abc import Mapping, Sequence

import numpy as np

from mammo.clinical import labels
from mammo.metrics.image_results import ImageFacts

UNKNOWN = "unknown"

_DECADES = (50, 60, 70)  # years of age that a group begins with
_AGES = ("under 50", "50 to 59", "60 to 69", "70 and over")
_DIAMETERS_MM = (10, 20, 50)  # borders of T1b, T1c, T2 and T3 in the TNM classification of breast tumours
_SIZES_MM = ("under 10 mm", "10 to 20 mm", "20 to 50 mm", "50 mm and over")
_SHARES = (0.05, 0.1, 0.2)  # of the height of a film, some 24 cm: about the same
_SIZES = ("under 5 % of the height", "5 to 10 % of the height", "10 to 20 % of the height", "over 20 % of the height")

NAMES: Mapping[str, Sequence[str]] = {
    "density": ("1", "2", "3", "4", UNKNOWN),
    "age": (*_AGES, UNKNOWN),
    "projection": (),
    "volume": (),
    "lesion_size": (*_SIZES_MM, *_SIZES, UNKNOWN),
    "pathology": labels.LESION_NAMES,
}
"""The groups of each kind, in the order of a report; kinds without names here come in alphabetical order."""


def of_images(facts: Sequence[ImageFacts]) -> dict[str, list[str]]:
    """Returns the group of each image by density, age, projection and volume."""
    return {
        "density": [str(fact.density) if fact.density > 0 else UNKNOWN for fact in facts],
        "age": [_age(fact.age_years) for fact in facts],
        "projection": [fact.projection or UNKNOWN for fact in facts],
        "volume": [fact.volume or UNKNOWN for fact in facts],
    }


def largest_lesions(facts: Sequence[ImageFacts]) -> list[str]:
    """Returns the size of each image's largest lesion; `UNKNOWN` where no lesion is outlined."""
    return [_size(fact, _largest_px(fact)) for fact in facts]


def lesion_sizes(facts: ImageFacts) -> list[str]:
    """Returns the size of each lesion of an image: its equivalent diameter in mm, or as a share of the image's height.

    The latter is taken where the side of a pixel is not known.
    """
    return [_size(facts, diameter_px) for diameter_px in _diameters_px(facts)]


def members(kind: str, groups: Sequence[str]) -> dict[str, np.ndarray]:
    """Returns a mask of the members of each group that occurs, bool [N], in the order of `NAMES`."""
    order = [*NAMES[kind], *sorted(set(groups) - set(NAMES[kind]))]
    return {name: np.array([group == name for group in groups], bool) for name in order if name in groups}


def _age(years: float) -> str:
    return _AGES[bisect.bisect_right(_DECADES, years)] if years > 0 else UNKNOWN


def _diameters_px(facts: ImageFacts) -> np.ndarray:
    """Diameters of circles of each lesion's area, in pixels of the source; or of the ellipse in its box."""
    boxes = facts.placement.to_source(np.asarray(facts.boxes_xyxy_px, np.float64).reshape(-1, 4))
    of_ellipses = math.pi / 4 * (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    areas = np.where(np.asarray(facts.areas_px) > 0, facts.areas_px, of_ellipses)
    return np.sqrt(4 / math.pi * np.maximum(areas, 0))


def _largest_px(facts: ImageFacts) -> float:
    return float(_diameters_px(facts).max(initial=0.0))


def _size(facts: ImageFacts, diameter_px: float) -> str:
    if not diameter_px:
        return UNKNOWN
    if facts.source_spacing_mm > 0:
        return _SIZES_MM[bisect.bisect_right(_DIAMETERS_MM, diameter_px * facts.source_spacing_mm)]
    return _SIZES[bisect.bisect_right(_SHARES, diameter_px / facts.source_height_px)]
