"""Trains a model in a process of its own: TensorFlow makes the strategy of several workers once in a process."""

import multiprocessing
import os
import pathlib
import signal
from concurrent import futures
from concurrent.futures import process

from mammo.common import cli
from mammo.common.errors import InputError
from mammo.config.run import RunConfig
from mammo.data.shards import Shards
from mammo.training import cluster, loop


def train(config: RunConfig, shards: Shards, folder: pathlib.Path) -> float:
    """Does what `loop.train` does, and ends the process.

    Args:
        config: Resolved, see `workdir.settle_config`.
        shards: What to learn from.
        folder: The workdir, already claimed.

    Returns:
        How many seconds the run has taken.

    Raises:
        InputError: As `loop.train`; or the process was killed.
        StoppedError: SIGTERM or Ctrl-C came, here or there; the same command goes on.
    """
    spawned = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(1, spawned, cli.begin_process, (str(cluster.current()),)) as pool:
        job = pool.submit(_train, config, shards.folder, folder)
        try:
            return job.result()
        except KeyboardInterrupt:  # of either signal
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGTERM)
            try:
                return job.result()
            except process.BrokenProcessPool:  # it had nothing to save yet
                raise KeyboardInterrupt(signal.SIGTERM) from None
        except process.BrokenProcessPool:
            raise InputError(
                f"the process that trained in {folder} was killed, most likely for want of memory; give the same "
                "command again to go on."
            ) from None


def _train(config: RunConfig, shards_dir: pathlib.Path, folder: pathlib.Path) -> float:
    _, training_s = loop.train(config, Shards.open(shards_dir), folder)
    return training_s
