"""Runs whose weights are as they were drawn: for tests of what is done with a model, not of how it came about."""

import dataclasses
import pathlib

import tensorflow as tf

from mammo.config.data import DataConfig
from mammo.config.run import RunConfig
from mammo.data.shards import Shards
from mammo.stages import stages
from mammo.training import optimizers, workdir
from mammo.training.checkpoints import Checkpoints
from mammo.training.state import TrainState


def write(folder: pathlib.Path, config: RunConfig, data: DataConfig, shards: Shards) -> tf.keras.Model:
    """Writes the workdir of a run that has ended, in seconds: to trace a training step takes most of a minute.

    Args:
        folder: The workdir.
        config: Of the run.
        data: What its shards were made by.
        shards: What it would have learnt from.

    Returns:
        The network.
    """
    config = workdir.settle_config(folder, dataclasses.replace(config, data=data), shards)
    tf.keras.utils.set_random_seed(config.seed)
    stage = stages.for_training(config, workdir.settle_plan(folder, config, shards), shards)
    optimizer = optimizers.build(config.optimizer, config.train_steps, stage.phases)
    decays = config.optimizer.averages_decay, config.optimizer.normaliser_decay
    state = TrainState(stage.build_initial_model(), optimizer, *decays)
    state.updates.assign(config.train_steps)
    checkpoints = Checkpoints(folder, state)
    checkpoints.save_best()
    checkpoints.save_last()
    return state.model
