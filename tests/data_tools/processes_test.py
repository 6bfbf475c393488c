import functools
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time
import types

import pytest

from data_tools import processes
from mammo.common.errors import InputError
from tests import programs


def _square(task, after_unit):
    after_unit()
    return task * task


def _fail_on_three(task, after_unit):
    if task == 3:
        raise InputError("three")
    return _square(task, after_unit)


def _fail_or_sleep(task, after_unit):
    if task == 0:
        raise InputError("zero")
    time.sleep(600)


def _die(task, after_unit):
    os.kill(os.getpid(), signal.SIGKILL)


def _length_of(shared, task, after_unit):
    return len(shared)


class _Counting:
    """A function that counts how often this process pickles it."""

    pickled = 0

    def __reduce__(self):
        _Counting.pickled += 1
        return _Counting, ()

    def __call__(self, task, after_unit):
        return _square(task, after_unit)


def _run(function, tasks, count=2):
    return sorted(processes.run(function, tasks, count, total=len(tasks), unit=" task"))


def test_every_task_gives_its_result():
    assert _run(_square, range(7)) == [0, 1, 4, 9, 16, 25, 36]


def test_no_task_is_no_result():
    assert _run(_square, []) == []


def _noting(taken):
    for task in range(100):
        taken.append(task)
        yield task


@pytest.mark.parametrize("count", [1, 2])
def test_tasks_are_taken_as_results_are_used(count):
    taken: list[int] = []
    ahead = []
    for used, _ in enumerate(processes.run(_square, _noting(taken), count, total=100, unit=" task")):
        ahead.append(len(taken) - used)
    assert (len(ahead), len(taken)) == (100, 100)
    # The result in hand is not yet used, and the next task was handed out for it.
    assert 1 <= max(ahead) <= processes.TASKS_AHEAD * count + 1


def test_a_result_that_nobody_uses_holds_up_the_tasks():
    taken: list[int] = []
    results = processes.run(_square, _noting(taken), 2, total=100, unit=" task")
    assert isinstance(results, types.GeneratorType)
    next(results)
    assert len(taken) == 2 * processes.TASKS_AHEAD + 1
    results.close()
    assert not multiprocessing.active_children()


def test_workers_get_the_function_once_and_not_with_each_task():
    _Counting.pickled = 0
    assert _run(_Counting(), range(50)) == [task * task for task in range(50)]
    assert _Counting.pickled == 1


def test_what_tasks_share_may_be_large():
    shared = bytes(range(256)) * 2**14  # more than a pipe takes at once
    assert _run(functools.partial(_length_of, shared), range(3)) == [len(shared)] * 3


def test_what_a_task_raises_reaches_the_caller():
    with pytest.raises(InputError, match="three"):
        _run(_fail_on_three, range(6))


def test_a_failure_does_not_wait_for_the_other_tasks():
    with pytest.raises(InputError, match="zero"):
        _run(_fail_or_sleep, [1, 0, 2])
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("tasks", [1, 50])
def test_a_killed_worker_is_said_in_a_sentence(tasks):
    with pytest.raises(InputError, match="fewer --workers"):
        _run(_die, range(tasks))
    assert not multiprocessing.active_children()


PARENT = """
import os, pathlib, sys, time
from data_tools import processes
def sleep(task, after_unit):
    pathlib.Path(task, str(os.getpid())).touch()
    time.sleep(600)
if __name__ == "__main__":
    list(processes.run(sleep, [sys.argv[1]] * 2, 2, total=2, unit=" task"))
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script, pids = tmp_path / "parent.py", tmp_path / "pids"
    script.write_text(PARENT)
    pids.mkdir()
    parent = subprocess.Popen([sys.executable, script, pids], env=programs.environment())
    try:
        _wait_until(lambda: len(list(pids.iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()
    workers_pids = [int(path.name) for path in pids.iterdir()]
    _wait_until(lambda: not any(map(_is_running, workers_pids)))
    assert not any(map(_is_running, workers_pids))


STARTING = """
import pathlib, sys, time
from data_tools import processes
def nothing(task, after_unit):
    after_unit()
if __name__ == "__main__":
    list(processes.run(nothing, [1, 2], 2, total=2, unit=" task"))
else:
    pathlib.Path(sys.argv[1], "worker").touch()
    until = time.monotonic() + 60
    while not pathlib.Path(sys.argv[1], "interrupted").exists() and time.monotonic() < until:
        time.sleep(0.02)
"""


def test_ctrl_c_reaches_no_worker_while_it_starts(tmp_path):
    script = tmp_path / "starting.py"
    script.write_text(STARTING)
    parent = subprocess.Popen(
        [sys.executable, script, tmp_path],
        env=programs.environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _wait_until((tmp_path / "worker").exists)
    os.killpg(parent.pid, signal.SIGINT)
    (tmp_path / "interrupted").touch()
    said = parent.communicate(timeout=60)[1]
    assert said.count("Traceback") == 1, said  # the parent's own


def _wait_until(condition, at_most_s=60):
    deadline = time.monotonic() + at_most_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
