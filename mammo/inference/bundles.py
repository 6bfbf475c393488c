"""A model bundle: a folder with all that an answer takes, and checksums of it. Nothing in it is pickled.

bundle.json      what this module writes and reads
MODEL_CARD.md    for people
networks/<name>  a SavedModel each, whose weights are constants of its graph
SHA256SUMS       of every other file, as `sha256sum --check` reads them
"""

import dataclasses
import datetime
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from mammo.clinical.calibration import Calibration
from mammo.common import files
from mammo.common.errors import InputError
from mammo.common.json_types import Interval
from mammo.imaging import pixel_path

FORMAT_VERSION = 1
"""Raised by whoever changes what a bundle holds."""

FACTS_FILE = "bundle.json"
CARD_FILE = "MODEL_CARD.md"
SUMS_FILE = "SHA256SUMS"
NETWORKS_FOLDER = "networks"
FOLDER_NAME = "bundle"
"""Of the bundle in the folder of the run that it was made from."""

CONCEPTS = ("single", "hierarchical", "hierarchical_gated", "single_stage", "multi_stage")
"""Whose models a bundle may hold, by their names in a comparison's report."""

DETECT, CLASSIFY = "detect", "classify"
"""Signatures of networks, see `mammo.inference.freezing`."""

_ADVICE = "export it again with //mammo:export"


@dataclasses.dataclass(frozen=True)
class Network:
    """One network of a bundle.

    Attributes:
        signature: Of its SavedModel: `DETECT` or `CLASSIFY`.
        height_px: Of its images.
        width_px: Of its images.
        classes: What its scores or probabilities are of.
        crop: Fields of `mammo.data.cropping.Options`, of a network that judges crops.
        anchors: Fields of `mammo.models.anchor_boxes.Anchors`, of a detector; its graph holds them, too.
    """

    signature: str
    height_px: int
    width_px: int
    classes: tuple[str, ...]
    crop: Mapping[str, Any] | None = None
    anchors: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class OperatingPoint:
    """From which score on an exam is an alarm, and what that brought on test data.

    Attributes:
        name: As the model has it: "screening".
        threshold: The least score that is an alarm; chosen on validation data.
        sensitivity: {"value", "low", "high"} on test data, by exam; None: it is not known.
        specificity: The same.
        positive: Exams of the test data with cancer.
        negative: Exams of the test data without.
    """

    name: str
    threshold: float
    sensitivity: Interval | None = None
    specificity: Interval | None = None
    positive: int = 0
    negative: int = 0

    @property
    def is_tested(self) -> bool:
        """Whether there were exams with cancer and exams without to test it on."""
        figures = (self.sensitivity, self.specificity)
        return all(figure is not None and figure["value"] is not None for figure in figures)

    @property
    def prevalence(self) -> float:
        """Of cancer in the test data."""
        return self.positive / max(self.positive + self.negative, 1)

    def true_alarms(self, prevalence: float) -> float:
        """Returns which share of the alarms is true where cancer is as common as that; 0 without alarms."""
        sensitivity, specificity = (
            (figure["value"] if figure else None) or 0.0 for figure in (self.sensitivity, self.specificity)
        )
        true, false = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
        return true / (true + false) if true > 0 else 0.0


