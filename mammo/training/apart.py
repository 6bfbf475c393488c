"""Calls a function in a process of its own: TensorFlow makes the strategy of several workers once in a process."""

import multiprocessing
import os
import pathlib
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import process
from typing import TypeVar

from mammo.common import cli
from mammo.common.errors import InputError
from mammo.config.run import RunConfig
from mammo.data.shards import Shards
from mammo.training import cluster, loop

Result = TypeVar("Result")


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
    return call(_train, config, shards.folder, folder)


def call(function: Callable[..., Result], *arguments: object) -> Result:
    """Returns what a function returns, and raises what it raises; its process ends with this one, however that ends.

    Args:
        function: Picklable. SIGTERM and Ctrl-C here are SIGTERM there.
        *arguments: Its own; picklable.

    Raises:
        InputError: The process was killed.
    """
    spawned, begun = multiprocessing.get_context("spawn"), (str(cluster.current()), os.getpid())
    with futures.ProcessPoolExecutor(1, spawned, cli.begin_process, begun) as pool:
        job = None
        try:
            job = pool.submit(function, *arguments)
            return job.result()
        except KeyboardInterrupt as interrupt:  # of either signal
            for child in multiprocessing.active_children():
                child.terminate()
            try:
                if job is not None:
                    return job.result()
            except process.BrokenProcessPool:  # it had nothing to save yet
                pass
            raise KeyboardInterrupt(*interrupt.args) from None
        except process.BrokenProcessPool:
            raise InputError(
                "a process of this program was killed, most likely for want of memory; give the same command again to "
                "go on."
            ) from None


def _train(config: RunConfig, shards_dir: pathlib.Path, folder: pathlib.Path) -> float:
    _, training_s = loop.train(config, Shards.open(shards_dir), folder)
    return training_s
