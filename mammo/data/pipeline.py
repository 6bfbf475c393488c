"""What training and evaluation read: batches of views out of shards, in an order that a seed and a position decide.

Training goes through the split again and again. What an epoch holds, and in which order, is a function of (seed,
epoch) alone, so that a stream is taken up again anywhere: `position` is `epoch << 32 | number within the epoch`. It
counts the elements of one worker.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.data import cropping, schema, shard_files
from mammo.data.batch import PADDING, Batch
from mammo.data.cropping import CropConfig
from mammo.data.shard_files import ShardFile
from mammo.data.shards import Shards

NO_KEY = -1  # of the padding of a last batch
STUDY_NORMALS = 4  # "storing 1 Normal case for every 4 cases that are encountered": the 2022 study, section 3.2.2

_EPOCH_BITS = 32  # position of an epoch's first element: its number, shifted by these
LABELS = (0, 1, 2)  # normal, benign, cancer
_JITTER = 1  # the part of a seed that places crops; the order has 0


@dataclasses.dataclass(frozen=True)
class PipelineOptions:
    """How training data is drawn and batched.

    Attributes:
        seed: Of the order and of the balancing.
        batch_size: Of one replica.
        max_boxes: Room for boxes in an image; None: as many as the fullest image of the split has.
        balance: What an epoch holds. "none": each image once. "weights": each image at least once, the rarer classes
            more often, no image left out. "study": one in four of the normal images, always the same, and each other
            one once, as the 2022 study did.
        class_weights: With "weights": how often images of (normal, benign, cancer) come, relative to each other; the
            least is once an epoch. None: so that all classes have the same share.
        shuffle_buffer: How many images, as stored, wait to be drawn from.
        parallel_reads: How many files are open at a time.
        classes: The labels (0 normal, 1 benign, 2 cancer) of each class that is to be told apart. Images with another
            label are left out; evaluation has them as padding.
        crop: How crops are cut, where the shards are those of crops; None: images are taken as they are.
    """

    seed: int
    batch_size: int
    max_boxes: int | None = None
    balance: Literal["none", "weights", "study"] = "weights"
    class_weights: tuple[float, float, float] | None = None
    shuffle_buffer: int = 1024
    parallel_reads: int = 8
    classes: tuple[tuple[int, ...], ...] = ((0,), (1,), (2,))
    crop: CropConfig | None = None

    def __post_init__(self) -> None:
        for name in ("batch_size", "shuffle_buffer", "parallel_reads"):
            if getattr(self, name) < 1:
                raise InputError(f"--config.input.{name}={getattr(self, name)} must be 1 or more.")
        if self.balance not in ("none", "weights", "study"):
            raise InputError(f"balance is none, weights or study, not {self.balance}.")
        if self.class_weights is not None and not (
            len(self.class_weights) == len(LABELS) and min(self.class_weights) > 0
        ):
            raise InputError(
                f"class_weights are three numbers above 0, for normal, benign and cancer, not {self.class_weights}."
            )

    @property
    def labels(self) -> tuple[int, ...]:
        """Those of any class, ascending."""
        return tuple(sorted(label for labels in self.classes for label in labels))


def training(
    shards: Shards, options: PipelineOptions, context: tf.distribute.InputContext, position: int = 0
) -> tf.data.Dataset:
    """Makes the endless stream of one worker's training batches.

    Args:
        shards: Where to read.
        options: How to draw.
        context: Which worker of how many; each has files of its own.
        position: One more than the largest position that this worker has used: the stream goes on right there. What
            lies before it in its epoch is read, but not decoded.

    Returns:
        A dataset of `batch.Batch` for one replica, all shapes static.

    Raises:
        InputError: The split holds nothing, or fewer files than there are workers, or a record is damaged.
    """
    files = _files_of_worker(shards, "train", context)
    if not any(file.records for file in files):
        raise InputError(
            f"{shards.folder} has fewer training shards than there are workers ({context.num_input_pipelines}); "
            "convert again with fewer views a shard, or use fewer workers."
        )
    first_epoch, first_offset = position >> _EPOCH_BITS, position & ((1 << _EPOCH_BITS) - 1)
    weights = _weights(shards, options)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        elements = _epoch(shards, files, options, weights, number)
        elements = elements.enumerate(number * (1 << _EPOCH_BITS))
        return elements.skip(tf.where(number == first_epoch, tf.constant(first_offset, tf.int64), 0))

    stream = tf.data.Dataset.counter(first_epoch).flat_map(epoch)
    return _batches(stream, shards, "train", options)


def evaluation(
    shards: Shards, split: str, options: PipelineOptions, context: tf.distribute.InputContext
) -> tf.data.Dataset:
    """Makes one worker's batches for evaluation: every image of its files once, in order.

    All replicas of all workers get the same number of batches: what is missing is made up with padding, black images
    for which `is_real` is false and `key` is `NO_KEY`.

    Args:
        shards: Where to read.
        split: "train", "validation" or "test".
        options: Of it, `batch_size` and `max_boxes`.
        context: Which worker of how many, and how many replicas.

    Returns:
        A dataset of `batch.Batch` for one replica, all shapes static.

    Raises:
        InputError: The split holds nothing, or a record is damaged.
    """
    files = _files_of_worker(shards, split, context)
    elements = tf.data.Dataset.range(len(files)).flat_map(shard_files.records(files)).enumerate()
    room = options.batch_size * _evaluation_batches(shards, split, options.batch_size, context)
    return _batches(elements, shards, split, options, padding=room - sum(file.records for file in files))


def explain(shards: Shards, split: str, error: Exception) -> InputError | None:
    """Finds the damaged file behind an error that came out of a dataset while it ran.

    Args:
        shards: What was read.
        split: Of it.
        error: What was raised.

    Returns:
        An error that names the file and the record, or None if all files of the split are sound.
    """
    is_of_reading = isinstance(
        error, tf.errors.DataLossError | tf.errors.NotFoundError | tf.errors.InvalidArgumentError
    )
    return shards.find_damage(split) if is_of_reading else None


def _files_of_worker(
    shards: Shards, split: str, context: tf.distribute.InputContext, worker: int | None = None
) -> list[ShardFile]:
    worker = context.input_pipeline_id if worker is None else worker
    return shards.files(split)[worker :: context.num_input_pipelines]


def _evaluation_batches(shards: Shards, split: str, batch_size: int, context: tf.distribute.InputContext) -> int:
    """How many batches each worker gives: enough for the fullest, the same for each of its replicas."""
    workers = context.num_input_pipelines
    replicas = max(context.num_replicas_in_sync // workers, 1)
    fullest = max(
        sum(file.records for file in _files_of_worker(shards, split, context, worker)) for worker in range(workers)
    )
    return replicas * math.ceil(fullest / (replicas * batch_size))


def _weights(shards: Shards, options: PipelineOptions) -> np.ndarray:
    """How often each training image comes in an epoch, on average: float32, in the order of `Shards.describe`."""
    infos = shards.describe("train")
    labels = np.array([info.label for info in infos.values()])
    is_taken = np.isin(labels, options.labels)
    if not is_taken.any():
        raise InputError(f"{shards.folder} has no training {shards.content} with a lesion; give more exams.")
    if options.balance == "none":
        return is_taken.astype(np.float32)
    if options.balance == "study":
        numbers = np.array([shard_files.record_number(key) for key in infos])
        return (is_taken & ((labels != 0) | (numbers % STUDY_NORMALS == 0))).astype(np.float32)
    counts = np.bincount(labels[is_taken], minlength=len(LABELS))
    of_class = np.zeros(len(LABELS))
    for members in options.classes:
        of_class[list(members)] = counts[list(members)].sum()
    of_labels = np.array(options.class_weights or 1 / np.maximum(of_class, 1))
    weights = of_labels / of_labels[counts > 0].min() * (counts > 0)
    return np.where(is_taken, weights[labels], 0).astype(np.float32)


def _balanced(elements: tf.data.Dataset, shards: Shards, weights: np.ndarray, seed: tf.Tensor) -> tf.data.Dataset:
    """Repeats each (key, record as stored) as often as its weight says, its fraction by chance; `seed` is int64 [2]."""
    starts = tf.constant(np.cumsum([0, *(file.records for file in shards.files("train"))]))

    def repeated(key: tf.Tensor, serialized: tf.Tensor) -> tf.data.Dataset:
        place = tf.gather(starts, shard_files.shard_index(key)) + shard_files.record_number(key)
        weight = tf.gather(weights, place)
        chance = tf.random.stateless_uniform([], tf.random.experimental.stateless_fold_in(seed, key))
        repeats = tf.floor(weight) + tf.cast(chance < weight - tf.floor(weight), tf.float32)
        return tf.data.Dataset.from_tensors((key, serialized)).repeat(tf.cast(repeats, tf.int64))

    return elements.flat_map(repeated)


def _epoch(
    shards: Shards,
    files: list[ShardFile],
    options: PipelineOptions,
    weights: np.ndarray,
    number: tf.Tensor,
) -> tf.data.Dataset:
    """One epoch of (key, record as stored): interleaved from several files, balanced, shuffled."""
    epoch_seed = tf.random.experimental.stateless_fold_in(tf.constant([options.seed, 0], tf.int64), number)
    of_files, of_balance, of_shuffle = tf.unstack(tf.random.experimental.stateless_split(epoch_seed, 3))
    places = tf.random.experimental.stateless_shuffle(tf.range(len(files)), of_files)
    elements = tf.data.Dataset.from_tensor_slices(places).interleave(
        shard_files.records(files),
        cycle_length=min(options.parallel_reads, len(files)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if (weights != 1).any():
        elements = _balanced(elements, shards, weights, of_balance)
    # Seeds the graph of this function alone: a global seed that someone set must not change the order.
    tf.compat.v1.set_random_seed(1)
    return elements.shuffle(options.shuffle_buffer, seed=of_shuffle[0], reshuffle_each_iteration=False)


def _batches(
    elements: tf.data.Dataset, shards: Shards, split: str, options: PipelineOptions, padding: int = 0
) -> tf.data.Dataset:
    """Decodes (position, (key, record as stored)), appends so many images that are none, and batches it all."""
    fullest = max(1, *(len(info.pathologies) for info in shards.describe(split).values()))
    max_boxes = fullest if options.max_boxes is None else options.max_boxes
    if max_boxes < fullest:
        raise InputError(
            f"--config.input.max_boxes={max_boxes}, but a view of the split {split!r} has {fullest} lesions; "
            "give more, or none for as many as it takes."
        )

    sides_px = [options.crop.side_px] * 2 if options.crop else [shards.manifest.height_px, shards.manifest.width_px]
    jitter_seed = tf.constant([options.seed, _JITTER], tf.int32) if split == "train" else None

    def decode(position: tf.Tensor, element: tuple[tf.Tensor, tf.Tensor]) -> Batch:
        key, serialized = element
        record = schema.decode(serialized, shards.encoding)
        if options.crop:
            record = _crop(record, options.crop, jitter_seed, position)
        record["image"] = tf.ensure_shape(record["image"], [*sides_px, 1])
        return _to_batch(record, options.labels, max_boxes, key, position)

    dataset = elements.map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.concatenate(tf.data.Dataset.from_tensors(_padding(sides_px, max_boxes)).repeat(padding))
    return dataset.batch(options.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _crop(
    record: dict[str, tf.Tensor], options: CropConfig, seed: tf.Tensor | None, position: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Cuts a record's image to what is about its focus, which becomes its only lesion, if it is one."""
    draws = None
    if seed is not None:
        image_seed = tf.random.experimental.stateless_fold_in(seed, position)
        draws = tf.random.stateless_uniform([cropping.DRAWS], image_seed, alg="philox")
    image, focus = cropping.cut(record["image"], record["focus_xyxy_px"], options, draws)
    is_lesion = tf.cast(record["label"] > 0, tf.int64)
    boxes = tf.repeat(focus[None], is_lesion, axis=0)
    return {**record, "image": image, "boxes_xyxy_px": boxes, "pathologies": tf.repeat(record["label"], is_lesion)}


