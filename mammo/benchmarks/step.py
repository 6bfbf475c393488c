"""How fast training steps are, with and without their input, against KerasCV's fit. All as ratios within one run."""

import contextlib
import dataclasses
import pathlib
import statistics
import tempfile
from collections.abc import Callable, Iterator

import tensorflow as tf

from configs import detector as detector_preset
from configs.cloud import detector_1_gpu
from mammo.benchmarks import input_pipeline, keras_cv_retinanet, ratios, training_steps
from mammo.benchmarks.training_steps import TrainingSteps
from mammo.clinical import labels
from mammo.common import hardware
from mammo.config import conversion
from mammo.config.data import Encoding
from mammo.config.run import DetectorConfig
from mammo.data.batch import Batch
from mammo.models import backbones
from mammo.training import distribution

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
        operations: Launched one by one in a step of `configs/detector.py` as it is.
        operations_outside_compiled: The same with --config.xla, what XLA compiles counting as one.
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
    operations: int
    operations_outside_compiled: int


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
        steps = TrainingSteps(ours, shards, strategy)
        batch = next(iter(steps.stage.build_training_dataset(tf.distribute.InputContext(), 0)))
        batches = steps.input_batches()
        runs = {
            "step": training_steps.rate_of(steps.on(steps.repeated(batch)), batch_size, seconds),
            "together": training_steps.rate_of(steps.on(batches), batch_size, seconds),
            "input": training_steps.rate_of(_reading(batches), batch_size, seconds),
        }
        equal_steps = TrainingSteps(equal, shards, strategy)
        runs["equal"] = training_steps.rate_of(equal_steps.on(equal_steps.repeated(batch)), batch_size, seconds)
        runs["keras_cv"] = training_steps.rate_of(_keras_cv_fit(equal.model.backbone, batch), batch_size, seconds)
        rates: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(repeats):
            for name, run in runs.items():
                rates[name].append(run())
        loop_s = steps.seconds_of_loop(batches, pathlib.Path(folder))
        compiled_steps = TrainingSteps(dataclasses.replace(ours, xla=True), shards, strategy)
        counts = steps.operations_outside(batches), compiled_steps.operations_outside(batches)
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
        operations=counts[0],
        operations_outside_compiled=counts[1],
    )


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
