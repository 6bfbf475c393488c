"""How fast training steps are, with and without their input, against KerasCV's fit. All as ratios within one run."""

import contextlib
import dataclasses
import io
import math
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from configs import detector as detector_preset
from configs.cloud import detector_1_gpu
from mammo.benchmarks import input_pipeline, keras_cv_retinanet, ratios
from mammo.clinical import labels
from mammo.common import hardware
from mammo.config import conversion
from mammo.config.data import Encoding
from mammo.config.run import DetectorConfig
from mammo.data.batch import Batch
from mammo.data.shards import Shards
from mammo.models import anchor_boxes, backbones
from mammo.stages import detector
from mammo.stages.detector import DetectorTraining
from mammo.training import distribution, loop, optimizers
from mammo.training import steps as steps_lib
from mammo.training.state import TrainState
from mammo.training.telemetry import Telemetry

_LOOP_CALLS = 10
_KERAS_CV_LEVELS, _KERAS_CV_HEAD_DEPTH, _KERAS_CV_CHANNELS = 5, 3, 256  # of its own pyramid and heads, which are fixed


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured; images a second of each run, in turn with the others.

    Attributes:
        precision: That --config.precision=auto chose for all but KerasCV's training.
        has_amx: Whether the processor multiplies matrices of bfloat16 in units of their own.
        input_images_per_second: Of the pipeline alone.
        step_images_per_second: Of the steps of `configs/detector.py` alone, on one batch in memory.
        together_images_per_second: Of those steps on batches of the pipeline.
        together_share: Median of the ratios of both together to the slower of both alone.
        loop_share: What the loop does around the steps of one call, over the time of these steps.
        equal_images_per_second: Of our steps alone, with the network that KerasCV trains.
        keras_cv_images_per_second: Of `keras_cv.models.RetinaNet.fit` in float32, on the same batch in memory.
        step_speed_up: Median of the ratios of these two.
        preset_speed_up: Median of the ratios of the steps of `configs/detector.py` to KerasCV's.
    """

    precision: str
    has_amx: bool
    input_images_per_second: list[float]
    step_images_per_second: list[float]
    together_images_per_second: list[float]
    together_share: float
    loop_share: float
    equal_images_per_second: list[float]
    keras_cv_images_per_second: list[float]
    step_speed_up: float
    preset_speed_up: float


def measure(
    exams: int,
    repeats: int,
    encoding: Encoding = Encoding.PNG16,
    height_px: int = 512,
    width_px: int = 320,
    batch_size: int = 4,
    seconds: float = 8.0,
) -> Figures:
    """Trains on drawn views of real size in all these ways, in turn, on one device.

    Args:
        exams: Of four views each.
        repeats: Rounds of runs.
        encoding: How images are stored in the shards.
        height_px: Of the images in the shards.
        width_px: Of the images in the shards.
        batch_size: Of all runs.
        seconds: Of each run, about; at least one step is made.
    """
    with tempfile.TemporaryDirectory() as folder, _policy_restored():
        _, shards = input_pipeline.write_shards(pathlib.Path(folder), exams, encoding, height_px, width_px)
        ours, equal = _config_of_preset(batch_size), _config_like_keras_cv(batch_size)
        strategy = distribution.make_strategy(devices=1)
        precision = distribution.set_precision("auto")
        steps = _Steps(ours, shards, strategy)
        batch = next(iter(steps.stage.build_training_dataset(tf.distribute.InputContext(), 0)))
        batches = steps.input_batches()
        runs = {
            "step": _timed(steps.on(steps.repeated(batch)), batch_size, seconds),
            "together": _timed(steps.on(batches), batch_size, seconds),
            "input": _timed(_reading(batches), batch_size, seconds),
        }
        equal_steps = _Steps(equal, shards, strategy)
        runs["equal"] = _timed(equal_steps.on(equal_steps.repeated(batch)), batch_size, seconds)
        runs["keras_cv"] = _timed(_keras_cv_fit(equal.model.backbone, batch), batch_size, seconds)
        rates: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(repeats):
            for name, run in runs.items():
                rates[name].append(run())
        loop_s = steps.seconds_of_loop(batches, shards, pathlib.Path(folder))
    steps_per_second = statistics.median(rates["step"]) / batch_size
    slower = [min(pair) for pair in zip(rates["input"], rates["step"], strict=True)]
    return Figures(
        precision=precision,
        has_amx=hardware.has_amx(),
        **{f"{name}_images_per_second": values for name, values in rates.items()},
        together_share=ratios.median(rates["together"], slower),
        loop_share=loop_s * steps_per_second / ours.log_every_steps,
        step_speed_up=ratios.median(rates["equal"], rates["keras_cv"]),
        preset_speed_up=ratios.median(rates["step"], rates["keras_cv"]),
    )


def with_plain_anchors(config: DetectorConfig, shards: Shards) -> DetectorTraining:
    """Makes a detector with RetinaNet's own anchors: those fitted to drawn lesions, all of one size, have one level."""
    plan = detector.make_plan(config, shards)
    anchors = anchor_boxes.fit(np.zeros((0, 4)), plan.height_px, plan.width_px, config.model.max_levels)
    return detector.for_training(config, dataclasses.replace(plan, anchors=anchors), shards)


