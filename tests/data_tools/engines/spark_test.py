import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from data_tools.engines.spark import Spark
from data_tools.phantoms import layout
from mammo.common.errors import InputError
from mammo.training import cluster
from tests import programs
from tests.data_tools import drawn_source

EXAMS, VIEWS_PER_SHARD, LIMIT_S = 4, 2, 240
# Of each task that has run for a moment a second copy runs elsewhere: what a pair of shards is must not depend on it.
EAGER = [f"--spark_conf=spark.speculation{name}" for name in ("=true", ".multiplier=1.01", ".quantile=0.1")]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    layout.write_exams(folder, EXAMS, seed=0, height_px=320, workers=1)
    return folder


def _flags(data_dir, output_dir):
    sizes = ["--height=64", "--width=40", f"--views_per_shard={VIEWS_PER_SHARD}"]
    return [f"--data_dir={data_dir}", f"--output_dir={output_dir}", *sizes]


@contextlib.contextmanager
def _workers(flags, logs):
    """Starts the same command twice, as the two workers of a job."""
    command = [sys.executable, "-m", "data_tools.convert", *flags, "--engine=spark"]
    with contextlib.ExitStack() as opened:
        processes = []
        for each in cluster.on_this_machine(2):
            log = opened.enter_context((logs / f"{each.index}.log").open("w"))
            environment = programs.environment() | {"TF_CONFIG": each.tf_config()}
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT))
        try:
            yield processes
        finally:
            for process in processes:
                process.kill()
                process.wait()


def test_a_cluster_of_which_a_machine_vanishes_makes_the_bytes_of_one_machine(data_dir, tmp_path):
    local, spark = tmp_path / "local", tmp_path / "spark"
    assert programs.run("data_tools.convert", *_flags(data_dir, local), "--workers=1").returncode == 0
    with _workers([*_flags(data_dir, spark), *EAGER], tmp_path) as (first, other):
        limit_s = time.monotonic() + LIMIT_S
        while not list(spark.glob(".journal/*-*.json")):
            assert first.poll() is None and time.monotonic() < limit_s, (tmp_path / "0.log").read_text()
            time.sleep(0.05)
        other.kill()  # Linux kills Spark's worker with it, which its tasks notice and end
        assert first.wait(LIMIT_S) == 0, (tmp_path / "0.log").read_text()
    assert drawn_source.read_bytes(spark) == drawn_source.read_bytes(local)
    assert f"{EXAMS * 4}/{EXAMS * 4}" in (tmp_path / "0.log").read_text()


def test_the_other_workers_end_with_the_conversion(data_dir, tmp_path):
    output_dir = tmp_path / "shards"
    assert programs.run("data_tools.convert", *_flags(data_dir, output_dir), "--workers=1").returncode == 0
    two = cluster.on_this_machine(2)[1]
    environment = programs.environment() | {"TF_CONFIG": two.tf_config()}
    command = [sys.executable, "-m", "data_tools.convert", *_flags(data_dir, output_dir), "--engine=spark"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert ended.returncode == 0, ended.stderr
    assert "this worker has no more to do" in ended.stderr


def _halve(task, after_unit):
    if task % 2:
        raise InputError(f"{task} is odd; give even ones.")
    after_unit()
    return task // 2


def _fail(task, _after_unit):
    raise LookupError(f"nobody thought of {task}")


def _vanish(_task, _after_unit):
    os.kill(os.getpid(), signal.SIGKILL)


def _run(function, tasks, *settings):
    return sorted(Spark("local[2]", dict(settings)).run(function, tasks, total=len(tasks), unit=" task"))


def test_each_result_comes_once():
    assert _run(_halve, [2 * value for value in range(50)]) == list(range(50))


def test_there_may_be_nothing_to_do():
    assert _run(_halve, []) == []


def test_what_a_task_refuses_is_said_at_once_and_as_it_is():
    with pytest.raises(InputError, match=r": 3 is odd; give even ones\.$"):
        _run(_halve, [2, 3, 4])


def test_a_fault_of_the_program_shows_where_it_is():
    with pytest.raises(RuntimeError, match=r"(?s)in _fail.*nobody thought of 7"):
        _run(_fail, [7])


def test_a_task_that_is_killed_whoever_runs_it_says_what_to_do():
    with pytest.raises(InputError, match=r"killed on every machine that tried it"):
        _run(_vanish, [1])


@pytest.mark.parametrize(
    ("master", "sentence"),
    [
        ("spark://localhost:1", r"no Spark master answers at spark://localhost:1 \(.*refused\)"),
        ("localhost:7077", r"--spark_master=localhost:7077 is no master of Spark"),
    ],
)
def test_a_master_that_is_none_is_refused(master, sentence):
    with pytest.raises(InputError, match=sentence):
        list(Spark(master).run(_halve, [2], total=1, unit=" task"))


@pytest.mark.parametrize(
    ("environment", "flags", "sentence"),
    [
        ({}, ["--engine=spark", "--spark_conf=cores=3"], "--spark_conf=cores=3 is no setting of Spark"),
        ({"TF_CONFIG": cluster.on_this_machine(2)[0].tf_config()}, [], "--engine=local is for one worker"),
    ],
)
def test_flags_that_do_not_fit_are_refused(data_dir, tmp_path, monkeypatch, environment, flags, sentence):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended = programs.run("data_tools.convert", *_flags(data_dir, tmp_path / "out"), *flags)
    assert (ended.returncode, sentence in ended.stderr) == (1, True), ended.stderr
    assert not pathlib.Path(tmp_path / "out").exists()
