"""The plan of a model: all that a trained model takes to be used, but its weights.

It is written before the first step, beside the checkpoints, as plan.json. The network is built from it alone (see
`building`), the same on every machine and for every data set: no shards are read for it, and no file of weights.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Literal

from mammo.common import errors, files, typed_json
from mammo.common.errors import InputError
from mammo.config import run
from mammo.config.data import CropConfig
from mammo.config.model import (
    BACKBONES,
    MOST_CHANNELS,
    MOST_DEPTH,
    ClassifierNetwork,
    DecodingConfig,
    DetectorNetwork,
)
from mammo.imaging import pixel_path
from mammo.models.anchor_grid import Anchors

FORMAT_VERSION = 2
"""Raised by whoever changes what a plan holds."""

FILE_NAME = "plan.json"

CLASS_BLIND = ("lesion",)
"""Classes of a detector that only finds."""

_MOST_SIDE_PX = 1 << 15


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What identifies the data that a model was trained on.

    Attributes:
        manifest_sha256: SHA-256 of the manifest of its shards, in hexadecimal.
        source: Name of the source, as the manifest has it.
        is_phantom: Whether the images are synthetic, so that no figure is of clinical worth.
        views_sha256: Of breasts, the SHA-256 of the manifest of the views that they are made of; None: it is of views.
    """

    manifest_sha256: str
    source: str
    is_phantom: bool
    views_sha256: str | None = None

    @property
    def data_sha256(self) -> str:
        """What identifies the views and their splits, see `Shards.data_sha256`."""
        return self.views_sha256 or self.manifest_sha256


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

    def __post_init__(self) -> None:
        """Checks what holds for all plans.

        Raises:
            ValueError: A size or a name cannot be.
        """
        if not (1 <= self.height_px <= _MOST_SIDE_PX and 1 <= self.width_px <= _MOST_SIDE_PX):
            raise ValueError(f"{self.height_px} x {self.width_px} px is no size of an image")
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise ValueError(f"the classes {self.classes} must be names, each once")

    @property
    def channels(self) -> int:
        """Of the images that the network takes."""
        return 1

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that the network takes."""
        return self.height_px, self.width_px, self.channels

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

    def __post_init__(self) -> None:
        """See `Plan`."""
        super().__post_init__()
        _check_backbone(self.network.backbone)
        network = self.network
        if not (1 <= network.pyramid_channels <= MOST_CHANNELS and 0 <= network.head_depth <= MOST_DEPTH):
            raise ValueError("no network has so many channels or layers")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierPlan(Plan):
    """The plan of a classifier.

    Attributes:
        network: What the network is like.
        crop: How the crops are cut that it judges; None: it judges whole views.
        averaged_looks: Over how many looks at an image a prediction is the mean, see `ClassifierConfig`.
        shows: What its images are where it judges no crops: "views", or "breasts", as the manifest of shards has it.
    """

    network: ClassifierNetwork
    crop: CropConfig | None
    averaged_looks: int
    shows: Literal["views", "breasts"] = "views"

    def __post_init__(self) -> None:
        """See `Plan`."""
        super().__post_init__()
        _check_backbone(self.network.backbone)
        if self.averaged_looks not in (run.CROP_LOOKS if self.crop else run.VIEW_LOOKS):
            raise ValueError(f"no prediction is the mean over {self.averaged_looks} looks")

    @property
    def channels(self) -> int:
        """Of the images: one for each square of a crop."""
        return len(self.crop.contexts) if self.crop else super().channels


def _check_backbone(name: str) -> None:
    if name not in BACKBONES:
        raise ValueError(f"the backbone {name!r} is not known")


def from_json(fields: Mapping[str, object], where: str = FILE_NAME) -> Plan:
    """Reads what `Plan.to_json` gave.

    Args:
        fields: Of the plan.
        where: What messages call them: the file.

    Raises:
        InputError: A field is missing or of another type or cannot be, or this code does not know the plan's version.
    """
    version = fields.get("format_version")
    if version != FORMAT_VERSION:
        said = f"{version!r:.40}"
        raise InputError(f"{where} is of format {said}, this code reads {FORMAT_VERSION}; train the model again.")
    kind = DetectorPlan if fields.get("stage") == run.DETECTOR else ClassifierPlan
    try:
        return typed_json.into(fields, kind)
    except (ValueError, InputError) as error:
        raise InputError(f"{where} is damaged ({errors.in_line(error)}); train the model again.") from None


def read(folder: pathlib.Path) -> Plan:
    """Reads the plan of a model.

    Args:
        folder: The workdir of a run, or another folder that has a plan.json.

    Raises:
        InputError: There is none, as in the workdir of a run made before there were plans, or it is damaged.
    """
    path = folder / FILE_NAME
    try:
        return parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise InputError(
            f"{folder} has no {FILE_NAME}, without which a model cannot be built; give the --workdir of a run, and "
            "train it again if an older version made it."
        ) from None


def parse(content: bytes, where: str) -> Plan:
    """Reads what plan.json holds.

    Args:
        content: Of the file.
        where: What messages call it.

    Raises:
        InputError: See `from_json`.
    """
    try:
        fields = typed_json.into(typed_json.decode(content), dict[str, object])
    except ValueError as error:
        raise InputError(f"{where} is damaged ({errors.in_line(error)}); train the model again.") from None
    return from_json(fields, where)
