"""Decides what each synthetic exam is: its case name, patient, breasts and lesions. Nothing is drawn here.

Shares and distributions follow Mini-DDSM's sheet (1,952 cases; counted from the published spreadsheets). What is
rare there and matters to a reader of the format (second and third outlines, both breasts, one view only, a blank
age) comes somewhat more often here, so that a phantom of a hundred exams shows it.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

SIDES = ("LEFT", "RIGHT")
PROJECTIONS = ("CC", "MLO")

_SHARE_BOTH_BREASTS = 0.10  # Mini-DDSM: 110 of 1,350 cases with a lesion
_SHARE_ONE_VIEW = 0.08  # Mini-DDSM: 90 of 1,460 breasts with a lesion
_SHARES_OF_LESION_COUNT = (0.85, 0.10, 0.05)  # one, two, three; Mini-DDSM: 2,596, 172 and 62 of 2,830 images
_SHARE_BENIGN_BESIDE_CANCER = 0.5  # as RIGHT of C_0007
_SHARE_UNKNOWN = 0.015  # of ages and, apart, of densities; Mini-DDSM: 3 and 1 of 1,952 cases
_SHARES_OF_SUBTLETY = (0.03, 0.08, 0.20, 0.29, 0.40)  # CBIS-DDSM's mass views, from 1 (subtle) to 5 (obvious)
_SHARES_OF_FINDING = (0.84, 0.04, 0.12)  # mass, calcifications, both
_MEDIAN_MASS_MM, _SPREAD_MASS = 14.0, 0.36  # lognormal through the quartiles of CBIS-DDSM's mass boxes, 11 and 18 mm
_MEDIAN_CLUSTER_MM, _SPREAD_CLUSTER = 13.0, 0.35


@dataclasses.dataclass(frozen=True)
class Stratum:
    """Cases of one status from one DDSM volume.

    Attributes:
        status: "Benign", "Cancer" or "Normal".
        volume: "A" to "D".
        count: How many such cases Mini-DDSM has.
        numbers: Case numbers, in the range that they have there; no two strata of one volume share one.
    """

    status: str
    volume: str
    count: int
    numbers: range


STRATA = (
    Stratum("Cancer", "A", 192, range(1001, 3000, 2)),
    Stratum("Cancer", "B", 155, range(3001, 4000, 2)),
    Stratum("Cancer", "C", 233, range(1, 1000, 2)),
    Stratum("Cancer", "D", 99, range(4001, 4500, 2)),
    Stratum("Benign", "A", 267, range(1000, 3000, 2)),
    Stratum("Benign", "B", 130, range(3000, 4000, 2)),
    Stratum("Benign", "C", 180, range(2, 1000, 2)),
    Stratum("Benign", "D", 94, range(4000, 4500, 2)),
    Stratum("Normal", "A", 500, range(2, 1000)),
    Stratum("Normal", "D", 102, range(4500, 5000)),
)
_CASES = sum(stratum.count for stratum in STRATA)
MAX_EXAMS = min(len(stratum.numbers) * _CASES // stratum.count for stratum in STRATA) - len(STRATA)

_AGES = {"Cancer": (61.1, 12.8, 31, 89), "Benign": (53.5, 12.2, 27, 89), "Normal": (58.4, 11.8, 35, 88)}
_DENSITIES = {"Cancer": (99, 275, 217, 87), "Benign": (86, 264, 199, 122), "Normal": (84, 216, 164, 138)}


@dataclasses.dataclass(frozen=True)
class Physique:
    """A breast's size and make-up, the same in both its views.

    Attributes:
        depth_mm: From the chest wall to the skin behind the nipple.
        half_height_mm: Half its extent along the chest wall.
        thickness_mm: Under compression.
        density: BI-RADS 1 (fatty) to 4 (extremely dense).
        seed: For what both its views share.
    """

    depth_mm: float
    half_height_mm: float
    thickness_mm: float
    density: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Lesion:
    """One abnormality, as both views and the .OVERLAY files tell it.

    Attributes:
        is_malignant: Whether it is cancer.
        has_mass: Whether a mass shows.
        has_calcifications: Whether microcalcifications show.
        diameter_mm: Of the mass, or of the cluster.
        depth: Distance behind the nipple as a share of the breast's depth.
        across: Where between the borders of the breast at that depth, -1 to 1, in CC and in MLO.
        subtlety: 1 (subtle) to 5 (obvious).
        assessment: BI-RADS category.
        projections: The views that show it.
        seed: For its shape.
    """

    is_malignant: bool
    has_mass: bool
    has_calcifications: bool
    diameter_mm: float
    depth: float
    across: tuple[float, float]
    subtlety: int
    assessment: int
    projections: tuple[str, ...]
    seed: int


@dataclasses.dataclass(frozen=True)
class Breast:
    """One breast: what it is like and what is in it."""

    physique: Physique
    lesions: tuple[Lesion, ...]


@dataclasses.dataclass(frozen=True)
class Case:
    """One exam: four views of two breasts.

    Attributes:
        case_id: As Mini-DDSM names cases: "C_0236_1".
        status: "Benign", "Cancer" or "Normal".
        volume: "A" to "D".
        folder: Four digits.
        age_years: None where the sheet leaves it blank.
        density: BI-RADS 1 to 4, or 0 where the sheet does not know it.
        breasts: By side.
    """

    case_id: str
    status: str
    volume: str
    folder: str
    age_years: int | None
    density: int
    breasts: dict[str, Breast]


def allocate(exams: int) -> list[tuple[Stratum, int]]:
    """Returns the stratum and the case number of the first `exams` exams.

    Any prefix keeps Mini-DDSM's shares of status, and of volume within a status, to within one exam.

    Raises:
        ValueError: More exams than `MAX_EXAMS`, for which the strata have no numbers.
    """
    if exams > MAX_EXAMS:
        raise ValueError(f"expected at most {MAX_EXAMS} exams, got {exams}")
    statuses = tuple(dict.fromkeys(stratum.status for stratum in STRATA))
    strata = {status: [stratum for stratum in STRATA if stratum.status == status] for status in statuses}
    turns = {status: _fair_turns([stratum.count for stratum in strata[status]]) for status in statuses}
    used = dict.fromkeys(STRATA, 0)
    allocated = []
    for turn in itertools.islice(_fair_turns([sum(s.count for s in strata[status]) for status in statuses]), exams):
        status = statuses[turn]
        stratum = strata[status][next(turns[status])]
        allocated.append((stratum, stratum.numbers[used[stratum]]))
        used[stratum] += 1
    return allocated


def _fair_turns(weights: Sequence[int]) -> Iterator[int]:
    """Yields indices for ever, each time the one that is furthest behind its share."""
    given = [0] * len(weights)
    for step in itertools.count(1):
        behind = [weight * step / sum(weights) - had for weight, had in zip(weights, given, strict=True)]
        index = behind.index(max(behind))
        given[index] += 1
        yield index


def plan(stratum: Stratum, number: int, rng: np.random.Generator) -> Case:
    """Draws one exam of a stratum."""
    mean, spread, youngest, oldest = _AGES[stratum.status]
    age_years = int(np.clip(rng.normal(mean, spread), youngest, oldest))
    shares = np.array(_DENSITIES[stratum.status])
    density = 1 + int(rng.choice(4, p=shares / shares.sum()))
    is_age_known, is_density_known = rng.random(2) >= _SHARE_UNKNOWN
    return Case(
        case_id=f"{stratum.volume}_{number:04d}_1",
        status=stratum.status,
        volume=stratum.volume,
        folder=f"{number:04d}",
        age_years=age_years if is_age_known else None,
        density=density if is_density_known else 0,
        breasts=_plan_breasts(stratum.status, density, rng),
    )


def _plan_breasts(status: str, density: int, rng: np.random.Generator) -> dict[str, Breast]:
    # Fatty breasts are larger and compress to more.
    depth_mm = float(np.clip(rng.normal(100 - 4 * density, 12), 62, 124))
    half_height_mm = float(np.clip(depth_mm * rng.normal(0.88, 0.07), 54, 106))
    thickness_mm = float(np.clip(rng.normal(56 - 3 * density, 6), 30, 70))
    affected = _affected_sides(status, rng)
    breasts = {}
    for side in SIDES:
        likeness = rng.normal(1, 0.03, 3)  # left and right resemble each other
        physique = Physique(
            depth_mm * float(likeness[0]),
            half_height_mm * float(likeness[1]),
            thickness_mm * float(likeness[2]),
            density,
            seed=int(rng.integers(2**32)),
        )
        is_cancer = side in affected and status == "Cancer"
        if len(affected) > 1 and side == affected[1]:
            is_cancer = is_cancer and rng.random() >= _SHARE_BENIGN_BESIDE_CANCER
        breasts[side] = Breast(physique, _plan_lesions(physique, is_cancer, rng) if side in affected else ())
    return breasts


def _affected_sides(status: str, rng: np.random.Generator) -> tuple[str, ...]:
    """The sides with a lesion; the first holds the case's worst."""
    if status == "Normal":
        return ()
    first = int(rng.integers(2))
    if rng.random() < _SHARE_BOTH_BREASTS:
        return SIDES[first], SIDES[1 - first]
    return (SIDES[first],)


