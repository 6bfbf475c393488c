import json
import os
import signal
import subprocess
import sys
import time

import pytest

from mammo.training import stopwatch
from mammo.training.stopwatch import Seconds
from tests import programs

COUNTING = """
import pathlib, sys, time
from mammo.training import stopwatch
stopwatch._NOTE_EVERY_S = 0.02
with stopwatch.counting(pathlib.Path(sys.argv[1]), "training_s"):
    time.sleep(600)
"""


def test_a_process_adds_to_what_those_before_it_took(tmp_path):
    (tmp_path / "seconds.json").write_text(json.dumps({"preparation_s": 7.0, "training_s": 100.0}))
    with stopwatch.counting(tmp_path, "training_s") as clock:
        time.sleep(0.02)
    noted = stopwatch.read(tmp_path)
    assert 100.02 <= noted.training_s <= clock.total_s < 160
    assert noted.preparation_s == 7.0
    assert clock.total_s == clock.total_s  # it has stopped


def test_the_time_of_a_process_that_failed_counts(tmp_path):
    with pytest.raises(RuntimeError), stopwatch.counting(tmp_path, "preparation_s"):
        time.sleep(0.02)
        raise RuntimeError
    assert stopwatch.read(tmp_path).preparation_s >= 0.02


def test_the_time_of_a_process_that_was_killed_counts(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", COUNTING, tmp_path], env=programs.environment())
    deadline_s = time.monotonic() + 60
    while stopwatch.read(tmp_path).training_s < 0.1:
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert stopwatch.read(tmp_path).training_s >= 0.1


def test_a_run_that_was_finished_is_not_counted_again(tmp_path):
    (tmp_path / "seconds.json").write_text(json.dumps({"preparation_s": 7.0, "training_s": 100.0}))
    with stopwatch.counting(tmp_path, "training_s") as clock:
        clock.discount()
        time.sleep(0.02)
    assert (clock.total_s, stopwatch.read(tmp_path).training_s) == (100.0, 100.0)


@pytest.mark.parametrize("text", ["", "[]", '{"training_s": "long"}'])
def test_a_damaged_note_counts_as_nothing(tmp_path, text):
    (tmp_path / "seconds.json").write_text(text)
    assert stopwatch.read(tmp_path) == Seconds()
