"""The commands of the manifests in deploy/, with the environment that they set, on this machine's loopback."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import pyspark
import pytest

from data_tools.phantoms import layout
from mammo import start
from tests import programs
from tests.data_tools import drawn_source
from tests.mammo.training import disc_shards

MANIFESTS = pathlib.Path("deploy/kubernetes")
LIMIT_S = 300
PROGRAMS = ("data_tools.convert", "mammo.train", "configs.cloud.detector_8_gpus")  # that the manifests name
EXAMS = 4
# Of a task that has run for a moment a second copy runs elsewhere: what a pair of shards is must not depend on it.
EAGER = [f"--spark_conf=spark.speculation{name}" for name in ("=true", ".multiplier=1.01", ".quantile=0.1")]
# Tasks are handed out when both pods are there, lest the first have done all before the other came.
TOGETHER = [
    f"--workers={2 * (os.cpu_count() or 1)}",
    "--spark_conf=spark.scheduler.minRegisteredResourcesRatio=1",
    "--spark_conf=spark.scheduler.maxRegisteredResourcesWaitingTime=60s",
]
SMALL = ["--source=mini_ddsm", "--height=64", "--width=40", "--views_per_shard=2"]


def _told(manifest: str) -> tuple[list[str], dict[str, str]]:
    """Returns the arguments of the one container in a manifest, and its environment."""
    text = (MANIFESTS / manifest).read_text()
    block = re.search(r"\n( +)args:\n((?:\1  .*\n)+)\1env:\n((?:\1  .*\n)+)", text)
    assert block
    arguments = re.findall(r"- (.+)\n", block[2])
    environment = dict(re.findall(r'- name: (.+)\n +value: "?([^"\n]+)"?\n', block[3]))
    return arguments, environment


@contextlib.contextmanager
def _pods(
    manifest: str, data_dir: pathlib.Path, logs: pathlib.Path, *, more: Sequence[str], count: int = 2
) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Starts the container of a manifest as so many pods, whose shared disk is `data_dir`."""
    arguments, told = _told(manifest)
    assert start.programs()[arguments[0]] in PROGRAMS
    address = _address(count)
    command = [
        sys.executable,
        "-I",
        start.__file__,
        *(each.replace("/data/", f"{data_dir}/") for each in arguments),
        *more,
    ]
    with contextlib.ExitStack() as opened:
        pods = []
        for index in range(count):
            own: Mapping[str, str] = {
                **programs.environment(),
                **told,
                "MAMMO_WORKERS": str(count),
                "MAMMO_WORKER_HOST": address,
                "JOB_COMPLETION_INDEX": str(index),
                "MAMMO_SPARK_FOLDER": str(pathlib.Path(pyspark.__file__).parents[1]),
            }
            log = opened.enter_context((logs / f"{index}.log").open("w"))
            pods.append(subprocess.Popen(command, env=own, cwd=logs, stdout=log, stderr=subprocess.STDOUT))
        try:
            yield pods
        finally:
            for pod in pods:
                pod.kill()
                pod.wait()


def _address(count: int) -> str:
    """Returns the address of all pods, with {index} in it: a port for each, which TensorFlow takes of all addresses."""
    for tens in range(2000, 3000):
        with contextlib.ExitStack() as opened:
            try:
                for index in range(count):
                    opened.enter_context(socket.socket()).bind(("localhost", 10 * tens + index))
            except OSError:  # one is in use
                continue
        return f"localhost:{tens}{{index}}"
    raise AssertionError("there are no ports side by side")


def _end(pod: "subprocess.Popen[bytes]", log: pathlib.Path) -> None:
    assert pod.wait(LIMIT_S) == 0, log.read_text()


def _runs_tasks(pod: "subprocess.Popen[bytes]") -> bool:
    """Whether Spark has started Python for its tasks below a pod."""
    parents: dict[str, str] = {}
    daemons: list[str] = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parents[process.name] = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if b"pyspark.daemon" in (process / "cmdline").read_bytes():
                daemons.append(process.name)
    above = set(daemons)
    for _ in parents:  # no family is deeper
        above |= {parents[name] for name in above if name in parents}
    return str(pod.pid) in above


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    layout.write_exams(folder / "images", EXAMS, seed=0, height_px=320, workers=1)
    return folder


def test_a_conversion_of_which_a_pod_vanishes_makes_the_bytes_of_one_machine(data_dir, tmp_path):
    local, shards = tmp_path / "local", data_dir / "shards"
    flags = [f"--data_dir={data_dir / 'images'}", f"--output_dir={local}", "--workers=1"]
    assert programs.run("data_tools.convert", *flags, *SMALL).returncode == 0
    with _pods("conversion.yaml", data_dir, tmp_path, more=[*SMALL, *EAGER, *TOGETHER]) as (first, other):
        limit_s = time.monotonic() + LIMIT_S
        while not (list(shards.glob(".journal/*-*.json")) and _runs_tasks(other)):
            assert first.poll() is None and time.monotonic() < limit_s, (tmp_path / "0.log").read_text()
            time.sleep(0.05)
        other.kill()  # Linux kills Spark's worker with it, which its tasks notice and end
        _end(first, tmp_path / "0.log")
    assert drawn_source.read_bytes(shards) == drawn_source.read_bytes(local)
    assert f"{EXAMS * 4}/{EXAMS * 4}" in (tmp_path / "0.log").read_text()
    with _pods("conversion.yaml", data_dir, tmp_path, more=SMALL) as (_, late):  # as if it had come back
        _end(late, tmp_path / "1.log")
    assert "this worker has no more to do" in (tmp_path / "1.log").read_text()


def test_a_training_runs_on_two_pods_as_one_run(tmp_path):
    disc_shards.write(tmp_path / "shards", {"train": 8, "validation": 4, "test": 4})
    small = {"train_steps": 2, "input.batch_size": 2, "optimizer.warmup_steps": 1, "precision": "float32", "xla": False}
    small |= {"model.backbone": "csp_darknet_nano", "model.pyramid_channels": 8, "model.weights": "none"}
    small |= {"evaluate_every_steps": 0, "save_every_steps": 0, "log_every_steps": 1, "devices": 0}
    more = [f"--config.{name}={value}" for name, value in small.items()]
    with _pods("training.yaml", tmp_path, tmp_path, more=more) as pods:
        for index, pod in enumerate(pods):
            _end(pod, tmp_path / f"{index}.log")
    run = tmp_path / "runs/detector"
    assert (run / "report.html").is_file()
    assert '"workers": 2' in (run / "config.json").read_text()
    assert "[worker 1 of 2]" in (tmp_path / "1.log").read_text()
    assert os.listdir(run / "checkpoints") != []  # noqa: PTH208
