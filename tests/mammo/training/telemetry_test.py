import json

import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.training import telemetry
from mammo.training.telemetry import Telemetry

_SCALARS = {"loss/total": 1.5, "learning_rate": 0.1}


def _watch(folder, first_step, until):
    watch = Telemetry(folder, first_step, 10)
    for step in range(first_step + 1, until + 1):
        watch.steps(step, _SCALARS)
    watch.close()


def test_a_run_that_goes_on_notes_each_step_once(tmp_path):
    _watch(tmp_path, 0, 6)
    with (tmp_path / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"step": 7, "loss')  # killed while it wrote
    _watch(tmp_path, 4, 10)  # the last checkpoint was of step 4
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 11))
    assert rows[0] == {"step": 1, **_SCALARS}


def test_tensorboard_gets_the_same_figures(tmp_path):
    _watch(tmp_path, 0, 2)
    (events,) = (tmp_path / "tensorboard").iterdir()
    values = [value for event in tf.compat.v1.train.summary_iterator(str(events)) for value in event.summary.value]
    assert {value.tag for value in values} == set(_SCALARS)


def test_the_profiler_runs_in_its_window_alone(tmp_path):
    watch = Telemetry(tmp_path, 0, 10)
    with watch.profiling(1, (2, 4)):
        tf.ones([2]) + 1
    assert not list((tmp_path / "tensorboard").rglob("*.xplane.pb"))
    with watch.profiling(2, (2, 4)):
        tf.ones([2]) + 1
    watch.close()
    assert list((tmp_path / "tensorboard").rglob("*.xplane.pb"))


def test_a_figure_that_is_not_finite_is_missing_and_the_line_is_json(tmp_path):
    watch = Telemetry(tmp_path, 0, 10)
    watch.steps(1, {**_SCALARS, "gradient_norm": float("inf")})
    watch.close()
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 1, **_SCALARS}


def test_a_disk_that_takes_no_more_is_told_in_one_sentence(tmp_path, monkeypatch):
    watch = Telemetry(tmp_path, 0, 10)

    def flush():
        raise tf.errors.ResourceExhaustedError(None, None, "tensorboard/events.1; No space left on device [Op:Flush]")

    monkeypatch.setattr(watch._writer, "flush", flush)
    with pytest.raises(InputError, match=r"tensorboard could not be written \(No space left on device\)"):
        watch.steps(1, _SCALARS)
    watch.close()


def test_without_metrics_there_is_no_history(tmp_path):
    assert telemetry.read_metrics(tmp_path) == []
