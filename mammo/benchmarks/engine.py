"""What Spark costs: conversion on a cluster of this machine's cores against as many processes without it."""

import dataclasses
import os
import pathlib
import statistics
import tempfile
import time

from data_tools.engines import spark_nodes
from data_tools.engines.engine import Engine
from data_tools.engines.local import Local
from mammo.benchmarks import conversion
from mammo.benchmarks.conversion import FullSizeSource
from mammo.training import cluster


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        views: Converted in each run.
        seconds_local: Of each run with a process a core.
        seconds_spark: Of each run on a cluster with a task a core, in turn with the former; the cluster stands before.
        ratio: Median of the second by the first, pair by pair.
        seconds_cluster: Until a cluster stood, in each run.
    """

    views: int
    seconds_local: list[float]
    seconds_spark: list[float]
    ratio: float
    seconds_cluster: list[float]


def measure(
    exams: int, repeats: int, height_px: int = conversion.HEIGHT_PX, width_px: int = conversion.WIDTH_PX
) -> Figures:
    """Converts drawn 16-bit PNGs of real size with both engines in turn.

    Args:
        exams: Of four views each.
        repeats: Pairs of runs.
        height_px: Of the drawn views.
        width_px: Of the drawn views.
    """
    local, spark, standing = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        source = FullSizeSource(pathlib.Path(folder, "data"), exams, height_px, width_px)
        source.write()
        for repeat in range(repeats):
            local.append(_seconds(source, pathlib.Path(folder, f"local-{repeat}"), Local(os.cpu_count() or 1)))
            began_s = time.perf_counter()
            with spark_nodes.first_of(cluster.on_this_machine(1)[0], {}) as engine:
                standing.append(time.perf_counter() - began_s)
                spark.append(_seconds(source, pathlib.Path(folder, f"spark-{repeat}"), engine))
    ratio = statistics.median(its / own for its, own in zip(spark, local, strict=True))
    return Figures(4 * exams, local, spark, ratio, standing)


def _seconds(source: FullSizeSource, output_dir: pathlib.Path, engine: Engine) -> float:
    began_s = time.perf_counter()
    conversion.convert(source, output_dir, engine)
    return time.perf_counter() - began_s