@dataclasses.dataclass(frozen=True)
class Facts:
    """What bundle.json holds.

    Attributes:
        name: Of the bundle.
        created: When it was made, ISO 8601 in UTC.
        concept: One of `CONCEPTS`.
        title: Of the concept, for people.
        rule: How its networks are joined, in a sentence.
        height_px: Of a prepared view.
        width_px: Of a prepared view.
        networks: By name.
        calibration: Of the probabilities of a view.
        operating_points: By name, of the score of an exam; empty where validation could not tell any.
        finding_threshold: Findings below it are not shown; chosen on validation. None: the concept gives none.
        false_findings_per_image: What it brought there.
        data: Of what it was made and judged on: "source", "is_phantom", "manifest_sha256" and more.
        figures: Measured on the test split, as report.json has them.
        pixel_path_version: By which images are prepared.
        format_version: Of the bundle.
    """

    name: str
    created: str
    concept: str
    title: str
    rule: str
    height_px: int
    width_px: int
    networks: Mapping[str, Network]
    calibration: Calibration
    operating_points: Mapping[str, OperatingPoint]
    finding_threshold: float | None
    false_findings_per_image: float
    data: Mapping[str, Any]
    figures: Mapping[str, Any]
    pixel_path_version: int = pixel_path.PIXEL_PATH_VERSION
    format_version: int = FORMAT_VERSION

    def to_json(self) -> dict[str, Any]:
        """Returns what `from_json` reads."""
        return dataclasses.asdict(self) | {"calibration": self.calibration.to_json()}

    @property
    def gives_boxes(self) -> bool:
        """Whether it says where in a view it sees something."""
        return any(network.signature == DETECT for network in self.networks.values())

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Facts":
        """Reads what `to_json` gave.

        Raises:
            KeyError: A field is missing.
            TypeError: A field is unknown, or of another kind.
            ValueError: A field cannot be.
        """
        networks = {
            name: Network(**network | {"classes": tuple(network["classes"])})
            for name, network in fields["networks"].items()
        }
        points = {name: OperatingPoint(**point) for name, point in fields["operating_points"].items()}
        calibration = Calibration.from_json(fields["calibration"])
        made = {"networks": networks, "operating_points": points, "calibration": calibration}
        return cls(**dict(fields) | made)


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A bundle that is whole.

    Attributes:
        folder: Where it lies.
        sha256: Of its list of checksums, and so of all that is in it.
        facts: What it is.
    """

    folder: pathlib.Path
    sha256: str
    facts: Facts


def now() -> str:
    """Returns the time as `Facts.created` has it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def seal(folder: pathlib.Path, facts: Facts) -> None:
    """Writes bundle.json and the checksums of a folder in which all else is written."""
    files.write_text(folder / FACTS_FILE, json.dumps(facts.to_json(), indent=2, allow_nan=False) + "\n")
    lines = [f"{files.sha256_of(folder / name)}  {name}\n" for name in _content(folder)]
    files.write_text(folder / SUMS_FILE, "".join(lines))


def open_bundle(folder: pathlib.Path) -> Bundle:
    """Opens a bundle, after it has been checked as a whole.

    Raises:
        InputError: It is none, it was altered, or it is of a version that is not known here.
    """
    if not (folder / SUMS_FILE).is_file() or not (folder / FACTS_FILE).is_file():
        raise InputError(f"{folder} holds no model bundle; give the folder that //mammo:export wrote.")
    _check_sums(folder)
    try:
        fields = json.loads((folder / FACTS_FILE).read_text())
        versions = fields["format_version"], fields["pixel_path_version"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{folder / FACTS_FILE} is damaged; {_ADVICE}.") from None
    for what, version, own in zip(
        ("format", "pixel path"), versions, (FORMAT_VERSION, pixel_path.PIXEL_PATH_VERSION), strict=True
    ):
        if version != own:
            raise InputError(
                f"{folder} has version {version} of the {what}, this program has {own}; {_ADVICE}, or use the "
                "program that it was made with."
            )
    try:
        return Bundle(folder, files.sha256_of(folder / SUMS_FILE), Facts.from_json(fields))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{folder / FACTS_FILE} lacks what this version takes; {_ADVICE}.") from None


def find_last(runs: pathlib.Path) -> pathlib.Path | None:
    """Returns the bundle that was made last from any run in a folder of runs; None: there is none."""
    made = []
    for path in runs.glob(f"*/{FOLDER_NAME}/{FACTS_FILE}"):
        try:
            made.append((str(json.loads(path.read_text())["created"]), path.parent))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a damaged one is told when it is asked for by name
    return max(made, default=(None, None))[1]


def _check_sums(folder: pathlib.Path) -> None:
    try:
        lines = (folder / SUMS_FILE).read_text().splitlines()
    except ValueError:
        lines = []
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    there = _content(folder)
    for name in sorted(expected.keys() | set(there)):
        if name not in there:
            raise InputError(f"{folder} was altered: {name} is missing; {_ADVICE}.")
        if expected.get(name) != files.sha256_of(folder / name):
            what = "is not what was exported" if name in expected else "was added"
            raise InputError(f"{folder} was altered: {name} {what}; {_ADVICE}.")


def _content(folder: pathlib.Path) -> list[str]:
    """All files but the checksums, by their names in the folder."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(name for name in names if name != SUMS_FILE)