class _Steps:
    """The steps that `mammo.training.loop` makes of a configuration."""

    def __init__(self, config: DetectorConfig, shards: Shards, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy
        options = config.optimizer
        with strategy.scope():
            self.stage = with_plain_anchors(config, shards)
            optimizer = optimizers.build(options, config.train_steps)
            self._state = TrainState(
                self.stage.build_initial_model(), optimizer, options.averages_decay, options.normaliser_decay
            )
        self._run_steps = steps_lib.make_run_steps(self.stage, self._state, strategy)

    def input_batches(self) -> Iterator[Batch]:
        """Batches of the pipeline, as the loop gets them."""
        return iter(
            self._strategy.distribute_datasets_from_function(
                lambda context: self.stage.build_training_dataset(context, 0)
            )
        )

    def repeated(self, batch: Batch) -> Iterator[Batch]:
        """The same batch again and again, out of memory."""
        return iter(
            self._strategy.distribute_datasets_from_function(
                lambda context: tf.data.Dataset.from_tensors(batch).repeat()
            )
        )

    def on(self, batches: Iterator[Batch]) -> Callable[[int], None]:
        """Returns what makes so many steps, in one call, and waits for them."""

        def run(count: int) -> None:
            int(self._run_steps(batches, tf.constant(count), 0).failed_step)

        return run

    def seconds_of_loop(self, batches: Iterator[Batch], shards: Shards, folder: pathlib.Path) -> float:
        """Does all that the loop does for one call, but with no step in it, some times: the median."""
        taken_s = []
        with (
            contextlib.redirect_stderr(io.StringIO()),  # the progress of no step, whose loss is no number
            contextlib.closing(Telemetry(folder, 0, _LOOP_CALLS)) as watch,
        ):
            for call in range(_LOOP_CALLS):
                start = time.perf_counter()
                scalars = loop.advance(self._run_steps, batches, self._state, 0, self.stage)
                watch.steps(call, {**scalars, "learning_rate": self._state.learning_rate})
                taken_s.append(time.perf_counter() - start)
        return statistics.median(taken_s)


def _reading(batches: Iterator[Batch]) -> Callable[[int], None]:
    def run(count: int) -> None:
        for _ in range(count):
            next(batches)

    return run


def _keras_cv_fit(backbone: str, batch: Batch) -> Callable[[int], None]:
    """Returns what fits KerasCV's RetinaNet, as it comes but for the backbone, which is ours, for so many steps."""
    tf.keras.mixed_precision.set_global_policy("float32")
    height_px, width_px = batch.image.shape[1:3]
    network = backbones.build(backbone, "none", height_px, width_px, batch_norm_momentum=0.99)
    model = keras_cv_retinanet.build(network, len(labels.LESION_NAMES))
    keras_cv_retinanet.compile_with(model, tf.keras.optimizers.AdamW(1e-4, global_clipnorm=10.0))
    batches = tf.data.Dataset.from_tensors(keras_cv_retinanet.as_input(batch)).repeat()

    def run(count: int) -> None:
        model.fit(batches, steps_per_epoch=count, verbose=0)

    return run


def _timed(run: Callable[[int], None], batch_size: int, seconds: float) -> Callable[[], float]:
    """Warms up, finds how many steps take so many seconds, and returns what makes these: their images a second."""
    run(1)  # traces
    count, taken_s = 1, _seconds_of(run, 1)
    while taken_s < seconds / 4:
        count *= 2
        taken_s = _seconds_of(run, count)
    count = math.ceil(count * seconds / taken_s)
    return lambda: count * batch_size / _seconds_of(run, count)


def _seconds_of(run: Callable[[int], None], count: int) -> float:
    start = time.perf_counter()
    run(count)
    return time.perf_counter() - start


def _config_of_preset(batch_size: int) -> DetectorConfig:
    config = detector_preset.get_config()
    config.input.batch_size = batch_size
    return conversion.to_dataclass(DetectorConfig, config, "configs/detector.py")


def _config_like_keras_cv(batch_size: int) -> DetectorConfig:
    config = detector_1_gpu.get_config()
    config.input.batch_size = batch_size
    config.xla = config.xla and bool(tf.config.list_physical_devices("GPU"))  # it is there for GPUs
    config.model.update(
        weights="none",
        max_levels=_KERAS_CV_LEVELS,
        head_depth=_KERAS_CV_HEAD_DEPTH,
        pyramid_channels=_KERAS_CV_CHANNELS,
    )
    return conversion.to_dataclass(DetectorConfig, config, "configs/cloud/detector_1_gpu.py")


@contextlib.contextmanager
def _policy_restored() -> Iterator[None]:
    policy = tf.keras.mixed_precision.global_policy()
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
