"""The detector of benign and malignant lesions, or of lesions without telling which: one setting."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from mammo.augment import compose
from mammo.clinical import labels
from mammo.config.data import InputConfig
from mammo.config.run import DetectorConfig
from mammo.data import pipeline
from mammo.data.batch import Batch, Detections
from mammo.data.pipeline import Reading
from mammo.data.shards import Shards
from mammo.losses import detection
from mammo.models import anchor_boxes, decoding, initial, targets
from mammo.models.plans import CLASS_BLIND, DetectorPlan
from mammo.stages import planning, stage
from mammo.stages.detection_evaluator import DetectionEvaluator
from mammo.stages.stage import LossSums, Phase


@dataclasses.dataclass(frozen=True)
class DetectorStage:
    """A trained detector, as a `mammo.stages.stage.Stage`.

    Attributes:
        plan: What it is.
        shards: What it reads.
        reading: How it reads them.
        best_by: Mean sensitivity at 1/8 to 8 false positives an image.
    """

    plan: DetectorPlan
    shards: Shards
    reading: Reading
    best_by: str = "froc_centre/score"

    @property
    def class_count(self) -> int:
        """How many classes a detection may have."""
        return len(self.plan.classes)

    @property
    def is_class_blind(self) -> bool:
        """Whether it only finds, and does not tell benign from cancer."""
        return self.plan.classes == CLASS_BLIND

    def build_dataset(self, split: str, context: tf.distribute.InputContext) -> tf.data.Dataset:
        """See `mammo.stages.stage.Stage`."""
        return self._with_classes(pipeline.evaluation(self.shards, split, self.reading, context))

    def _with_classes(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        return dataset.map(_without_classes) if self.is_class_blind else dataset

    def predict(self, model: tf.keras.Model, images: tf.Tensor) -> Detections:
        """See `mammo.stages.stage.Stage`."""
        outputs = model(images, training=False)
        return decoding.decode(
            outputs["classification"],
            outputs["box"],
            anchor_boxes.all_boxes(self.plan.anchors, self.plan.height_px, self.plan.width_px),
            self.plan.height_px,
            self.plan.width_px,
            self.plan.decoding,
        )

    def evaluator(self, split: str) -> DetectionEvaluator:
        """See `mammo.stages.stage.Stage`."""
        return DetectionEvaluator(self.shards.describe(split), self.class_count)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectorTraining(DetectorStage):
    """A detector to train, as a `mammo.stages.stage.TrainingStage`.

    Attributes:
        config: Configuration of the run.
        loss_parts: What its loss is the sum of.
        phases: One: all weights are learnt from the first step on.
    """

    config: DetectorConfig
    loss_parts: tuple[str, ...] = ("classification", "box")
    phases: tuple[Phase, ...] = stage.WHOLE_RUN

    def build_training_dataset(self, context: tf.distribute.InputContext, position: int) -> tf.data.Dataset:
        """See `mammo.stages.stage.TrainingStage`."""
        return self._with_classes(pipeline.training(self.shards, self.reading, context, position))

    def build_initial_model(self) -> tf.keras.Model:
        """See `mammo.stages.stage.TrainingStage`."""
        return initial.build(self.plan, self.config.model)

    def solve_head(self, model: tf.keras.Model) -> None:
        """See `mammo.stages.stage.TrainingStage`: a detector's is trained from the beginning."""

    def augment(self, batch: Batch, seed: tf.Tensor) -> Batch:
        """See `mammo.stages.stage.TrainingStage`."""
        return compose.augment(batch, seed, self.config.augmentation, xla=self.config.xla)

    def learnt(self, model: tf.keras.Model, phase: int) -> list[tf.Variable]:
        """See `mammo.stages.stage.TrainingStage`."""
        return model.trainable_variables

    def rate_shares(self, model: tf.keras.Model) -> list[float]:
        """See `mammo.stages.stage.TrainingStage`."""
        return [1.0] * len(model.trainable_variables)

    def forward(self, model: tf.keras.Model, batch: Batch) -> Mapping[str, tf.Tensor]:
        """See `mammo.stages.stage.TrainingStage`."""
        return model(batch.image, training=True)

    def loss(self, batch: Batch, outputs: Mapping[str, tf.Tensor]) -> LossSums:
        """Focal loss and a box loss, both divided by the number of positive anchors."""
        options = self.config.loss
        anchors_xyxy_px = anchor_boxes.all_boxes(self.plan.anchors, self.plan.height_px, self.plan.width_px)
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


def _without_classes(batch: Batch) -> Batch:
    return batch._replace(classes=tf.minimum(batch.classes, 0))


def make_plan(config: DetectorConfig, shards: Shards) -> DetectorPlan:
    """Plans a detector for the views of shards; its anchors are fitted to the lesions of the training split.

    Raises:
        InputError: The views are of a size that the pyramid cannot halve often enough.
    """
    height_px, width_px = planning.view_size_px(shards)
    lesions = np.concatenate([info.boxes_xyxy_px for info in shards.describe("train").values()])
    return DetectorPlan(
        stage=config.stage,
        classes=CLASS_BLIND if config.model.is_class_blind else labels.LESION_NAMES,
        height_px=height_px,
        width_px=width_px,
        data=planning.training_data(shards),
        network=config.model.network,
        anchors=anchor_boxes.fit(lesions, height_px, width_px, config.model.max_levels),
        decoding=config.decoding,
    )


def from_plan(plan: DetectorPlan, shards: Shards, reads: InputConfig) -> DetectorStage:
    """Makes the stage of a trained detector, for any shards that fit its plan.

    Raises:
        InputError: The views are not as the network takes them.
    """
    planning.check_views(plan, shards)
    return DetectorStage(plan, shards, Reading(reads))


def for_training(config: DetectorConfig, plan: DetectorPlan, shards: Shards) -> DetectorTraining:
    """Makes the stage of a detector to train."""
    return DetectorTraining(plan, shards, Reading(config.input, config.seed), config=config)