def _plan_lesions(physique: Physique, is_cancer: bool, rng: np.random.Generator) -> tuple[Lesion, ...]:
    count = 1 + int(rng.choice(3, p=_SHARES_OF_LESION_COUNT))
    projections: tuple[str, ...] = PROJECTIONS
    if rng.random() < _SHARE_ONE_VIEW:
        projections = (PROJECTIONS[int(rng.integers(2))],)
    # Several lesions lie apart: each has its own strip between the borders of the breast.
    strips = rng.permutation(np.linspace(-0.75, 0.75, count)) if count > 1 else np.array([rng.uniform(-0.75, 0.75)])
    lesions = []
    for index, strip in enumerate(strips):
        is_malignant = is_cancer and (index == 0 or rng.random() >= _SHARE_BENIGN_BESIDE_CANCER)
        jitter = rng.normal(0, 0.06, 2)
        across = (float(strip + jitter[0]), float((strip if count > 1 else rng.uniform(-0.8, 0.8)) + jitter[1]))
        largest_mm = physique.half_height_mm * (0.55 if count == 1 else 0.26)
        lesions.append(_plan_lesion(physique, is_malignant, across, largest_mm, projections, rng))
    return tuple(lesions)


def _plan_lesion(
    physique: Physique,
    is_malignant: bool,
    across: tuple[float, float],
    largest_mm: float,
    projections: tuple[str, ...],
    rng: np.random.Generator,
) -> Lesion:
    finding = int(rng.choice(3, p=_SHARES_OF_FINDING))
    has_mass, has_calcifications = finding != 1, finding != 0
    median_mm, spread = (_MEDIAN_MASS_MM, _SPREAD_MASS) if has_mass else (_MEDIAN_CLUSTER_MM, _SPREAD_CLUSTER)
    diameter_mm = float(np.clip(rng.lognormal(np.log(median_mm), spread), 6, min(45, largest_mm)))
    deepest = min(0.72, 1 - (diameter_mm / 2 + 8) / physique.depth_mm)  # clear of the chest wall
    return Lesion(
        is_malignant=is_malignant,
        has_mass=has_mass,
        has_calcifications=has_calcifications,
        diameter_mm=diameter_mm,
        depth=float(rng.uniform(0.22, deepest)),
        across=across,
        subtlety=1 + int(rng.choice(5, p=_SHARES_OF_SUBTLETY)),
        assessment=int(rng.choice((4, 5))) if is_malignant else int(rng.choice((2, 3, 4))),
        projections=projections,
        seed=int(rng.integers(2**32)),
    )
