"""How fast a detector trains on this machine's accelerator at several batch sizes, and how busy it is kept.

On a processor it runs, too, and leaves out what only a GPU has.
"""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable, Sequence

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from configs.cloud import detector_1_gpu
from mammo.benchmarks import input_pipeline, training_steps
from mammo.benchmarks.training_steps import TrainingSteps
from mammo.config import conversion
from mammo.config.data import Encoding
from mammo.config.run import DetectorConfig
from mammo.data.shards import Shards
from mammo.training import distribution

BATCH_SIZES = (8, 16, 32)

_PROFILED_STEPS = 10
_GPU_PLANE = "/device:GPU"
_KERNEL_LINE = "Stream"  # of such a plane: what ran on one stream of the GPU


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured at one batch size, with the preset `cloud/detector_1_gpu`.

    Attributes:
        precision: That --config.precision=auto chose.
        first_step_s: Tracing, compiling and making the first step; again in a second network, which finds compiled
            what TensorFlow has kept.
        step_images_per_second: Of steps alone, on one batch in memory.
        together_images_per_second: Of steps on batches of the pipeline.
        run_images_per_second: Of the loop, with its metrics.
        operations_outside_compiled: Launched one by one in a step.
        kernels_a_step: That ran on the GPU; None without one.
        busy_share: Of the time of some steps, with their input, in which a kernel ran; None without a GPU.
        peak_memory_mib: Of the GPU; None without one.
    """

    precision: str
    first_step_s: list[float]
    step_images_per_second: float
    together_images_per_second: float
    run_images_per_second: float
    operations_outside_compiled: int
    kernels_a_step: float | None
    busy_share: float | None
    peak_memory_mib: float | None


def measure(
    exams: int,
    encoding: Encoding = Encoding.JPEG,
    height_px: int = 768,
    width_px: int = 480,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    seconds: float = 10.0,
) -> dict[str, Figures]:
    """Trains on drawn views at each batch size.

    Args:
        exams: Of four views each.
        encoding: How images are stored in the shards.
        height_px: Of the images.
        width_px: Of the images.
        batch_sizes: Of one device.
        seconds: Of each run, about; at least one step is made.

    Returns:
        The figures by batch size.
    """
    with tempfile.TemporaryDirectory() as folder:
        _, shards = input_pipeline.write_shards(pathlib.Path(folder), exams, encoding, height_px, width_px)
        precision = distribution.set_precision("auto")
        measured = {}
        for batch_size in batch_sizes:
            config = _config(batch_size)
            measured[f"batch_{batch_size}"] = _measure(config, shards, precision, pathlib.Path(folder), seconds)
        return measured


def _measure(config: DetectorConfig, shards: Shards, precision: str, folder: pathlib.Path, seconds: float) -> Figures:
    gpus, batch_size = tf.config.list_physical_devices("GPU"), config.input.batch_size
    strategy = distribution.make_strategy(devices=1)
    if gpus:
        tf.config.experimental.reset_memory_stats("GPU:0")
    made = [TrainingSteps(config, shards, strategy) for _ in range(2)]
    batch = next(iter(made[0].stage.build_training_dataset(tf.distribute.InputContext(), 0)))
    first_step_s = [training_steps.seconds_of(steps.on(steps.repeated(batch)), 1) for steps in made]
    steps = made[0]
    batches = steps.input_batches()
    together = steps.on(batches)
    return Figures(
        precision=precision,
        first_step_s=first_step_s,
        step_images_per_second=training_steps.rate_of(steps.on(steps.repeated(batch)), batch_size, seconds)(),
        together_images_per_second=training_steps.rate_of(together, batch_size, seconds)(),
        run_images_per_second=training_steps.rate_of(steps.in_a_run(batches, folder / "run"), batch_size, seconds)(),
        operations_outside_compiled=steps.operations_outside(batches),
        **_profile(together),
        peak_memory_mib=tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20 if gpus else None,
    )


def _config(batch_size: int) -> DetectorConfig:
    config = detector_1_gpu.get_config()
    config.model.weights = "none"
    config.input.batch_size = batch_size
    return conversion.to_dataclass(DetectorConfig, config, "configs/cloud/detector_1_gpu.py")


def _profile(run: Callable[[int], None]) -> dict[str, float | None]:
    """Returns the figures that a profile of some steps has of the first GPU."""
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            run(_PROFILED_STEPS)
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    return of_profile(space, _PROFILED_STEPS)


def of_profile(space: xplane_pb2.XSpace, steps: int) -> dict[str, float | None]:
    """Returns `kernels_a_step` and `busy_share` of a profile of so many steps.

    Kernels of several streams that run at once count once in the busy time, which is a share of the time from the
    first kernel's start to the last one's end.
    """
    planes = [plane for plane in space.planes if plane.name.startswith(_GPU_PLANE)]
    spans = sorted(
        (line.timestamp_ns * 1000 + event.offset_ps, line.timestamp_ns * 1000 + event.offset_ps + event.duration_ps)
        for plane in planes[:1]
        for line in plane.lines
        if line.name.startswith(_KERNEL_LINE)
        for event in line.events
    )
    if not spans:
        return {"kernels_a_step": None, "busy_share": None}
    busy_ps, reached = 0, spans[0][0]
    for begin, end in spans:
        busy_ps += max(end - max(begin, reached), 0)
        reached = max(reached, end)
    return {"kernels_a_step": len(spans) / steps, "busy_share": busy_ps / max(reached - spans[0][0], 1)}
