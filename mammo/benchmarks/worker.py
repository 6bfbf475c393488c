"""One worker of `workers.measure`, in a process of its own: trains on the cores that it is given, and says how fast."""

import dataclasses
import json
import os
import pathlib
import sys
import time

import msgspec

from mammo.common import tensorflow_settings, typed_json


@dataclasses.dataclass(frozen=True)
class Task:
    """What a worker does.

    Attributes:
        shards_dir: What it trains on.
        folder: Where the chief saves.
        cores: Which it takes.
        batch_size: Of its one replica.
        steps: How many are timed, after as many that are not.
        rounds: How often.
    """

    shards_dir: str
    folder: str
    cores: list[int]
    batch_size: int
    steps: int
    rounds: int


@dataclasses.dataclass(frozen=True)
class Timed:
    """What a worker says.

    Attributes:
        steps_per_second: In each round.
        checkpoint_s: Seconds of saving the whole state, in each round.
    """

    steps_per_second: list[float]
    checkpoint_s: list[float]


def main() -> None:
    """Takes a `Task` as JSON, prints a `Timed`."""
    task = typed_json.into(typed_json.decode(sys.argv[1].encode()), Task)
    os.sched_setaffinity(0, task.cores)  # before TensorFlow counts them
    tensorflow_settings.apply()
    print(json.dumps(msgspec.to_builtins(_run(task))))


def _run(task: Task) -> Timed:
    from configs import detector as preset  # noqa: PLC0415  see above
    from mammo.benchmarks.training_steps import TrainingSteps  # noqa: PLC0415
    from mammo.config import conversion  # noqa: PLC0415
    from mammo.config.run import DetectorConfig  # noqa: PLC0415
    from mammo.data.shards import Shards  # noqa: PLC0415
    from mammo.training import distribution  # noqa: PLC0415
    from mammo.training.checkpoints import Checkpoints  # noqa: PLC0415

    fields = preset.get_config()
    fields.input.batch_size = task.batch_size
    fields.model.batch_norm = "replica"  # as the preset for several GPUs has it
    config = conversion.to_dataclass(DetectorConfig, fields, "configs/detector.py")
    strategy = distribution.make_strategy(devices=0)
    made = TrainingSteps(config, Shards.open(pathlib.Path(task.shards_dir)), strategy)
    run, checkpoints = made.on(made.input_batches()), Checkpoints(pathlib.Path(task.folder), made.state)
    run(task.steps)
    timed = Timed([], [])
    for _ in range(task.rounds):
        began_s = time.perf_counter()
        run(task.steps)
        timed.steps_per_second.append(task.steps / (time.perf_counter() - began_s))
        began_s = time.perf_counter()
        checkpoints.save_last()
        timed.checkpoint_s.append(time.perf_counter() - began_s)
    return timed


if __name__ == "__main__":
    main()
