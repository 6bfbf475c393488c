"""The classifiers: of whole views, in three tasks, and of crops. They differ in what they see and tell apart."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from mammo.augment import compose, geometric
from mammo.clinical.questions import CROP, MALIGNANCY, TUMOUR, WHOLE_IMAGE, Classes
from mammo.common.errors import InputError
from mammo.config.data import SIDE_MULTIPLE_PX, InputConfig
from mammo.config.run import ClassifierConfig, CropClassifierConfig
from mammo.data import pipeline
from mammo.data.batch import Batch
from mammo.data.pipeline import Reading
from mammo.data.shards import Shards
from mammo.losses import classification
from mammo.metrics import scoring
from mammo.metrics.scoring import Unit
from mammo.models import classifier, initial
from mammo.models.plans import ClassifierPlan
from mammo.stages import planning, solving, stage
from mammo.stages.classification_evaluator import ClassificationEvaluator
from mammo.stages.stage import LossSums, Phase

_BEST_BY: Mapping[Classes, str] = {
    WHOLE_IMAGE: "auc_image/cancer",
    TUMOUR: "auc_image/tumour",
    MALIGNANCY: "auc_image/cancer",
    CROP: "auc_image/malignancy",  # background is told apart more easily, and is the detector's work
}

_CLASSES: Mapping[tuple[str, ...], Classes] = {classes.names: classes for classes in _BEST_BY}


@dataclasses.dataclass(frozen=True)
class ClassifierStage:
    """A trained classifier, as a `mammo.stages.stage.Stage`.

    Attributes:
        plan: What it is.
        shards: What it reads: views, or crops.
        reading: How it reads them.
    """

    plan: ClassifierPlan
    shards: Shards
    reading: Reading

    @property
    def classes(self) -> Classes:
        """What it tells apart."""
        return _CLASSES[self.plan.classes]

    @property
    def best_by(self) -> str:
        """The figure of validation that is most like what the stage is for."""
        return _BEST_BY[self.classes]

    def build_dataset(self, split: str, context: tf.distribute.InputContext) -> tf.data.Dataset:
        """See `mammo.stages.stage.Stage`."""
        return pipeline.evaluation(self.shards, split, self.reading, context)

    def predict(self, model: tf.keras.Model, images: tf.Tensor) -> tf.Tensor:
        """See `mammo.stages.stage.Stage`: probabilities, float32 [B, C]."""
        position = tf.zeros(tf.shape(images)[:1], tf.int64)
        logits = [model({"image": look, "position": position}, training=False) for look in self.looks(images)]
        return tf.add_n([tf.nn.softmax(look) for look in logits]) / len(logits)

    def looks(self, images: tf.Tensor) -> list[tf.Tensor]:
        """Returns the looks at images that a prediction is the mean over: as they are, then mirrored and turned."""
        if self.plan.crop is None:
            return [images, geometric.flip_vertically(images)][: self.plan.averaged_looks]
        mirrored = [tf.reverse(images, axes) for axes in ([], [1], [2], [1, 2])]
        turned = [tf.transpose(image, [0, 2, 1, 3]) for image in mirrored]
        return [*mirrored, *turned][: self.plan.averaged_looks]

    def evaluator(self, split: str) -> ClassificationEvaluator:
        """See `mammo.stages.stage.Stage`."""
        infos = self.shards.describe(split)
        judged = {key: info for key, info in infos.items() if info.label in self.reading.labels}
        # The crops of a breast are no views of one and the same thing.
        units: tuple[Unit, ...] = ("image",) if self.plan.crop else scoring.UNITS
        return ClassificationEvaluator(judged, self.classes, units=units)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierTraining(ClassifierStage):
    """A classifier to train, as a `mammo.stages.stage.TrainingStage`.

    Attributes:
        config: Configuration of the run.
        loss_parts: What its loss is the sum of.
    """

    config: ClassifierConfig
    loss_parts: tuple[str, ...] = ("classification",)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The head alone, then the end of the backbone as well, where the backbone is frozen at first."""
        transfer = self.config.transfer
        if not transfer.frozen_steps:
            return stage.WHOLE_RUN
        return Phase(0, 1.0), Phase(transfer.frozen_steps, transfer.rate_share)

    def build_training_dataset(self, context: tf.distribute.InputContext, position: int) -> tf.data.Dataset:
        """See `mammo.stages.stage.TrainingStage`."""
        return pipeline.training(self.shards, self.reading, context, position)

    def build_initial_model(self) -> tf.keras.Model:
        """See `mammo.stages.stage.TrainingStage`."""
        options = self.config.model
        return initial.build(self.plan, options, keeps_statistics=options.is_pretrained and options.keeps_statistics)

    def solve_head(self, model: tf.keras.Model) -> None:
        """See `mammo.stages.stage.TrainingStage`."""
        if self.config.transfer.head_c:
            examples = solving.read_examples(model, self.shards, self.reading, self.looks)
            solving.solve_head(model, examples, self.config.transfer.head_c)

    def augment(self, batch: Batch, seed: tf.Tensor) -> Batch:
        """See `mammo.stages.stage.TrainingStage`; an image keeps its label when a lesion leaves the frame."""
        return compose.augment(batch, seed, self.config.augmentation, xla=self.config.xla)._replace(label=batch.label)

    def learnt(self, model: tf.keras.Model, phase: int) -> list[tf.Variable]:
        """See `mammo.stages.stage.TrainingStage`."""
        transfer = self.config.transfer
        is_frozen = transfer.frozen_steps > 0 and phase == 0
        return classifier.learnt(model, 0 if is_frozen else transfer.unfrozen_layers)

    def rate_shares(self, model: tf.keras.Model) -> list[float]:
        """See `mammo.stages.stage.TrainingStage`."""
        return classifier.rate_shares(model, self.config.transfer.depth_share)

    def forward(self, model: tf.keras.Model, batch: Batch) -> tf.Tensor:
        """See `mammo.stages.stage.TrainingStage`: logits, float32 [B, C]."""
        return model({"image": batch.image, "position": batch.position}, training=True)

    def loss(self, batch: Batch, outputs: tf.Tensor) -> LossSums:
        """Cross-entropy, divided by what the images weigh: by their number, without class weights."""
        options = self.config.loss
        classes = tf.gather(tf.constant(self.classes.of_label), batch.label)
        weights = classification.weights(classes, batch.is_real & (classes >= 0), options)
        total = tf.reduce_sum(weights * classification.cross_entropy(outputs, classes, options))
        return LossSums(total, tf.reduce_sum(weights), {"classification": total})


