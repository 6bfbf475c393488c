"""What networks are like, which weights they begin with, and how detections are chosen. No TensorFlow."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from mammo.config import checks

BACKBONES: Mapping[str, tuple[str, ...]] = {
    **{f"efficientnet_b{size}": ("imagenet",) for size in range(8)},
    **{f"efficientnet_lite{size}": ("imagenet",) for size in range(3)},
    "csp_darknet_nano": (),
    "csp_darknet_micro": (),
}
"""The names of backbones, each with the names of the weights that can be had for it."""

NO_WEIGHTS = "none"
MOST_CHANNELS, MOST_DEPTH = 4096, 64
"""Of the pyramid and of the heads of a detector."""

ALL_LAYERS = -1
"""As a number of unfrozen layers: all of the backbone."""

Head = Literal["study", "modern", "linear"]

_MOST_DETECTIONS, _MOST_CANDIDATES = 10_000, 1_000_000
_NAMED_WEIGHTS = frozenset(name for weights in BACKBONES.values() for name in weights)
_MODEL, _DECODING = "--config.model.", "--config.decoding."


@dataclasses.dataclass(frozen=True)
class DetectorNetwork:
    """The network of a detector, whatever weights it begins with and whatever precision it computes in.

    Attributes:
        backbone: One of `BACKBONES`.
        pyramid_channels: Channels of each level of the pyramid; 256 in Lin et al. 2017.
        head_depth: Convolutions before the last, in each of the two heads; 4 in Lin et al. 2017.
    """

    backbone: str
    pyramid_channels: int
    head_depth: int


@dataclasses.dataclass(frozen=True)
class ClassifierNetwork:
    """The network of a classifier, whatever weights it begins with and whatever precision it computes in.

    Attributes:
        backbone: One of `BACKBONES`.
        head: See `ClassifierModelConfig`.
        dropout: See `ClassifierModelConfig`.
        standardizes: See `ClassifierModelConfig`.
    """

    backbone: str
    head: Head
    dropout: float
    standardizes: bool


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """What the networks of all stages share: the backbone and how it begins.

    Attributes:
        backbone: One of `BACKBONES`.
        weights: Initial weights of the backbone: "imagenet", "none" or the path of a file. ImageNet's come with the
            environment for efficientnet_lite0 to lite2; for B0 to B7 they are fetched once from Keras's own store.
        batch_norm_momentum: Momentum of the backbone's batch normalisation: lower for runs of few steps.
        batch_norm: What batch normalisation sees on several devices. "shared": the global batch, so that an update does
            not depend on how many devices there are. "replica": the images of each device, whose statistics are
            averaged; faster, compiled with --config.xla, and as detectors are commonly trained at 8 images a GPU.
    """

    backbone: str = "csp_darknet_nano"
    weights: str = NO_WEIGHTS
    batch_norm_momentum: float = 0.9
    batch_norm: Literal["shared", "replica"] = "shared"

    def __post_init__(self) -> None:
        self.validate()

    @property
    def is_pretrained(self) -> bool:
        """Whether the backbone begins with weights that were trained before."""
        return self.weights != NO_WEIGHTS

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: The backbone is not known or has no such weights, or a number cannot be.
        """
        checks.choice(f"{_MODEL}backbone", self.backbone, BACKBONES)
        checks.choices(_MODEL, self)
        known = [name for name, weights in BACKBONES.items() if self.weights in weights]
        checks.require(
            self.weights not in _NAMED_WEIGHTS or self.backbone in known,
            f"{_MODEL}weights={self.weights}: {self.backbone} has no ImageNet weights; give {_MODEL}weights=none or a "
            f"file, or a backbone that has them: {', '.join(known)}.",
        )
        checks.below_one(_MODEL, self, "batch_norm_momentum")


@dataclasses.dataclass(frozen=True)
class DetectorModelConfig(ModelConfig):
    """The network of a detector.

    Attributes:
        pyramid_channels: See `DetectorNetwork`.
        max_levels: Most levels of the pyramid, from P3; fewer are used where that fits the lesions better.
        head_depth: See `DetectorNetwork`.
        is_class_blind: Whether it only finds lesions, and does not tell benign from cancer.
    """

    pyramid_channels: int = 32
    max_levels: int = 4
    head_depth: int = 2
    is_class_blind: bool = False

    def validate(self) -> None:
        """See `ModelConfig.validate`."""
        super().validate()
        checks.between(_MODEL, self, 1, MOST_CHANNELS, "pyramid_channels")
        checks.at_least(_MODEL, self, 1, "max_levels")
        checks.between(_MODEL, self, 0, MOST_DEPTH, "head_depth")

    @property
    def network(self) -> DetectorNetwork:
        """What is left of it once the network is trained."""
        return DetectorNetwork(self.backbone, self.pyramid_channels, self.head_depth)


@dataclasses.dataclass(frozen=True)
class ClassifierModelConfig(ModelConfig):
    """The network of a classifier.

    Attributes:
        head: "study": max pooling by two, flatten, batch normalisation, ten units with ReLU, dropout, softmax.
            "modern": the mean and the maximum of each feature at strides 8, 16 and 32, batch normalisation, dropout,
            softmax. It has few weights, and does not care where in a view a lesion is; and since small lesions are
            seen early in the backbone, it learns in half the steps that features of the last stride take.
            "linear": the mean of each feature at strides 16 and 32 and behind the last convolution, dropout, softmax.
            For a backbone that knows much already: it can be solved, see `TransferConfig.head_c`, which also gives each
            feature the mean 0 and the spread 1.
        dropout: Share of features that are left out in training; 0.2 in the study.
        keeps_statistics: Whether batch normalisation of a pretrained backbone keeps its statistics throughout, frozen
            or not: those of few mammograms a step would undo what it has learnt from photographs
            (https://keras.io/guides/transfer_learning). Not for one that comes from drawn mammograms, say.
        standardizes: Whether each image is given the mean and the spread of grey that ImageNet has: a crop of dense
            tissue is then as dark as one of fat, and what is left is its structure.
    """

    head: Head = "modern"
    dropout: float = 0.2
    keeps_statistics: bool = True
    standardizes: bool = False

    def validate(self) -> None:
        """See `ModelConfig.validate`."""
        super().validate()
        checks.below_one(_MODEL, self, "dropout")

    @property
    def network(self) -> ClassifierNetwork:
        """What is left of it once the network is trained."""
        return ClassifierNetwork(self.backbone, self.head, self.dropout, self.standardizes)


@dataclasses.dataclass(frozen=True)
class DecodingConfig:
    """How detections are chosen from a detector's answers.

    Attributes:
        max_detections: Most detections of an image.
        max_candidates: Most candidates of an image, before overlapping ones are dropped.
        overlap_iou: A detection is dropped if its IoU with a surer one of its class is larger.
        min_score: Detections of a lower score are dropped; low, since a FROC curve needs the unsure ones too.
    """

    max_detections: int = 100
    max_candidates: int = 1000
    overlap_iou: float = 0.3
    min_score: float = 0.005

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: A number cannot be.
        """
        checks.between(_DECODING, self, 1, _MOST_DETECTIONS, "max_detections")
        checks.between(_DECODING, self, 1, _MOST_CANDIDATES, "max_candidates")
        checks.between(_DECODING, self, 0, 1, "overlap_iou", "min_score")
