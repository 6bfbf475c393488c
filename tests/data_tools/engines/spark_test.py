import os
import signal

import pytest

from data_tools.engines.spark import Spark
from mammo.common.errors import InputError
from mammo.training import cluster
from tests import programs


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


def test_spark_says_no_more_than_a_person_must_see(capfd):
    _run(_halve, [2])
    assert "WARN" not in (said := capfd.readouterr().err), said
    assert "log level" not in said, said


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
        ("spark://localhost:1", r"no Spark master answers at spark://localhost:1"),
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
def test_flags_that_do_not_fit_are_refused(tmp_path, monkeypatch, environment, flags, sentence):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended = programs.run("data_tools.convert", "--data_dir=data", "--output_dir=out", *flags, cwd=tmp_path)
    assert (ended.returncode, sentence in ended.stderr) == (1, True), ended.stderr
    assert not (tmp_path / "out").exists()
