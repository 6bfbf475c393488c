"""What a bundle says of itself: bundle.json, as typed records whose values can be relied on."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NotRequired, TypedDict

from mammo.clinical.calibration import Calibration
from mammo.clinical.labels import NAMES
from mammo.clinical.operating_points import OperatingPoint
from mammo.clinical.rules import MissingProjection
from mammo.common import typed_json
from mammo.common.json_types import JsonObject
from mammo.imaging import pixel_path
from mammo.models.plans import DetectorPlan, Plan

FORMAT_VERSION = 4
"""Raised by whoever changes what a bundle holds."""

_MOST_CHARACTERS = 500
_MOST_SIDE_PX = 1 << 15
_TEMPERATURES = (0.01, 100.0)  # fitted ones are from 0.02 to 50
_MOST_BIAS = 1e3


class DataFacts(TypedDict):
    """Of what a bundle was made and judged on; what is not required is there where `Shards.facts` gave it."""

    source: str
    is_phantom: bool
    manifest_sha256: NotRequired[str]
    patients: NotRequired[dict[str, int]]
    format_version: NotRequired[int]
    labels: NotRequired[str]
    pixel_path_version: NotRequired[int]
    height_px: NotRequired[int]
    width_px: NotRequired[int]
    encoding: NotRequired[str]
    seed: NotRequired[int]
    rejected: NotRequired[int]
    widened: NotRequired[int]
    shows: NotRequired[str]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What bundle.json holds.

    Attributes:
        name: Of the bundle.
        created: When it was made, ISO 8601 in UTC.
        trained_on: What its data is, in a line, for every answer.
        concept: Name of one of `catalogue.CONCEPTS`.
        title: Of the concept, for people.
        rule: How its networks are joined, in a sentence.
        height_px: Of a prepared view.
        width_px: Of a prepared view.
        networks: The plan of each network, by role; its plan.json lies beside it.
        flips: Whether detectors look at each view's mirror image, too; what follows was chosen so.
        calibration: Of the probabilities of a view.
        missing_projection: How the projection of a breast that is not there is filled in, in the score of cancer.
        operating_points: By name, of the score of an exam; empty where validation could not tell any.
        finding_threshold: Findings below it are not shown; chosen on validation. None: the concept gives none.
        false_findings_per_image: What it brought there.
        data: Of what it was made and judged on.
        figures: Measured on the test split, as report.json has them.
        pixel_path_version: By which images are prepared.
        format_version: Of the bundle.
    """

    name: str
    created: str
    trained_on: str
    concept: str
    title: str
    rule: str
    height_px: int
    width_px: int
    networks: Mapping[str, Plan]
    flips: bool
    calibration: Calibration
    missing_projection: MissingProjection
    operating_points: Mapping[str, OperatingPoint]
    finding_threshold: float | None
    false_findings_per_image: float
    data: DataFacts
    figures: JsonObject
    pixel_path_version: int = pixel_path.PIXEL_PATH_VERSION
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        """Checks what a page, a card and an answer take for granted.

        Raises:
            ValueError: A field has a value that cannot be; the message is a clause.
        """
        for name in ("name", "title", "rule", "created", "trained_on", "concept"):
            typed_json.require(
                is_text(getattr(self, name)), f"{name} must be a line of at most {_MOST_CHARACTERS} characters"
            )
        typed_json.require(is_text(self.data["source"]), "the name of the data must be a line")
        sides_px = (self.height_px, self.width_px)
        typed_json.require(all(1 <= side <= _MOST_SIDE_PX for side in sides_px), f"{sides_px} px is no size of a view")
        least = self.finding_threshold
        typed_json.require(least is None or 0 <= least <= 1, f"a score of {least} cannot be")
        typed_json.require(self.false_findings_per_image >= 0, "findings cannot be fewer than none")
        typed_json.require(
            _TEMPERATURES[0] <= self.calibration.temperature <= _TEMPERATURES[1], "no calibration is so extreme"
        )
        biases = self.calibration.biases
        typed_json.require(
            len(biases) in (0, len(NAMES)) and all(abs(bias) <= _MOST_BIAS for bias in biases), "biases cannot be"
        )
        typed_json.require(
            set(self.calibration.untouched) < set(range(len(NAMES))),
            "untouched must name classes, and not all of them",
        )
        for name, point in self.operating_points.items():
            typed_json.require(is_text(name) and name == point.name, f"the operating point {name!r} has another name")
            _check_point(point)

    def to_json(self) -> dict[str, object]:
        """Returns what bundle.json holds, see `parse`."""
        told = {"networks": list(self.networks), "calibration": self.calibration.to_json()}
        return dataclasses.asdict(self) | told

    @property
    def gives_boxes(self) -> bool:
        """Whether it says where in a view it sees something."""
        return any(isinstance(plan, DetectorPlan) for plan in self.networks.values())


def parse(content: bytes, read_plan: Callable[[str], Plan]) -> Facts:
    """Reads what `Facts.to_json` gave.

    Args:
        content: Of bundle.json.
        read_plan: Returns the plan of a network by its role.

    Raises:
        ValueError: A field is missing, of another type, or cannot be; the message is a clause.
        InputError: As `read_plan` does.
    """
    fields = typed_json.into(typed_json.decode(content), dict[str, object])
    roles = typed_json.into(fields.get("networks"), list[str])
    facts = typed_json.into({**fields, "networks": {}}, Facts)
    return dataclasses.replace(facts, networks={role: read_plan(role) for role in roles})


def versions(content: bytes) -> tuple[int, int]:
    """Returns the versions of the format and of the pixel path that bundle.json says.

    Raises:
        ValueError: It says none; the message is a clause.
    """
    said = typed_json.into(typed_json.decode(content), _Versions)
    return said.format_version, said.pixel_path_version


@dataclasses.dataclass(frozen=True)
class _Versions:
    format_version: int
    pixel_path_version: int


def _check_point(point: OperatingPoint) -> None:
    typed_json.require(0 <= point.threshold <= 1, f"a threshold of {point.threshold} cannot be")
    typed_json.require(point.positive >= 0 and point.negative >= 0, "exams cannot be fewer than none")
    for figure in (point.sensitivity, point.specificity):
        parts = [] if figure is None else [figure["value"], figure["low"], figure["high"]]
        typed_json.require(
            all(part is None or 0 <= part <= 1 for part in parts), f"the operating point {point.name!r} cannot be"
        )


def is_text(value: str) -> bool:
    """Whether it is one line that can be shown: no control character, and none that turns the direction of text."""
    return 0 < len(value) <= _MOST_CHARACTERS and value.isprintable()