def _to_batch(
    record: dict[str, tf.Tensor], labels: tuple[int, ...], max_boxes: int, key: tf.Tensor, position: tf.Tensor
) -> Batch:
    room = [[0, max_boxes - tf.shape(record["pathologies"])[0]]]
    boxes = tf.pad(record["boxes_xyxy_px"], [*room, [0, 0]], constant_values=PADDING)
    classes = tf.pad(tf.cast(record["pathologies"], tf.int32) - 1, room, constant_values=PADDING)
    label = tf.cast(record["label"], tf.int32)
    return Batch(
        image=record["image"],
        boxes=tf.ensure_shape(boxes, [max_boxes, 4]),
        classes=tf.ensure_shape(classes, [max_boxes]),
        label=label,
        is_real=tf.reduce_any(label == tf.constant(labels)),
        key=key,
        position=position,
    )


def _padding(sides_px: Sequence[int], max_boxes: int) -> Batch:
    return Batch(
        image=tf.zeros([*sides_px, 1]),
        boxes=tf.fill([max_boxes, 4], float(PADDING)),
        classes=tf.fill([max_boxes], PADDING),
        label=tf.constant(0),
        is_real=tf.constant(False),
        key=tf.constant(NO_KEY, tf.int64),
        position=tf.constant(NO_KEY, tf.int64),
    )
