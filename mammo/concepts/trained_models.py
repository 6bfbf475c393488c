"""The models that the concepts are made of: trains those that are missing, and has them predict a split."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from mammo.common.errors import InputError
from mammo.config.comparison import ComparisonConfig
from mammo.config.run import DetectorConfig, RunConfig
from mammo.data import pipeline
from mammo.data.batch import Batch
from mammo.data.shards import Shards
from mammo.models import plan
from mammo.stages import stages
from mammo.stages.classifier import ClassifierStage
from mammo.stages.stage import Stage
from mammo.training import distribution, evaluating, loop, workdir
from mammo.training.evaluating import Evaluation

FINDER = "finder"  # the class-blind detector of the multi-stage concept
CROPS = "crop_classifier"

_FOLDER = "models"


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """One model, trained.

    Attributes:
        config: Resolved.
        stage: What it does.
        folder: Its workdir.
        training_s: How long it was trained; 0 where that is not known.
    """

    config: RunConfig
    stage: Stage
    folder: pathlib.Path
    training_s: float

    def describe(self) -> dict[str, Any]:
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


class Loaded(NamedTuple):
    """A trained model, ready to be asked: what it does, its network, and on which devices."""

    stage: Stage
    network: tf.keras.Model
    strategy: tf.distribute.Strategy


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """What a model makes of every view of a split.

    Attributes:
        keys: int64 [N], ascending.
        values: N rows: probabilities, float64 [C], or `batch.Detections` of one view.
    """

    keys: np.ndarray
    values: list[Any]


def train(name: str, config: ComparisonConfig, shards: Shards, folder: pathlib.Path) -> Model:
    """Trains a model, or goes on with it; one that has come to its end makes no further step.

    Args:
        name: Of its folder, which is a workdir as `//mammo:train` leaves one.
        config: Of the comparison: that of the model, and what it says of the data and of backbones; the model whose
            backbone this one begins with is trained already.
        shards: What to learn from, the same for all.
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
        _, training_s = loop.train(own_config, shards, own)
    return Model(own_config, stages.from_plan(plan.read(own), shards, own_config.input), own, training_s)


def find(folders: Sequence[pathlib.Path], shards: Shards) -> dict[str, Model]:
    """Returns models that were trained, by the names that concepts know them by.

    Args:
        folders: Of comparisons and of single runs.
        shards: What they were trained on.

    Raises:
        InputError: A folder holds no run, or one on other data; two runs are of the same name.
    """
    found: dict[str, Model] = {}
    for folder in folders:
        of_comparison = sorted(path.parent for path in (folder / _FOLDER).glob(f"*/{workdir.CONFIG_FILE}"))
        for own in of_comparison or [folder]:
            config = workdir.read_config(own, shards)
            is_finder = isinstance(config, DetectorConfig) and config.model.is_class_blind
            name = FINDER if is_finder else config.stage
            if name in found:
                raise InputError(f"{found[name].folder} and {own} are both a {name}; give one of them.")
            found[name] = Model(config, stages.from_plan(plan.read(own), shards, config.input), own, training_s=0.0)
    return found


def load(model: Model) -> Loaded:
    """Builds the network of a model, with its best weights, on the devices of this machine."""
    distribution.set_precision(model.config.precision)
    strategy = distribution.make_strategy(devices=0)
    return Loaded(model.stage, evaluating.load_best(model.folder, model.stage, strategy), strategy)


def predict(loaded: Loaded, split: str) -> Predictions:
    """Has a model predict every view of a split, those that it would not be judged by as well."""
    stage, network, strategy = loaded
    if isinstance(stage, ClassifierStage):
        every_view = dataclasses.replace(stage.reading, classes=(pipeline.LABELS,))
        stage = dataclasses.replace(stage, reading=every_view)
    collected = _Collected(len(stage.shards.describe(split)))
    Evaluation(stage, network, strategy, split).run_into(collected)
    keys = sorted(collected.rows)
    return Predictions(np.array(keys, np.int64), [collected.rows[key] for key in keys])


class _Collected:
    """Keeps the predictions of each image; meets `Sink`."""

    def __init__(self, image_count: int) -> None:
        self.image_count = image_count
        self.rows: dict[int, Any] = {}

    def update(self, batch: Batch, predictions: Any) -> None:
        for row in np.flatnonzero(batch.is_real):
            self.rows[int(batch.key[row])] = tf.nest.map_structure(lambda value, row=row: value[row], predictions)
