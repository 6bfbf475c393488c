"""The configuration of a run: what all stages share, and what each stage adds. No TensorFlow."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Literal

from mammo.clinical.questions import CROP, MALIGNANCY, TUMOUR, WHOLE_IMAGE, Classes
from mammo.common.errors import InputError
from mammo.config import checks, conversion
from mammo.config.augmentation import AugmentationConfig
from mammo.config.conversion import Fields
from mammo.config.data import CropConfig, DataConfig, InputConfig
from mammo.config.loss import ClassificationLossConfig, DetectionLossConfig
from mammo.config.model import ALL_LAYERS, ClassifierModelConfig, DecodingConfig, DetectorModelConfig, ModelConfig
from mammo.config.optimizer import OptimizerConfig

DETECTOR, CROP_CLASSIFIER = "detector", "crop_classifier"
VIEW_LOOKS, CROP_LOOKS = (1, 2), (1, 2, 4, 8)
"""Over how many looks a prediction can be the mean: a view has an up and down, and its chest wall at the left."""

_CONFIG, _TRANSFER = "--config.", "--config.transfer."

Precision = Literal["auto", "float32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = typing.get_args(Precision)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """What the runs of all stages have in common.

    Attributes:
        stage: What is trained, one of `CONFIGS`.
        seed: Seed of everything that is drawn: first weights, order of the images, augmentation.
        devices: Number of devices; 0: all GPUs there are, or the processor.
        logical_processors: Parts to divide the processor into, to try several replicas without a GPU.
        precision: What networks compute in; "auto" is bfloat16 where it is faster: GPUs from Ampere on, processors
            with AMX.
        xla: Whether model and loss are compiled.
        train_steps: Length of the run, in updates of the weights.
        accumulate: Micro-batches of each replica that one update is made from.
        log_every_steps: Interval at which losses are written; 0: never.
        evaluate_every_steps: Interval at which the validation split is evaluated; 0: only at the end.
        save_every_steps: Interval at which a checkpoint is saved; 0: only at the end.
        histograms_every_steps: Interval at which TensorBoard gets histograms of weights; 0: never.
        profile: (first step, last step) to profile for TensorBoard; empty: none.
        data: How views are made where the data is not in shards yet.
        augmentation: How training images are varied.
        input: How training data is drawn and batched.
        optimizer: How weights change.
        model: The network, and how it begins.
    """

    stage: str = ""
    seed: int = 0
    devices: int = 0
    logical_processors: int = 1
    precision: Precision = "auto"
    xla: bool = False
    train_steps: int = 1000
    accumulate: int = 1
    log_every_steps: int = 20
    evaluate_every_steps: int = 250
    save_every_steps: int = 250
    histograms_every_steps: int = 0
    profile: tuple[int, ...] = ()
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    augmentation: AugmentationConfig = dataclasses.field(default_factory=AugmentationConfig)
    input: InputConfig = dataclasses.field(default_factory=InputConfig)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks the fields, and the rules across them.

        Raises:
            InputError: A field has a value that cannot be, or two contradict each other.
        """
        checks.choices(_CONFIG, self)
        checks.choice("--config.stage", self.stage, [name for name, kind in CONFIGS.items() if kind is type(self)])
        checks.at_least(_CONFIG, self, 1, "logical_processors", "train_steps", "accumulate")
        checks.at_least(_CONFIG, self, 0, "devices", "log_every_steps", "evaluate_every_steps", "save_every_steps")
        checks.at_least(_CONFIG, self, 0, "histograms_every_steps")
        checks.require(
            len(self.profile) in (0, 2),
            f"--config.profile={tuple(self.profile)} must be (first step, last step), or ().",
        )
        warmup_steps = self.optimizer.warmup_steps
        checks.require(
            warmup_steps <= self.train_steps,
            f"--config.optimizer.warmup_steps={warmup_steps} must be within the run of --config.train_steps="
            f"{self.train_steps}.",
        )


@dataclasses.dataclass(frozen=True)
class DetectorConfig(RunConfig):
    """The run of a detector.

    Attributes:
        stage: See `RunConfig`.
        model: See `RunConfig`.
        loss: What is minimised.
        decoding: How detections are chosen.
    """

    stage: str = DETECTOR
    model: DetectorModelConfig = dataclasses.field(default_factory=DetectorModelConfig)
    loss: DetectionLossConfig = dataclasses.field(default_factory=DetectionLossConfig)
    decoding: DecodingConfig = dataclasses.field(default_factory=DecodingConfig)


