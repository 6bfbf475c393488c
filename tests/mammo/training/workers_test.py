"""Two workers on this machine, each a process as a launcher starts it: one run that is stopped, killed and goes on.

One run shows all, since each start of two builds and traces two networks: told to stop at one worker, it is saved by
both; killed at one worker, the other ends; each time the same command goes on, to the weights of a run of one worker
that was never stopped.
"""

import dataclasses
import json
import pathlib
import re
import signal
import time

import numpy as np
import pytest
import tensorflow as tf

from mammo.training import cluster
from tests import programs
from tests.mammo.training import disc_shards
from tests.programs import Program

_STEPS = 30
_PROGRAM = ("tests.mammo.models.with_short_darknet", "mammo.train")
_SETTINGS = (
    "--stage=detector",
    "--config.model.pyramid_channels=8",
    "--config.model.max_levels=2",
    "--config.model.head_depth=1",
    "--config.precision=float32",
    f"--config.train_steps={_STEPS}",
    "--config.optimizer.kind=sgd",  # AdamW makes much of what rounding makes differ where a gradient is nearly 0
    "--config.optimizer.learning_rate=1e-3",
    "--config.optimizer.warmup_steps=1",
    "--config.log_every_steps=1",
    "--config.save_every_steps=2",
    "--config.evaluate_every_steps=10",
)
_MOST_S = 240


@dataclasses.dataclass
class Workers:
    """Two processes of one job.

    Attributes:
        workdir: Of the run, which they share.
        processes: By number.
        logs: What each prints.
    """

    workdir: pathlib.Path
    processes: list[Program]
    logs: list[pathlib.Path]

    def wait_for_step(self, step: int) -> None:
        until_s = time.monotonic() + _MOST_S
        while max((row["step"] for row in _metrics(self.workdir)), default=0) < step:
            if any(process.poll() is not None for process in self.processes) or time.monotonic() > until_s:
                for process in self.processes:
                    process.kill()
                raise AssertionError([path.read_text() for path in self.logs])
            time.sleep(0.01)  # less than a step

    def threads(self) -> int:
        """How many the chief has."""
        status = pathlib.Path(f"/proc/{self.processes[0].pid}/status").read_text()
        return int(re.findall(r"^Threads:\s*(\d+)", status, re.MULTILINE)[0])

    def end(self) -> list[tuple[int, str]]:
        """The exit status of each, and what it has printed."""
        try:
            statuses = [process.wait(_MOST_S) for process in self.processes]
        finally:
            for process in self.processes:
                process.kill()
        return [(status, path.read_text()) for status, path in zip(statuses, self.logs, strict=True)]


def _start(folder: pathlib.Path) -> Workers:
    command = [*_PROGRAM, *_SETTINGS, "--config.input.batch_size=2"]
    command += [f"--data_dir={folder / 'shards'}", f"--workdir={folder / 'run'}"]
    processes, logs = [], [folder / f"worker-{index}.log" for index in range(2)]
    for worker, log in zip(cluster.on_this_machine(len(logs)), logs, strict=True):
        log.unlink(missing_ok=True)
        given = {"TF_CONFIG": worker.tf_config()}
        processes.append(programs.begin(*command, stdout=log, stderr=log, more=given))
    return Workers(folder / "run", processes, logs)


def _metrics(workdir: pathlib.Path) -> list[dict[str, float]]:
    path = workdir / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def _variables(workdir: pathlib.Path) -> dict[str, np.ndarray]:
    """What the last checkpoint holds."""
    path = tf.train.latest_checkpoint(str(workdir / "checkpoints" / "last"))
    reader = tf.train.load_checkpoint(path)
    return {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if "_CHECKPOINTABLE" not in name
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("job")
    disc_shards.write(made / "shards", {"train": 22, "validation": 5, "test": 7})
    return made


@pytest.fixture(scope="module")
def stopped(folder):
    """Told to stop at the worker that is not the chief."""
    workers = _start(folder)
    workers.wait_for_step(3)
    workers.processes[1].send_signal(signal.SIGTERM)
    return workers.end()


@pytest.fixture(scope="module")
def killed(folder, stopped):
    """Gone on with, until the worker that is not the chief is killed."""
    workers = _start(folder)
    done = max(row["step"] for row in _metrics(workers.workdir))
    workers.wait_for_step(int(done) + 1)
    before = workers.threads()
    workers.wait_for_step(int(done) + 6)
    # With a time limit for collectives, TensorFlow leaves hundreds of threads asleep with each step.
    assert workers.threads() < before + 300
    workers.processes[1].kill()
    return workers.end()


@pytest.fixture(scope="module")
def ended(folder, killed):
    return _start(folder).end()


def test_a_signal_at_one_worker_stops_both_at_one_step_and_saves(stopped):
    statuses, said = zip(*stopped, strict=True)
    assert statuses == (128 + signal.SIGTERM,) * 2, said
    steps = [re.search(rf"Stopped at step (\d+) of {_STEPS}, saved in", text) for text in said]
    assert steps[0] is not None
    assert steps[1] is not None
    assert steps[0][1] == steps[1][1]


def test_when_a_worker_dies_the_other_ends_with_a_sentence(killed):
    (status, said), (killed_status, _) = killed
    assert killed_status == -signal.SIGKILL
    assert status == 1, said
    assert "error: worker 0 of 2 has lost another, which ended or cannot be reached; start all workers again" in said
    assert "Traceback" not in said


def test_the_same_command_goes_on_to_the_end(ended, folder):
    statuses, said = zip(*ended, strict=True)
    assert statuses == (0, 0), said
    assert re.search(r"\[worker 1 of 2\] Going on from step \d+", said[1])
    assert [row["step"] for row in _metrics(folder / "run") if "loss/total" in row] == list(range(1, _STEPS + 1))


def test_the_chief_alone_writes_and_every_image_is_counted_once(ended, folder):
    (_, of_chief), (_, of_other) = ended
    assert "report.html after" in of_chief
    assert "report.html" not in of_other
    report = json.loads((folder / "run" / "report.json").read_text())
    assert report["n"]["images"] == 7
    assert len(list((folder / "run" / "tensorboard").glob("events*"))) == 3  # one a start


@pytest.mark.parametrize(("replicas", "batch_size"), [(1, 4), (2, 2)])
def test_two_workers_make_the_updates_of_one_with_the_same_global_batch(ended, folder, replicas, batch_size):
    alone = folder / f"alone-{replicas}"
    made = programs.run(
        *_PROGRAM,
        *_SETTINGS,
        f"--config.input.batch_size={batch_size}",
        f"--config.devices={replicas}",
        f"--config.logical_processors={replicas}",
        f"--data_dir={folder / 'shards'}",
        f"--workdir={alone}",
    )
    assert made.returncode == 0, made.stderr
    one, shared = _variables(alone), _variables(folder / "run")
    assert one.keys() == shared.keys()
    # One replica's fused kernel corrects the moving variance for the size of the batch, see `share_batch_norm`.
    weights = [name for name in one if "/model/" in name and "moving" not in name]
    (momentum, position) = (next(name for name in one if part in name) for part in ("moments/0", "/position"))
    assert np.abs(one[momentum]).max() > 1e-4  # or the same weights would say little
    for name in [*weights, momentum, position]:
        np.testing.assert_allclose(shared[name], one[name], atol=1e-5, err_msg=name)
