"""A model that is trained in a process of its own; real networks, since that process imports the project anew."""

import multiprocessing
import os
import signal
import threading
import time

import pytest
import tensorflow as tf

from mammo.common.errors import InputError, StoppedError
from mammo.training import apart, workdir
from tests.mammo.training import disc_shards

LIMIT_S = 120


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 8, "validation": 2, "test": 2})


def _config(folder, shards, **changes):
    asked = disc_shards.config(**{"train_steps": 2, "save_every_steps": 1, "evaluate_every_steps": 0, **changes})
    return workdir.settle_config(folder, asked, shards)


def _child_of_mine(is_ready):
    """Waits for the process that trains, until it is ready for something, and returns its id."""
    limit_s = time.monotonic() + LIMIT_S
    while time.monotonic() < limit_s:
        for child in multiprocessing.active_children():
            if is_ready():
                return child.pid
        time.sleep(0.05)
    raise AssertionError("nothing was trained")


def _meanwhile(function):
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def test_it_trains_as_it_would_here_and_says_how_long(shards, tmp_path):
    seconds = apart.train(_config(tmp_path, shards), shards, tmp_path)
    assert 0 < seconds < LIMIT_S
    newest = tf.train.latest_checkpoint(str(tmp_path / "checkpoints/last"))
    assert newest.endswith("last-2")
    assert multiprocessing.active_children() == []


def test_what_is_refused_there_is_refused_here(shards, tmp_path):
    config = _config(tmp_path, shards, xla=True, logical_processors=2, devices=2)
    with pytest.raises(InputError, match=r"--config\.xla=true compiles each replica by itself"):
        apart.train(config, shards, tmp_path)


def test_a_signal_here_stops_it_there_saved(shards, tmp_path):
    config = _config(tmp_path, shards, train_steps=100_000, log_every_steps=1)

    def stop():
        _child_of_mine(lambda: any((tmp_path / "checkpoints").glob("last/checkpoint")))
        os.kill(os.getpid(), signal.SIGINT)

    thread = _meanwhile(stop)
    with pytest.raises(StoppedError, match=r"Stopped at step \d+ of 100000, saved in"):
        apart.train(config, shards, tmp_path)
    thread.join()


def test_that_it_was_killed_is_said(shards, tmp_path):
    config = _config(tmp_path, shards, train_steps=100_000, log_every_steps=1)

    def kill():
        os.kill(_child_of_mine(lambda: True), signal.SIGKILL)

    thread = _meanwhile(kill)
    with pytest.raises(InputError, match=r"the process that trained in .* was killed"):
        apart.train(config, shards, tmp_path)
    thread.join()
