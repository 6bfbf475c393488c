"""The detector of benign and malignant lesions, or of lesions without telling which: one setting."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from mammo.augment import compose
from mammo.common.errors import InputError
from mammo.config.augmentation import AugmentationConfig
from mammo.data import manifests, pipeline
from mammo.data.batch import Batch, Detections
from mammo.data.pipeline import PipelineOptions
from mammo.data.shards import Shards
from mammo.losses import detection
from mammo.models import anchor_boxes, backbones, decoding, detector, targets
from mammo.models.anchor_boxes import Anchors
from mammo.models.decoding import DecodingConfig
from mammo.models.detector import DetectorModelConfig
from mammo.stages import stage
from mammo.stages.detection_evaluator import DetectionEvaluator
from mammo.stages.stage import LossSums, Phase


@dataclasses.dataclass(frozen=True)
class DetectionLossConfig:
    """What is minimised.

    Attributes:
        alpha: Of the focal loss: Lin et al. 2017, table 1b.
        gamma: Of the focal loss: the same table.
        box_loss: "smooth_l1" of encoded boxes, or "generalized_iou".
        box_weight: Of the box loss against the focal loss.
        smooth_l1_beta: Where smooth L1 bends; 1 / 9 in Detectron's RetinaNet.
        positive_iou: An anchor stands for the lesion that it overlaps most, from here on.
        negative_iou: Below it, an anchor is background.
    """

    alpha: float = 0.25
    gamma: float = 2.0
    box_loss: Literal["smooth_l1", "generalized_iou"] = "smooth_l1"
    box_weight: float = 1.0
    smooth_l1_beta: float = 1 / 9
    positive_iou: float = 0.5
    negative_iou: float = 0.4

    def __post_init__(self) -> None:
        if self.box_loss not in ("smooth_l1", "generalized_iou"):
            raise InputError(
                f"--config.loss.box_loss={self.box_loss} is not known; it is smooth_l1 or generalized_iou."
            )


@dataclasses.dataclass(frozen=True)
class DetectorStage:
    """A detector, as a `mammo.stages.stage.Stage`.

    Attributes:
        shards: What it learns from.
        input_options: Of the data.
        augmentation: Of the training images.
        model: Of the network.
        max_levels: Of the pyramid, from P3; fewer are used if that fits the lesions better.
        loss_options: What is minimised.
        decoding_options: How detections are chosen.
        is_class_blind: Whether it only finds, and does not tell benign from cancer.
        name: As --stage names it.
        best_by: Mean sensitivity at 1/8 to 8 false positives an image.
        loss_parts: What its loss is the sum of.
        phases: One: all weights are learnt from the first step on.
    """

    shards: Shards
    input_options: PipelineOptions
    augmentation: AugmentationConfig
    model: DetectorModelConfig
    max_levels: int
    loss_options: DetectionLossConfig
    decoding_options: DecodingConfig
    is_class_blind: bool
    name: str = "detector"
    best_by: str = "froc_centre/score"
    loss_parts: tuple[str, ...] = ("classification", "box")
    phases: tuple[Phase, ...] = stage.WHOLE_RUN

    @property
    def class_count(self) -> int:
        """How many classes a detection may have."""
        return 1 if self.is_class_blind else 2

    @functools.cached_property
    def anchors(self) -> Anchors:
        """Anchors fitted to the lesions of the training split."""
        lesions = [info.boxes_xyxy_px for info in self.shards.describe("train").values()]
        return anchor_boxes.fit(np.concatenate(lesions), *self.image_size_px, self.max_levels)

    @functools.cached_property
    def image_size_px(self) -> tuple[int, int]:
        """Height and width of its views."""
        return self.shards.manifest.height_px, self.shards.manifest.width_px

    def build_dataset(self, split: str, context: tf.distribute.InputContext, position: int) -> tf.data.Dataset:
        """See `mammo.stages.stage.Stage`."""
        if split == "train":
            dataset = pipeline.training(self.shards, self.input_options, context, position)
        else:
            dataset = pipeline.evaluation(self.shards, split, self.input_options, context)
        return dataset.map(_without_classes) if self.is_class_blind else dataset

    def build_model(self, *, is_trained: bool = False) -> tf.keras.Model:
        """See `mammo.stages.stage.Stage`."""
        model = backbones.without_file(self.model) if is_trained else self.model
        return detector.build(model, self.anchors, self.class_count, *self.image_size_px)

    def augment(self, batch: Batch, seed: tf.Tensor) -> Batch:
        """See `mammo.stages.stage.Stage`."""
        return compose.augment(batch, seed, self.augmentation)

    def learnt(self, model: tf.keras.Model, phase: int) -> list[tf.Variable]:
        """See `mammo.stages.stage.Stage`."""
        return model.trainable_variables

    def forward(self, model: tf.keras.Model, batch: Batch) -> Mapping[str, tf.Tensor]:
        """See `mammo.stages.stage.Stage`."""
        return model(batch.image, training=True)

    def loss(self, batch: Batch, outputs: Mapping[str, tf.Tensor]) -> LossSums:
        """Focal loss and a box loss, both divided by the number of anchors that stand for a lesion."""
        options = self.loss_options
        anchors_xyxy_px = self.anchors.boxes_xyxy_px(*self.image_size_px)
        matched = targets.match(batch.boxes, batch.classes, anchors_xyxy_px, options.positive_iou, options.negative_iou)
        classification = detection.focal(outputs["classification"], matched.classes, options.alpha, options.gamma)
        if options.box_loss == "smooth_l1":
            box = detection.smooth_l1(outputs["box"], matched, options.smooth_l1_beta)
        else:
            box = detection.generalized_iou(anchor_boxes.decode(outputs["box"], anchors_xyxy_px), matched)
        is_real = tf.cast(batch.is_real, tf.float32)
        parts = {
            "classification": tf.reduce_sum(classification * is_real),
            "box": options.box_weight * tf.reduce_sum(box * is_real),
        }
        return LossSums(parts["classification"] + parts["box"], detection.positives(matched, batch), parts)

    def predict(self, model: tf.keras.Model, images: tf.Tensor) -> Detections:
        """See `mammo.stages.stage.Stage`."""
        outputs = model(images, training=False)
        height_px, width_px = self.image_size_px
        return decoding.decode(
            outputs["classification"],
            outputs["box"],
            self.anchors.boxes_xyxy_px(height_px, width_px),
            height_px,
            width_px,
            self.decoding_options,
        )

    def evaluator(self, split: str) -> DetectionEvaluator:
        """See `mammo.stages.stage.Stage`."""
        return DetectionEvaluator(self.shards.describe(split), self.class_count)


def _without_classes(batch: Batch) -> Batch:
    return batch._replace(classes=tf.minimum(batch.classes, 0))


def from_config(config: Any, shards: Shards) -> DetectorStage:
    """Makes the stage out of `configs/detector.py`'s fields.

    Raises:
        InputError: A setting cannot be, or the views are of a size that the pyramid cannot halve often enough.
    """
    height_px, width_px = shards.manifest.height_px, shards.manifest.width_px
    if height_px % manifests.SIDE_MULTIPLE_PX or width_px % manifests.SIDE_MULTIPLE_PX:
        raise InputError(
            f"{shards.folder} holds views of {height_px} x {width_px} px; the detector takes multiples of "
            f"{manifests.SIDE_MULTIPLE_PX}, convert again with another --height and --width."
        )
    if config.model.max_levels < 1:
        raise InputError(f"--config.model.max_levels={config.model.max_levels} must be 1 or more.")
    model = config.model.to_dict()
    return DetectorStage(
        shards=shards,
        input_options=PipelineOptions(**config.input),
        augmentation=AugmentationConfig(**config.augmentation),
        max_levels=model.pop("max_levels"),
        is_class_blind=model.pop("is_class_blind"),
        model=DetectorModelConfig(**model),
        loss_options=DetectionLossConfig(**config.loss),
        decoding_options=DecodingConfig(**config.decoding),
    )
