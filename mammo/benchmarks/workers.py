"""How fast two workers of one core each train, against one worker of two cores with the same global batch."""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from mammo.benchmarks import input_pipeline, ratios
from mammo.benchmarks.worker import Task, Timed
from mammo.common import typed_json
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.training import cluster

_CORES = 2
_ROOT = pathlib.Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        one_images_per_second: Of one worker of two cores, in each round.
        two_images_per_second: Of two workers of one core each.
        two_share: Median of the ratios of the latter to the former.
        one_checkpoint_s: Median of the seconds that one worker takes to save its whole state.
        two_checkpoint_s: Of two, at the chief.
    """

    one_images_per_second: list[float]
    two_images_per_second: list[float]
    two_share: float
    one_checkpoint_s: float
    two_checkpoint_s: float


def measure(
    exams: int,
    repeats: int,
    encoding: Encoding = Encoding.PNG16,
    height_px: int = 384,
    width_px: int = 256,
    batch_size: int = 8,
    steps: int = 20,
) -> Figures:
    """Trains `configs/detector.py` on drawn views both ways, one after the other, on two cores of this machine.

    Args:
        exams: Of four views each.
        repeats: Rounds of either.
        encoding: How images are stored in the shards.
        height_px: Of the images in the shards.
        width_px: Of the images in the shards.
        batch_size: Of the global batch.
        steps: Of a round.

    Raises:
        InputError: There are fewer than two cores.
    """
    cores = sorted(os.sched_getaffinity(0))[:_CORES]
    if len(cores) < _CORES:
        raise InputError("two workers are measured on two cores, and there is one; run it on another machine.")
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        _, shards = input_pipeline.write_shards(root, exams, encoding, height_px, width_px)
        whole = Task(str(shards.folder), str(root / "one"), cores, batch_size, steps, repeats)
        half = dataclasses.replace(whole, folder=str(root / "two"), batch_size=batch_size // _CORES)
        (one,) = _run([whole])
        two, _ = _run([dataclasses.replace(half, cores=[core]) for core in cores])
    of_one, of_two = ([batch_size * rate for rate in timed.steps_per_second] for timed in (one, two))
    return Figures(
        one_images_per_second=of_one,
        two_images_per_second=of_two,
        two_share=ratios.median(of_two, of_one),
        one_checkpoint_s=statistics.median(one.checkpoint_s),
        two_checkpoint_s=statistics.median(two.checkpoint_s),
    )


def _run(tasks: list[Task]) -> list[Timed]:
    """Runs a process for each task, all at once, as workers of one job."""
    processes = []
    for worker, task in zip(cluster.on_this_machine(len(tasks)), tasks, strict=True):
        environment = {**os.environ, "TF_CONFIG": worker.tf_config()}
        environment["PYTHONPATH"] = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "mammo.benchmarks.worker", json.dumps(dataclasses.asdict(task))]
        processes.append(
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
            )
        )
    said = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(f"a worker has failed: {[process.args for process in processes if process.returncode]}")
    return [typed_json.into(typed_json.decode(text.splitlines()[-1].encode()), Timed) for text in said]