@dataclasses.dataclass(frozen=True)
class TransferConfig:
    """How a pretrained backbone is learnt.

    Attributes:
        frozen_steps: Number of first steps in which only the head is learnt.
        unfrozen_layers: How many layers with weights of the backbone, its last ones, are learnt from then on; -1: all.
        rate_share: Share of the learning rate that is left from then on.
        depth_share: What each block of the backbone takes of the rate of the block behind it: the first blocks see
            edges and grain, which mammograms have as well, and need little change (Howard & Ruder 2018, section 3.2).
            1: all take the same.
        head_c: Before anything is trained, the linear head is solved: a logistic regression on what the pretrained
            backbone makes of the training images, with this inverse strength of its penalty (C of scikit-learn). From
            a head that is drawn at random, the first steps would undo what the backbone knows (Kumar et al. 2022,
            "Fine-Tuning can Distort Pretrained Features"). 0: it is drawn at random.
    """

    frozen_steps: int = 0
    unfrozen_layers: int = ALL_LAYERS
    rate_share: float = 0.1
    depth_share: float = 1.0
    head_c: float = 0.0

    def __post_init__(self) -> None:
        self.validate()

    @property
    def is_freezing(self) -> bool:
        """Whether some of the backbone is not learnt for some time."""
        return self.frozen_steps > 0 or self.unfrozen_layers != ALL_LAYERS

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: A number cannot be.
        """
        checks.at_least(_TRANSFER, self, 0, "frozen_steps", "head_c")
        checks.at_least(_TRANSFER, self, ALL_LAYERS, "unfrozen_layers")
        checks.above_zero(_TRANSFER, self, "rate_share")
        checks.between(_TRANSFER, self, 0, 1, "depth_share")


@dataclasses.dataclass(frozen=True)
class ClassifierConfig(RunConfig):
    """The run of a classifier of whole views.

    Attributes:
        stage: See `RunConfig`.
        model: See `RunConfig`.
        transfer: How a pretrained backbone is learnt.
        loss: What is minimised.
        averaged_looks: Over how many looks at an image a prediction is the mean: 1, as it is; of a view 2, with its
            mirror image; of a crop 2, 4 or 8, with its mirror images and, from 8 on, those turned by a right angle.
    """

    stage: str = "whole_image"
    model: ClassifierModelConfig = dataclasses.field(default_factory=ClassifierModelConfig)
    transfer: TransferConfig = dataclasses.field(default_factory=TransferConfig)
    loss: ClassificationLossConfig = dataclasses.field(default_factory=ClassificationLossConfig)
    averaged_looks: int = 2

    @property
    def classes(self) -> Classes:
        """What the classifier tells apart."""
        return _CLASSES[self.stage]

    @property
    def looks(self) -> tuple[int, ...]:
        """What `averaged_looks` can be."""
        return VIEW_LOOKS

    def validate(self) -> None:
        """See `RunConfig.validate`."""
        super().validate()
        checks.require(
            not self.transfer.is_freezing or (self.model.is_pretrained and self.model.keeps_statistics),
            f"{_TRANSFER}frozen_steps={self.transfer.frozen_steps} and unfrozen_layers={self.transfer.unfrozen_layers} "
            "freeze a backbone, which takes --config.model.weights, and --config.model.keeps_statistics=true.",
        )
        checks.require(
            not self.transfer.head_c
            or (self.model.is_pretrained and self.model.keeps_statistics and self.model.head == "linear"),
            f"{_TRANSFER}head_c={self.transfer.head_c} solves a head, which takes --config.model.weights, "
            "--config.model.keeps_statistics=true and --config.model.head=linear.",
        )
        checks.choice(f"{_CONFIG}averaged_looks", str(self.averaged_looks), map(str, self.looks))
        checks.require(
            len(self.loss.class_weights) in (0, len(self.classes.names)),
            f"--config.loss.class_weights must be one number for each of {self.classes.names}.",
        )


@dataclasses.dataclass(frozen=True)
class CropClassifierConfig(ClassifierConfig):
    """The run of a classifier of crops.

    Attributes:
        stage: See `RunConfig`.
        crop: How a square is laid about a lesion.
        with_background: Whether it rejects false alarms, too.
        averaged_looks: See `ClassifierConfig`.
    """

    stage: str = CROP_CLASSIFIER
    crop: CropConfig = dataclasses.field(default_factory=CropConfig)
    with_background: bool = True
    averaged_looks: int = 4

    @property
    def classes(self) -> Classes:
        """What the classifier tells apart."""
        return CROP if self.with_background else MALIGNANCY

    @property
    def looks(self) -> tuple[int, ...]:
        """What `averaged_looks` can be."""
        return CROP_LOOKS


_CLASSES: Mapping[str, Classes] = {"whole_image": WHOLE_IMAGE, "tumour": TUMOUR, "malignancy": MALIGNANCY}

CONFIGS: Mapping[str, type[RunConfig]] = {
    DETECTOR: DetectorConfig,
    **dict.fromkeys(_CLASSES, ClassifierConfig),
    CROP_CLASSIFIER: CropClassifierConfig,
}
"""The configuration of each stage, by the names that --stage takes."""


def from_fields(fields: Fields, where: str = "--config") -> RunConfig:
    """Reads the configuration of a run, of whatever stage.

    Args:
        fields: As JSON or a `ConfigDict` has them.
        where: What messages call them: a flag or a file.

    Raises:
        InputError: The stage is not known, a field is unknown, missing or of another type, or a rule is broken.
    """
    stage = conversion.to_plain(fields).get("stage")
    if not isinstance(stage, str) or stage not in CONFIGS:
        raise InputError(f"{where}: stage={stage} is not known; it is one of {', '.join(CONFIGS)}.")
    return conversion.to_dataclass(CONFIGS[stage], fields, where)