def make_plan(config: ClassifierConfig, shards: Shards) -> ClassifierPlan:
    """Plans a classifier for the views of shards, or for crops of the side that the configuration says.

    Raises:
        InputError: The images are of a size that the network cannot take.
    """
    crop = config.crop if isinstance(config, CropClassifierConfig) else None
    height_px, width_px = (crop.side_px, crop.side_px) if crop else planning.view_size_px(shards)
    if config.model.head == "study" and min(height_px, width_px) < 2 * SIDE_MULTIPLE_PX:
        raise InputError(
            f"the study's head pools by two what a backbone has shrunk to a {SIDE_MULTIPLE_PX}th: images of "
            f"{height_px} x {width_px} px are too small for it."
        )
    return ClassifierPlan(
        stage=config.stage,
        classes=config.classes.names,
        height_px=height_px,
        width_px=width_px,
        data=planning.training_data(shards),
        network=config.model.network,
        crop=crop,
        averaged_looks=config.averaged_looks,
        shows="views" if crop else shards.manifest.shows,
    )


def from_plan(
    made: ClassifierPlan, shards: Shards, reads: InputConfig, *, is_given_images: bool = False
) -> ClassifierStage:
    """Makes the stage of a trained classifier, for any shards that fit its plan; see `mammo.stages.stages.from_plan`.

    Raises:
        InputError: The views are not as the network takes them.
    """
    if made.classes not in _CLASSES:
        raise InputError(f"a plan tells {', '.join(made.classes)} apart, which no stage does; train the model again.")
    if made.crop is None and not is_given_images:
        planning.check_views(made, shards)
    return ClassifierStage(made, _content(made, shards), _reading(made, reads))


def for_training(config: ClassifierConfig, made: ClassifierPlan, shards: Shards) -> ClassifierTraining:
    """Makes the stage of a classifier to train."""
    reading = _reading(made, config.input, config.seed)
    return ClassifierTraining(made, _content(made, shards), reading, config=config)


def _content(made: ClassifierPlan, shards: Shards) -> Shards:
    return shards.crops if made.crop else shards


def _reading(made: ClassifierPlan, reads: InputConfig, seed: int = 0) -> Reading:
    of_label = _CLASSES[made.classes].of_label
    groups = tuple(
        tuple(label for label, of in enumerate(of_label) if of == index) for index in range(len(made.classes))
    )
    return Reading(reads, seed, groups, made.crop)
