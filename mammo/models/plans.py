"""The plan of a model: all that a trained model takes to be used, but its weights.

It is written before the first step, beside the checkpoints, as plan.json. The network is built from it alone (see
`building`), the same on every machine and for every data set: no shards are read for it, and no file of weights.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping

from mammo.common import files
from mammo.common.errors import InputError
from mammo.config import conversion, run
from mammo.config.data import CropConfig
from mammo.config.model import ClassifierNetwork, DecodingConfig, DetectorNetwork
from mammo.imaging import pixel_path
from mammo.models.anchor_grid import Anchors

FORMAT_VERSION = 1
"""Raised by whoever changes what a plan holds."""

FILE_NAME = "plan.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What identifies the data that a model was trained on.

    Attributes:
        manifest_sha256: SHA-256 of the manifest of its shards, in hexadecimal.
        source: Name of the source, as the manifest has it.
        is_phantom: Whether the images are synthetic, so that no figure is of clinical worth.
    """

    manifest_sha256: str
    source: str
    is_phantom: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What the plans of all stages have in common.

    Attributes:
        stage: Name of the stage, as --stage takes it.
        classes: What the model's scores or probabilities are of, in their order.
        height_px: Height of the images that the network takes.
        width_px: Width of the images that the network takes.
        data: What it is trained on.
        pixel_path_version: Version of the pixel path that prepares its images.
        format_version: Version of the plan itself.
    """

    stage: str
    classes: tuple[str, ...]
    height_px: int
    width_px: int
    data: TrainingData
    pixel_path_version: int = pixel_path.PIXEL_PATH_VERSION
    format_version: int = FORMAT_VERSION

    def to_json(self) -> dict[str, object]:
        """Returns what `from_json` reads."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def write(self, folder: pathlib.Path) -> None:
        """Writes plan.json into a folder, whole or not at all."""
        files.write_text(folder / FILE_NAME, json.dumps(self.to_json(), indent=2) + "\n")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectorPlan(Plan):
    """The plan of a detector.

    Attributes:
        network: What the network is like.
        anchors: What its boxes are relative to.
        decoding: How detections are chosen.
    """

    network: DetectorNetwork
    anchors: Anchors
    decoding: DecodingConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierPlan(Plan):
    """The plan of a classifier.

    Attributes:
        network: What the network is like.
        crop: How the crops are cut that it judges; None: it judges whole views.
        flip_averaging: Whether a prediction is the mean over an image and its mirror images.
    """

    network: ClassifierNetwork
    crop: CropConfig | None
    flip_averaging: bool


def from_json(fields: Mapping[str, object], where: str = FILE_NAME) -> Plan:
    """Reads what `Plan.to_json` gave.

    Args:
        fields: Of the plan.
        where: What messages call them: the file.

    Raises:
        InputError: A field is unknown, missing or of another type, or this code does not know the plan's version.
    """
    version = fields.get("format_version")
    if version != FORMAT_VERSION:
        raise InputError(f"{where} is of format {version}, this code reads {FORMAT_VERSION}; train the model again.")
    kind = DetectorPlan if fields.get("stage") == run.DETECTOR else ClassifierPlan
    return conversion.to_dataclass(kind, fields, where)


def read(folder: pathlib.Path) -> Plan:
    """Reads the plan of a model.

    Args:
        folder: The workdir of a run, or another folder that has a plan.json.

    Raises:
        InputError: There is none, as in the workdir of a run made before there were plans, or it is damaged.
    """
    path = folder / FILE_NAME
    try:
        fields = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(
            f"{folder} has no {FILE_NAME}, without which a model cannot be built; give the --workdir of a run, and "
            "train it again if an older version made it."
        ) from None
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InputError(f"{path} is damaged; train the model again.")
    return from_json(fields, str(path))
