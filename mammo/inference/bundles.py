"""A model bundle: a folder with all that an answer takes, and checksums of it. Nothing in it is pickled.

bundle.json      what this module writes and reads
MODEL_CARD.md    for people
networks/<role>  a SavedModel, whose weights are constants of its graph, and its plan.json
SHA256SUMS       of every other file, as `sha256sum --check` reads them
"""

import dataclasses
import datetime
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from mammo.clinical.calibration import Calibration
from mammo.clinical.exams import ModelInfo
from mammo.clinical.operating_points import OperatingPoint
from mammo.clinical.rules import MissingProjection
from mammo.common import files
from mammo.common.errors import InputError
from mammo.common.json_types import JsonObject
from mammo.concepts.catalogue import CONCEPTS
from mammo.imaging import pixel_path
from mammo.models import plans
from mammo.models.plans import DetectorPlan, Plan

FORMAT_VERSION = 2
"""Raised by whoever changes what a bundle holds."""

FACTS_FILE = "bundle.json"
CARD_FILE = "MODEL_CARD.md"
SUMS_FILE = "SHA256SUMS"
NETWORKS_FOLDER = "networks"
FOLDER_NAME = "bundle"
"""Of the bundle in the folder of the run that it was made from."""

DETECT, CLASSIFY = "detect", "classify"
"""Signatures of networks, see `mammo.inference.freezing`."""

_ADVICE = "export it again with //mammo:export"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What bundle.json holds.

    Attributes:
        name: Of the bundle.
        created: When it was made, ISO 8601 in UTC.
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
    networks: Mapping[str, Plan]
    flips: bool
    calibration: Calibration
    missing_projection: MissingProjection
    operating_points: Mapping[str, OperatingPoint]
    finding_threshold: float | None
    false_findings_per_image: float
    data: JsonObject
    figures: JsonObject
    pixel_path_version: int = pixel_path.PIXEL_PATH_VERSION
    format_version: int = FORMAT_VERSION

    def to_json(self) -> dict[str, object]:
        """Returns what `from_json` reads."""
        told = {"networks": list(self.networks), "calibration": self.calibration.to_json()}
        return dataclasses.asdict(self) | told

    @property
    def gives_boxes(self) -> bool:
        """Whether it says where in a view it sees something."""
        return any(isinstance(plan, DetectorPlan) for plan in self.networks.values())

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], networks_folder: pathlib.Path) -> "Facts":
        """Reads what `to_json` gave.

        Args:
            fields: Of bundle.json.
            networks_folder: Holds a folder with a plan for each network.

        Raises:
            InputError: A plan cannot be used.
            KeyError: A field is missing.
            TypeError: A field is unknown, or of another kind.
            ValueError: A field cannot be.
        """
        networks = {name: plans.read(networks_folder / name) for name in fields["networks"]}
        points = {name: OperatingPoint(**point) for name, point in fields["operating_points"].items()}
        calibration = Calibration.from_json(fields["calibration"])
        made = {
            "networks": networks,
            "operating_points": points,
            "calibration": calibration,
            "missing_projection": MissingProjection(**fields["missing_projection"]),
        }
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

    @property
    def info(self) -> ModelInfo:
        """What an answer says of it."""
        return ModelInfo(self.facts.name, self.sha256, self.facts.pixel_path_version)


def now() -> str:
    """Returns the time as `Facts.created` has it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def signature_of(plan: Plan) -> str:
    """Returns the signature of the SavedModel of a network."""
    return DETECT if isinstance(plan, DetectorPlan) else CLASSIFY


def seal(folder: pathlib.Path, facts: Facts) -> None:
    """Writes bundle.json, the plans and the checksums of a folder in which all else is written."""
    for name, plan in facts.networks.items():
        network_dir = folder / NETWORKS_FOLDER / name
        network_dir.mkdir(parents=True, exist_ok=True)
        plan.write(network_dir)
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
        facts = Facts.from_json(fields, folder / NETWORKS_FOLDER)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{folder / FACTS_FILE} lacks what this version takes; {_ADVICE}.") from None
    if facts.concept not in CONCEPTS:
        raise InputError(
            f"{folder} is of the concept {facts.concept!r}, this program has {', '.join(CONCEPTS)}; use the program "
            "that it was made with."
        )
    return Bundle(folder, files.sha256_of(folder / SUMS_FILE), facts)


def is_bundle(folder: pathlib.Path) -> bool:
    """Tells whether a folder is meant as a bundle."""
    return (folder / FACTS_FILE).is_file()


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
