"""Cross-validation: a model for each fold of the patients, each judged on the patients that it has never seen."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from absl import logging

from mammo.config.run import RunConfig
from mammo.data.shards import Shards
from mammo.stages.stage import Evaluator
from mammo.training import loop, workdir


class Pooled(NamedTuple):
    """What the models of all folds say together.

    Attributes:
        evaluator: It has seen every image once, by the model that did not learn from its patient.
        config: Configuration of each run, resolved.
        training_s: How long training took, all runs together.
    """

    evaluator: Evaluator
    config: RunConfig
    training_s: float


def run(config: RunConfig, shards_dirs: Sequence[pathlib.Path], folder: pathlib.Path) -> Pooled:
    """Trains a model a fold, or goes on with them, and pools what each says of its own fold.

    A fold is evaluated at the end alone: were weights chosen on it, its figures would be too good.

    Args:
        config: Configuration of each run.
        shards_dirs: Of each fold, with the fold as its validation split.
        folder: Gets a workdir a fold, `fold-1` and so on.

    Raises:
        InputError: See `loop.train`.
        StoppedError: SIGTERM came; the same command goes on.
    """
    evaluators: list[Evaluator] = []
    seconds = 0.0
    for number, shards_dir in enumerate(shards_dirs, start=1):
        own, shards = folder / f"fold-{number}", Shards.open(shards_dir)
        with workdir.claim(own):
            logging.info("Fold %d of %d, in %s.", number, len(shards_dirs), own)
            own_config = workdir.settle_config(own, dataclasses.replace(config, evaluate_every_steps=0), shards)
            evaluation, training_s = loop.train(own_config, shards, own)
            evaluators.append(evaluation.on("validation").run())
        seconds += training_s
    pooled, *others = evaluators
    for other in others:
        pooled.join(other)
    return Pooled(pooled, own_config, seconds)
