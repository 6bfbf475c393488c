"""The models that the concepts are made of: trains those that are missing, and has them predict a split."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from mammo.common.errors import InputError
from mammo.concepts import split_views
from mammo.concepts.concept import Role
from mammo.concepts.evidence import Predictions
from mammo.concepts.second_look import MOST_FINDINGS
from mammo.concepts.split_views import Collected
from mammo.config.comparison import ComparisonConfig
from mammo.config.data import CropConfig
from mammo.config.run import DetectorConfig, RunConfig
from mammo.data.shards import Shards
from mammo.models import plans
from mammo.models.plans import ClassifierPlan, Plan
from mammo.stages import stages
from mammo.stages.classifier import ClassifierStage
from mammo.stages.detector import DetectorStage
from mammo.training import apart, cluster, distribution, evaluating, loop, stopwatch, workdir
from mammo.training.evaluating import Evaluation

_FOLDER = "models"


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedModel:
    """One model, trained.

    Attributes:
        config: Resolved.
        stage: What it does.
        folder: Its workdir.
        training_s: How long it was trained; 0 where that is not known.
    """

    config: RunConfig
    stage: DetectorStage | ClassifierStage
    folder: pathlib.Path
    training_s: float

    def describe(self) -> dict[str, object]:
        """Returns what reports say of it."""
        weights = pathlib.Path(self.config.model.weights)
        is_of_run = weights.name == workdir.BACKBONE_FILE
        return {
            "stage": self.config.stage,
            "backbone": self.config.model.backbone,
            "weights": f"backbone of {weights.parent.name}" if is_of_run else str(weights),
            "train_steps": self.config.train_steps,
            "batch_size": self.config.input.batch_size,
            "training_s": self.training_s,
        }


def train(name: str, config: ComparisonConfig, shards: Shards, folder: pathlib.Path) -> TrainedModel:
    """Trains a model, or goes on with it; one that has come to its end makes no further step.

    Args:
        name: Of its folder, which is a workdir as `//mammo:train` leaves one.
        config: Of the comparison: that of the model, and what it says of the data and of backbones; the model whose
            backbone this one begins with is trained already.
        shards: What to learn from: the views, or the breasts that are made of them.
        folder: Of the comparison.

    Raises:
        InputError: The folder holds a run of another configuration, or on other data.
        StoppedError: SIGTERM came.
    """
    own = folder / _FOLDER / name
    with workdir.claim(own):
        own_config = dataclasses.replace(config.models[name], data=config.data)
        if first := config.backbone_from.get(name):
            weights = str(folder / _FOLDER / first / workdir.BACKBONE_FILE)
            own_config = dataclasses.replace(own_config, model=dataclasses.replace(own_config.model, weights=weights))
        own_config = workdir.settle_config(own, own_config, shards)
        logging.info("Model %s: %d steps, in %s.", name, own_config.train_steps, own)
        if cluster.current().count > 1:
            training_s = apart.train(own_config, shards, own)
        else:
            _, training_s = loop.train(own_config, shards, own)
    stage = stages.from_plan(plans.read(own), shards, own_config.input)
    return TrainedModel(own_config, stage, own, training_s)


def find(folders: Sequence[pathlib.Path], shards: Shards) -> dict[Role, TrainedModel]:
    """Returns models that were trained, by what they do in a concept.

    Args:
        folders: Of comparisons and of single runs.
        shards: What they were trained on.

    Raises:
        InputError: A folder holds no run, or one on other data; two runs are of the same role.
    """
    found: dict[Role, TrainedModel] = {}
    for folder in folders:
        of_comparison = sorted(path.parent for path in (folder / _FOLDER).glob(f"*/{workdir.CONFIG_FILE}"))
        for own in of_comparison or [folder]:
            config = workdir.read_config(own, shards)
            plan = plans.read(own)
            role = _role_of(config, plan, own)
            if role in found:
                raise InputError(f"{found[role].folder} and {own} are both a {role}; give one of them.")
            stage = stages.from_plan(plan, shards, config.input, is_given_images=role is Role.BREAST)
            found[role] = TrainedModel(config, stage, own, training_s=stopwatch.read(own).training_s)
    return found


def _role_of(config: RunConfig, plan: Plan, folder: pathlib.Path) -> Role:
    if isinstance(config, DetectorConfig) and config.model.is_class_blind:
        return Role.FINDER
    if isinstance(plan, ClassifierPlan) and plan.shows == "breasts":
        if config.stage != Role.MALIGNANCY:
            raise InputError(f"{folder} is a {config.stage} of breasts, which no concept asks; train a malignancy.")
        return Role.BREAST
    return Role(config.stage)


def with_looks(models: Mapping[Role, TrainedModel], looks: int) -> dict[Role, TrainedModel]:
    """Returns models, a crop classifier among them, which looks so many times at each crop.

    Args:
        models: By role.
        looks: One of `mammo.config.run.CROP_LOOKS`.
    """
    model = models[Role.CROP_CLASSIFIER]
    assert isinstance(model.stage, ClassifierStage)
    plan = dataclasses.replace(model.stage.plan, averaged_looks=looks)
    stage = dataclasses.replace(model.stage, plan=plan)
    return {**models, Role.CROP_CLASSIFIER: dataclasses.replace(model, stage=stage)}


def open_model(model: TrainedModel) -> "OpenModel":
    """Builds the network of a model, with its best weights, on the devices of this machine."""
    distribution.set_precision(model.config.precision)
    strategy = distribution.make_strategy(devices=0)
    return OpenModel(model.stage, evaluating.load_best(model.folder, model.stage, strategy), strategy)


class OpenModel:
    """A trained network that can be asked; meets `evidence.AskedModel`."""

    def __init__(
        self, stage: DetectorStage | ClassifierStage, network: tf.keras.Model, strategy: tf.distribute.Strategy
    ) -> None:
        """Asks nothing yet.

        Args:
            stage: What the model does.
            network: With its weights.
            strategy: On which devices.
        """
        self._stage, self._network, self._strategy = stage, network, strategy
        self._predict = tf.function(functools.partial(stage.predict, network), reduce_retracing=True, autograph=False)

    @property
    def crop(self) -> CropConfig | None:
        """See `evidence.AskedModel`."""
        return self._stage.plan.crop if isinstance(self._stage, ClassifierStage) else None

    def predict(self, shards: Shards, split: str, *, is_mirrored: bool = False) -> Predictions:
        """See `evidence.AskedModel`."""
        stage = stages.from_plan(self._stage.plan, shards, self._stage.reading.input)
        collected = Collected(len(shards.describe(split)))
        asked = split_views.every_view(stage, is_mirrored=is_mirrored)
        Evaluation(asked, self._network, self._strategy, split).run_into(collected)
        return collected.predictions()

    def classify(self, images: np.ndarray) -> np.ndarray:
        """See `evidence.AskedModel`."""
        # Always as many, so that one graph serves.
        padded = np.pad(images, [(0, -len(images) % MOST_FINDINGS), (0, 0), (0, 0), (0, 0)])
        return np.asarray(self._predict(tf.constant(padded)), np.float64)[: len(images)]
