"""The training pipeline against what the machine can read and decode of the same shards, and where the rest goes."""

import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf

from mammo.benchmarks import ratios
from mammo.config.data import Encoding, InputConfig
from mammo.data import pipeline, schema
from mammo.data.pipeline import Reading
from mammo.data.shards import Shards

_BATCH_SIZE = 8
_SHUFFLE_BUFFER = 256
_SCALARS = 64  # of records, that are counted at a time
_WARM_UP_BATCHES = 2  # the first one waits for files to be opened and the shuffle buffer to be filled
SECONDS = 2.0  # of each run: many times what is read ahead
_FIRST, _LIMIT, _LAST = "read", "decode", "batch"


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured, of training batches without augmentation.

    Attributes:
        read_images_per_second: Records as stored, of all files, in parallel and in no order; one figure a round.
        limit_images_per_second: Their images decoded as well, and nothing else: what this machine can do.
        images_per_second: Of the pipeline.
        limit_share: Of the limit that the pipeline reaches; median of the rounds. 0.8 is the goal.
        processor_share: The processor time that the limit takes as a share of the pipeline's; other work on the machine
            changes it less.
        processor_us: Processor time an image in microseconds, by what takes it: "read" and "decode" are the limit's;
            "order" is interleaving, balancing and shuffling; "batch" is the other fields of a record, the checks, the
            room for boxes, and batching.
    """

    read_images_per_second: list[float]
    limit_images_per_second: list[float]
    images_per_second: list[float]
    limit_share: float
    processor_share: float
    processor_us: dict[str, float]


class _Run(NamedTuple):
    images_per_second: float
    processor_us: float  # an image


def measure(shards: Shards, repeats: int, seconds: float = SECONDS) -> Figures:
    """Reads the training split in stages, each of which adds something to the one before, in turn.

    Args:
        shards: Large ones: each epoch of the pipeline begins with opening its files.
        repeats: Rounds.
        seconds: Of each run.
    """
    stages = _stages(shards)
    rounds = [{name: _run(*stage, seconds) for name, stage in stages.items()} for _ in range(repeats)]
    rates = {name: [made[name].images_per_second for made in rounds] for name in stages}
    spent_us = {name: statistics.median(made[name].processor_us for made in rounds) for name in stages}
    names = list(stages)
    added_us = {name: spent_us[name] - spent_us[before] for before, name in itertools.pairwise(names)}
    return Figures(
        read_images_per_second=rates[_FIRST],
        limit_images_per_second=rates[_LIMIT],
        images_per_second=rates[_LAST],
        limit_share=ratios.median(rates[_LAST], rates[_LIMIT]),
        processor_share=spent_us[_LIMIT] / spent_us[_LAST],
        processor_us={_FIRST: spent_us[_FIRST], **added_us},
    )


def _stages(shards: Shards) -> Mapping[str, tuple[Callable[[], tf.data.Dataset], int]]:
    """What makes each stage's dataset, and of how many images an element of it is."""
    reading = Reading(InputConfig(batch_size=_BATCH_SIZE, shuffle_buffer=_SHUFFLE_BUFFER))
    context = tf.distribute.InputContext()

    def in_order() -> tf.data.Dataset:
        return pipeline.in_order(shards, reading)

    def first_pixel(serialized: tf.Tensor) -> tf.Tensor:
        return _decode(serialized, shards.encoding)

    return {
        _FIRST: (lambda: _counted(_in_no_order(shards).map(tf.strings.length)), _SCALARS),
        _LIMIT: (lambda: _counted(_mapped(_in_no_order(shards), first_pixel, is_in_order=False)), _SCALARS),
        "order": (lambda: _counted(_mapped(in_order(), lambda _, element: first_pixel(element[1]))), _SCALARS),
        _LAST: (
            lambda: _counted(
                pipeline.training(shards, reading, context).map(lambda batch: batch.key), _SCALARS // _BATCH_SIZE
            ),
            _SCALARS,
        ),
    }


def _in_no_order(shards: Shards) -> tf.data.Dataset:
    """Records of all files of the training split as stored, again and again."""
    paths = [str(file.path) for file in shards.files("train")]
    return (
        tf.data.Dataset.from_tensor_slices(paths)
        .repeat()
        .interleave(
            tf.data.TFRecordDataset,
            cycle_length=max(len(paths), 2),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=False,
        )
    )


def _mapped(
    dataset: tf.data.Dataset, function: Callable[..., tf.Tensor], *, is_in_order: bool = True
) -> tf.data.Dataset:
    return dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=is_in_order)


def _decode(serialized: tf.Tensor, encoding: Encoding) -> tf.Tensor:
    """Decodes the image of a record, unchecked; its first pixel, without which TensorFlow would leave it out."""
    parsed = tf.io.parse_single_example(serialized, {"image": tf.io.FixedLenFeature([], tf.string)})
    if encoding == Encoding.RAW:
        return tf.io.decode_raw(parsed["image"], tf.uint16, little_endian=True)[0]
    if encoding == Encoding.JPEG:
        return tf.io.decode_jpeg(parsed["image"], channels=1)[0, 0, 0]
    return tf.io.decode_png(parsed["image"], channels=1, dtype=schema.image_dtype(encoding))[0, 0, 0]


def _counted(numbers: tf.data.Dataset, count: int = _SCALARS) -> tf.data.Dataset:
    """Batches numbers, so that Python, which counts them, takes little part in the time."""
    return numbers.batch(count).prefetch(tf.data.AUTOTUNE)


def _run(make: Callable[[], tf.data.Dataset], images_per_element: int, seconds: float) -> _Run:
    elements = iter(make())
    for _ in range(_WARM_UP_BATCHES):
        next(elements)
    images, began_s, began_processor_s = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began_s < seconds:
        next(elements)
        images += images_per_element
    taken_s, spent_s = time.perf_counter() - began_s, time.process_time() - began_processor_s
    return _Run(images / taken_s, spent_s / images * 1e6)
