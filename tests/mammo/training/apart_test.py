"""A model that is trained in a process of its own; real networks, since that process imports the project anew."""

import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest
import tensorflow as tf

from mammo.common.errors import InputError, StoppedError
from mammo.training import apart, workdir
from tests import programs
from tests.mammo.training import disc_shards

LIMIT_S = 120


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 8, "validation": 2, "test": 2})


def _config(folder, shards, **changes):
    asked = disc_shards.config(**{"train_steps": 2, "save_every_steps": 1, "evaluate_every_steps": 0, **changes})
    return workdir.settle_config(folder, asked, shards)


def _process_that_trains(folder):
    """Waits until a process of this one has saved a checkpoint, and returns its id."""
    limit_s = time.monotonic() + LIMIT_S
    while time.monotonic() < limit_s:
        if any((folder / "checkpoints").glob("last/checkpoint")):
            return multiprocessing.active_children()[0].pid
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
        _process_that_trains(tmp_path)
        os.kill(os.getpid(), signal.SIGINT)

    thread = _meanwhile(stop)
    with pytest.raises(StoppedError, match=r"Stopped at step \d+ of 100000, saved in"):
        apart.train(config, shards, tmp_path)
    thread.join()


def test_that_it_was_killed_is_said(shards, tmp_path):
    config = _config(tmp_path, shards, train_steps=100_000, log_every_steps=1)

    def kill():
        os.kill(_process_that_trains(tmp_path), signal.SIGKILL)

    thread = _meanwhile(kill)
    with pytest.raises(InputError, match=r"a process of this program was killed"):
        apart.train(config, shards, tmp_path)
    thread.join()


SCRIPT = """
import pathlib, sys, time
from mammo.training import apart
def note(path):
    pathlib.Path(path).write_text("here")
    time.sleep(600)
if __name__ == "__main__":
    apart.call(note, sys.argv[1])
"""


def test_it_ends_with_a_program_that_is_killed(tmp_path):
    (tmp_path / "program.py").write_text(SCRIPT)
    here = tmp_path / "here"
    command = [sys.executable, str(tmp_path / "program.py"), str(here)]
    with (tmp_path / "log").open("w") as log:
        program = subprocess.Popen(command, env=programs.environment(), stdout=log, stderr=log)
    limit_s = time.monotonic() + LIMIT_S
    while not here.exists():
        assert program.poll() is None and time.monotonic() < limit_s, (tmp_path / "log").read_text()
        time.sleep(0.05)
    children = pathlib.Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
    program.kill()
    program.wait()
    while any(pathlib.Path(f"/proc/{child}/cwd").exists() for child in children):
        assert time.monotonic() < limit_s
        time.sleep(0.05)
    assert children
