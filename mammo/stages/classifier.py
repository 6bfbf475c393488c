"""The classifiers: of whole views, in three tasks, and of crops. They differ in what they see and tell apart."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from mammo.augment import compose, geometric
from mammo.clinical.questions import CROP, MALIGNANCY, TUMOUR, WHOLE_IMAGE, Classes
from mammo.common.errors import InputError
from mammo.config.augmentation import AugmentationConfig
from mammo.data import manifests, pipeline
from mammo.data.batch import Batch
from mammo.data.cropping import CropConfig
from mammo.data.pipeline import PipelineOptions
from mammo.data.shards import Shards
from mammo.losses import classification
from mammo.losses.classification import ClassificationLossConfig
from mammo.metrics import scoring
from mammo.metrics.scoring import Unit
from mammo.models import backbones, classifier
from mammo.models.classifier import ClassifierModelConfig
from mammo.stages import stage
from mammo.stages.classification_evaluator import ClassificationEvaluator
from mammo.stages.stage import LossSums, Phase

TASKS: Mapping[str, Classes] = {
    "whole_image": WHOLE_IMAGE,
    "tumour": TUMOUR,
    "malignancy": MALIGNANCY,
    "crop_classifier": CROP,
}
"""What the stage of each name tells apart; without background the crop classifier does as `malignancy`."""

_CROPS = "crop_classifier"

_BEST_BY: Mapping[tuple[str, ...], str] = {
    WHOLE_IMAGE.names: "auc_image/cancer",
    TUMOUR.names: "auc_image/tumour",
    MALIGNANCY.names: "auc_image/cancer",
    CROP.names: "auc_image/malignancy",  # background is told apart more easily, and is the detector's work
}


@dataclasses.dataclass(frozen=True)
class TransferConfig:
    """How a pretrained backbone is learnt.

    Attributes:
        frozen_steps: At first only the head is learnt, for so many steps.
        unfrozen_layers: How many layers with weights of the backbone, its last ones, are learnt from then on; -1: all.
        rate_share: What is left of the learning rate from then on.
    """

    frozen_steps: int = 0
    unfrozen_layers: int = -1
    rate_share: float = 0.1

    def __post_init__(self) -> None:
        if self.frozen_steps < 0 or self.unfrozen_layers < -1 or self.rate_share <= 0:
            raise InputError(
                f"--config.transfer: frozen_steps={self.frozen_steps} must be 0 or more, unfrozen_layers="
                f"{self.unfrozen_layers} -1 or more, rate_share={self.rate_share} above 0."
            )


@dataclasses.dataclass(frozen=True)
class ClassifierStage:
    """A classifier, as a `mammo.stages.stage.Stage`.

    Attributes:
        name: As --stage names it.
        classes: What it tells apart.
        shards: What it learns from: views, or crops.
        input_options: Of the data.
        augmentation: Of the training images.
        model: Of the network.
        transfer: Of a pretrained backbone.
        loss_options: What is minimised.
        image_size_px: Height and width of what it sees.
        flip_averaging: Whether a prediction is the mean over an image and its mirror images.
        best_by: The figure of validation that is most like what the stage is for.
        loss_parts: What its loss is the sum of.
    """

    name: str
    classes: Classes
    shards: Shards
    input_options: PipelineOptions
    augmentation: AugmentationConfig
    model: ClassifierModelConfig
    transfer: TransferConfig
    loss_options: ClassificationLossConfig
    image_size_px: tuple[int, int]
    flip_averaging: bool
    best_by: str
    loss_parts: tuple[str, ...] = ("classification",)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The head alone, then the end of the backbone as well, where the backbone is frozen at first."""
        frozen_steps = self.transfer.frozen_steps
        if not frozen_steps:
            return stage.WHOLE_RUN
        return Phase(0, 1.0), Phase(frozen_steps, self.transfer.rate_share)

    def build_dataset(self, split: str, context: tf.distribute.InputContext, position: int) -> tf.data.Dataset:
        """See `mammo.stages.stage.Stage`."""
        if split == "train":
            return pipeline.training(self.shards, self.input_options, context, position)
        return pipeline.evaluation(self.shards, split, self.input_options, context)

    def build_model(self, *, is_trained: bool = False) -> tf.keras.Model:
        """See `mammo.stages.stage.Stage`."""
        model = backbones.without_file(self.model) if is_trained else self.model
        return classifier.build(model, len(self.classes.names), *self.image_size_px)

    def augment(self, batch: Batch, seed: tf.Tensor) -> Batch:
        """See `mammo.stages.stage.Stage`; what an image is does not change with a lesion that leaves the frame."""
        return compose.augment(batch, seed, self.augmentation)._replace(label=batch.label)

    def learnt(self, model: tf.keras.Model, phase: int) -> list[tf.Variable]:
        """See `mammo.stages.stage.Stage`."""
        is_frozen = self.transfer.frozen_steps > 0 and phase == 0
        return classifier.learnt(model, 0 if is_frozen else self.transfer.unfrozen_layers)

    def forward(self, model: tf.keras.Model, batch: Batch) -> tf.Tensor:
        """See `mammo.stages.stage.Stage`: logits, float32 [B, C]."""
        return model({"image": batch.image, "position": batch.position}, training=True)

    def loss(self, batch: Batch, outputs: tf.Tensor) -> LossSums:
        """Cross-entropy, divided by what the images weigh: by their number, without class weights."""
        classes = tf.gather(tf.constant(self.classes.of_label), batch.label)
        weights = classification.weights(classes, batch.is_real & (classes >= 0), self.loss_options)
        total = tf.reduce_sum(weights * classification.cross_entropy(outputs, classes, self.loss_options))
        return LossSums(total, tf.reduce_sum(weights), {"classification": total})

    def predict(self, model: tf.keras.Model, images: tf.Tensor) -> tf.Tensor:
        """See `mammo.stages.stage.Stage`: probabilities, float32 [B, C]."""
        position = tf.zeros(tf.shape(images)[:1], tf.int64)
        seen = self._mirrored(images) if self.flip_averaging else [images]
        made = [tf.nn.softmax(model({"image": image, "position": position}, training=False)) for image in seen]
        return tf.add_n(made) / len(made)

    def _mirrored(self, images: tf.Tensor) -> list[tf.Tensor]:
        """Images and their mirror images; of whole views, whose chest wall is always left, up and down alone."""
        if self.name != _CROPS:
            return [images, geometric.flip_vertically(images)]
        return [tf.reverse(images, axes) for axes in ([], [1], [2], [1, 2])]

    def evaluator(self, split: str) -> ClassificationEvaluator:
        """See `mammo.stages.stage.Stage`."""
        infos = self.shards.describe(split)
        judged = {key: info for key, info in infos.items() if info.label in self.input_options.labels}
        # The crops of a breast are no views of one and the same thing.
        units: tuple[Unit, ...] = ("image",) if self.name == _CROPS else scoring.UNITS
        return ClassificationEvaluator(judged, self.classes, units=units)


def _groups(classes: Classes) -> tuple[tuple[int, ...], ...]:
    """The labels of each class."""
    return tuple(
        tuple(label for label, of_label in enumerate(classes.of_label) if of_label == index)
        for index in range(len(classes.names))
    )


def from_config(config: Any, shards: Shards) -> ClassifierStage:
    """Makes the stage out of the fields of `configs/whole_image.py` or `configs/crop_classifier.py`.

    Raises:
        InputError: A setting cannot be.
    """
    is_of_crops = config.stage == _CROPS
    classes = TASKS[config.stage]
    if is_of_crops and not config.with_background:
        classes = MALIGNANCY
    crop = CropConfig(**config.crop) if is_of_crops else None
    model = ClassifierModelConfig(**config.model)
    transfer = TransferConfig(**config.transfer)
    is_frozen = transfer.frozen_steps or transfer.unfrozen_layers != classifier.ALL_LAYERS
    if is_frozen and not (model.is_pretrained and model.keeps_statistics):
        raise InputError(
            f"--config.transfer.frozen_steps={transfer.frozen_steps} and unfrozen_layers={transfer.unfrozen_layers} "
            "freeze a backbone, which takes --config.model.weights, and --config.model.keeps_statistics=true."
        )
    if config.loss.class_weights and len(config.loss.class_weights) != len(classes.names):
        raise InputError(f"--config.loss.class_weights must be one number for each of {classes.names}.")
    height_px, width_px = (crop.side_px,) * 2 if crop else (shards.manifest.height_px, shards.manifest.width_px)
    if height_px % manifests.SIDE_MULTIPLE_PX or width_px % manifests.SIDE_MULTIPLE_PX:
        raise InputError(
            f"images are {height_px} x {width_px} px; the classifier takes multiples of {manifests.SIDE_MULTIPLE_PX}."
        )
    if model.head == "study" and min(height_px, width_px) < 2 * manifests.SIDE_MULTIPLE_PX:
        raise InputError(
            f"the study's head pools by two what a backbone has shrunk to a {manifests.SIDE_MULTIPLE_PX}th: images of "
            f"{height_px} x {width_px} px are too small for it."
        )
    return ClassifierStage(
        name=config.stage,
        classes=classes,
        shards=shards.crops if is_of_crops else shards,
        input_options=PipelineOptions(**config.input, classes=_groups(classes), crop=crop),
        augmentation=AugmentationConfig(**config.augmentation),
        model=model,
        transfer=transfer,
        loss_options=ClassificationLossConfig(**config.loss),
        image_size_px=(height_px, width_px),
        flip_averaging=config.flip_averaging,
        best_by=_BEST_BY[classes.names],
    )
