"""What training and evaluation read: batches of views out of shards, in an order that a seed and a position decide.

Training goes through the split again and again. What an epoch holds, and in which order, is a function of (seed,
epoch) alone, so that a stream is taken up again anywhere: `position` is `epoch << 32 | number within the epoch`.

All workers of a job read one and the same stream, and each decodes the batches of its own replicas. So a global batch
holds the same images however many workers share it, at the cost that each worker reads all records.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.config.data import LABEL_COUNT, CropConfig, InputConfig
from mammo.data import cropping, schema, shard_files
from mammo.data.batch import PADDING, Batch, grey_levels
from mammo.data.shard_files import ShardFile
from mammo.data.shards import Shards
from mammo.data.tracing import as_written

NO_KEY = -1  # of the padding of a last batch
STUDY_NORMALS = 4  # "storing 1 Normal case for every 4 cases that are encountered": the 2022 study, section 3.2.2

_NAMES = ("label", "focus_xyxy_px", "boxes_xyxy_px", "pathologies")  # what of a record, beside its image, is batched

_EPOCH_BITS = 32  # position of an epoch's first element: its number, shifted by these
LABELS = tuple(range(LABEL_COUNT))  # normal, benign, cancer
_JITTER = 1  # the part of a seed that places crops; the order has 0


@dataclasses.dataclass(frozen=True)
class Reading:
    """How batches are made of records, and of which records.

    Attributes:
        input: How training data is drawn and batched.
        seed: Seed of the order, of the balancing and of the jitter of crops in training.
        classes: The labels (0 normal, 1 benign, 2 cancer) of each class that is to be told apart. Images with another
            label, and those of which nobody knows it, are left out of training; evaluation has them as padding.
        crop: How crops are cut, where the shards are those of crops; None: images are taken as they are.
    """

    input: InputConfig = dataclasses.field(default_factory=InputConfig)
    seed: int = 0
    classes: tuple[tuple[int, ...], ...] = ((0,), (1,), (2,))
    crop: CropConfig | None = None

    @property
    def labels(self) -> tuple[int, ...]:
        """Those of any class, ascending."""
        return tuple(sorted(label for labels in self.classes for label in labels))


@as_written
def training(
    shards: Shards, reading: Reading, context: tf.distribute.InputContext, position: int = 0
) -> tf.data.Dataset:
    """Makes the endless stream of one worker's training batches.

    Args:
        shards: Where to read.
        reading: How to draw.
        context: Which worker of how many, and over how many replicas a global batch is split.
        position: One more than the largest position that any worker has used: the stream goes on right there. What
            lies before it in its epoch is read, but not decoded.

    Returns:
        A dataset of `batch.Batch` for one replica, all shapes static.

    Raises:
        InputError: The split holds nothing, or a record is damaged.
    """
    stream = in_order(shards, reading, position)
    return batches(stream, shards, "train", reading, context=context, moves_crops=True)


@as_written
def in_order(shards: Shards, reading: Reading, position: int = 0) -> tf.data.Dataset:
    """Makes the endless stream of records that all workers share: the arguments and errors are those of `training`.

    Returns:
        A dataset of (position, (key, record as stored)): interleaved from several files, balanced, shuffled.
    """
    files = shards.files("train")
    first_epoch, first_offset = position >> _EPOCH_BITS, position & ((1 << _EPOCH_BITS) - 1)
    weights = epoch_weights(shards, reading)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        elements = _epoch(shards, files, reading, weights, number)
        elements = elements.enumerate(number * (1 << _EPOCH_BITS))
        return elements.skip(tf.where(number == first_epoch, tf.constant(first_offset, tf.int64), 0))

    return tf.data.Dataset.counter(first_epoch).flat_map(epoch)


@as_written
def evaluation(shards: Shards, split: str, reading: Reading, context: tf.distribute.InputContext) -> tf.data.Dataset:
    """Makes one worker's batches for evaluation: every image of its files once, in order.

    All replicas of all workers get the same number of batches: what is missing is made up with padding, black images
    for which `is_real` is false and `key` is `NO_KEY`.

    Args:
        shards: Where to read.
        split: "train", "validation" or "test".
        reading: Of its `input`, `batch_size` and `max_boxes` are used; and its crop and classes.
        context: Which worker of how many, and how many replicas.

    Returns:
        A dataset of `batch.Batch` for one replica, all shapes static.

    Raises:
        InputError: The split holds nothing, or a record is damaged.
    """
    files = _files_of_worker(shards, split, context)
    elements = tf.data.Dataset.range(len(files)).flat_map(shard_files.records(files)).enumerate()
    room = reading.input.batch_size * _evaluation_batches(shards, split, reading.input.batch_size, context)
    return batches(elements, shards, split, reading, padding=room - sum(file.records for file in files))


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


def epoch_weights(shards: Shards, reading: Reading) -> np.ndarray:
    """How often each training image comes in an epoch, on average: float32, in the order of `Shards.describe`."""
    infos = shards.describe("train")
    labels = np.array([info.label for info in infos.values()])
    is_taken = np.isin(labels, reading.labels)
    if not is_taken.any():
        raise InputError(f"{shards.folder} has no training {shards.content} with a lesion; give more exams.")
    if reading.input.balance == "none":
        return is_taken.astype(np.float32)
    if reading.input.balance == "study":
        numbers = np.array([shard_files.record_number(key) for key in infos])
        return (is_taken & ((labels != 0) | (numbers % STUDY_NORMALS == 0))).astype(np.float32)
    counts = np.bincount(labels[is_taken], minlength=len(LABELS))
    of_class = np.zeros(len(LABELS))
    for members in reading.classes:
        of_class[list(members)] = counts[list(members)].sum()
    of_labels = np.array(reading.input.class_weights or 1 / np.maximum(of_class, 1))
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
    reading: Reading,
    weights: np.ndarray,
    number: tf.Tensor,
) -> tf.data.Dataset:
    """One epoch of (key, record as stored): interleaved from several files, balanced, shuffled."""
    epoch_seed = tf.random.experimental.stateless_fold_in(tf.constant([reading.seed, 0], tf.int64), number)
    of_files, of_balance, of_shuffle = tf.unstack(tf.random.experimental.stateless_split(epoch_seed, 3))
    places = tf.random.experimental.stateless_shuffle(tf.range(len(files)), of_files)
    elements = tf.data.Dataset.from_tensor_slices(places).interleave(
        shard_files.records(files),
        cycle_length=min(reading.input.parallel_reads, len(files)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if (weights != 1).any():
        elements = _balanced(elements, shards, weights, of_balance)
    # Seeds the graph of this function alone: a global seed that someone set must not change the order.
    tf.compat.v1.set_random_seed(1)
    return elements.shuffle(reading.input.shuffle_buffer, seed=of_shuffle[0], reshuffle_each_iteration=False)


def batches(
    stream: tf.data.Dataset,
    shards: Shards,
    split: str,
    reading: Reading,
    padding: int = 0,
    *,
    context: tf.distribute.InputContext | None = None,
    moves_crops: bool = False,
) -> tf.data.Dataset:
    """Batches (position, (key, record as stored)) and decodes them, with so many images that are none at the end.

    Of a stream that workers share, a worker takes the batches of its own replicas (`context`). Crops are moved and
    magnified by chance in training alone (`moves_crops`). A whole batch is parsed and decoded in one call: TensorFlow
    takes as long to begin an operation as for its work on the few numbers of one image.

    Raises:
        InputError: A view has more lesions than there is to be room for.
    """
    max_boxes = _max_boxes(shards, split, reading)
    jitter_seed = tf.constant([reading.seed, _JITTER], tf.int32) if moves_crops else None
    batch_size, size_px = reading.input.batch_size, (shards.manifest.height_px, shards.manifest.width_px)

    def decode(position: tf.Tensor, element: tuple[tf.Tensor, tf.Tensor]) -> Batch:
        key, serialized = element
        fields = schema.parse_batch(serialized, _NAMES)
        label = tf.cast(fields["label"], tf.int32)
        if reading.crop:
            images = schema.decode_images(fields, shards.encoding)
            image, focuses = _crop(images, fields["focus_xyxy_px"], reading.crop, jitter_seed, position)
            boxes = tf.where((label > 0)[:, None], focuses, float(PADDING))[:, None]
            classes = tf.maximum(label - 1, PADDING)[:, None]
        else:
            image = schema.decode_views(fields, shards.encoding, *size_px)
            boxes, classes = fields["boxes_xyxy_px"], tf.cast(fields["pathologies"], tf.int32) - 1
        room = [[0, 0], [0, max_boxes - tf.shape(classes)[1]]]
        return Batch(
            image=image,
            boxes=tf.ensure_shape(tf.pad(boxes, [*room, [0, 0]], constant_values=PADDING), [batch_size, max_boxes, 4]),
            classes=tf.ensure_shape(tf.pad(classes, room, constant_values=PADDING), [batch_size, max_boxes]),
            label=label,
            is_real=tf.reduce_any(label[:, None] == tf.constant(reading.labels), axis=1) & (key != NO_KEY),
            key=key,
            position=position,
        )

    if padding:
        none = tf.constant(NO_KEY, tf.int64), (tf.constant(NO_KEY, tf.int64), schema.blank(*size_px, shards.encoding))
        stream = stream.concatenate(tf.data.Dataset.from_tensors(none).repeat(padding))
    stream = stream.batch(batch_size, drop_remainder=True)
    if context is not None and context.num_input_pipelines > 1:
        stream = _of_worker(stream, context)
    return stream.map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def _of_worker(stream: tf.data.Dataset, context: tf.distribute.InputContext) -> tf.data.Dataset:
    """Keeps the batches of one worker: a global batch is one batch a replica, the replicas of the chief first."""
    replicas = context.num_replicas_in_sync // context.num_input_pipelines
    place = tf.constant(context.input_pipeline_id, tf.int64)

    def is_own(number: tf.Tensor, element: tuple[tf.Tensor, ...]) -> tf.Tensor:
        return number // replicas % context.num_input_pipelines == place

    own = stream.enumerate().filter(is_own).map(lambda _, element: element)
    # Without an end; else the workers would ask each other for each batch who has one left.
    return own.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))


def _max_boxes(shards: Shards, split: str, reading: Reading) -> int:
    fullest = max(1, *(len(info.pathologies) for info in shards.describe(split).values()))
    max_boxes = fullest if reading.input.max_boxes is None else reading.input.max_boxes
    if max_boxes < fullest:
        raise InputError(
            f"--config.input.max_boxes={max_boxes}, but a view of the split {split!r} has {fullest} lesions; "
            "give more, or none for as many as it takes."
        )
    return max_boxes


def _crop(
    images: Sequence[tf.Tensor], focuses: tf.Tensor, options: CropConfig, seed: tf.Tensor | None, positions: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts each image to what is about its focus: float32 [B, side, side, contexts], and the focus in it, [B, 4]."""
    cuts = []
    for image, focus, position in zip(images, tf.unstack(focuses), tf.unstack(positions), strict=True):
        draws = None
        if seed is not None:
            image_seed = tf.random.experimental.stateless_fold_in(seed, position)
            draws = tf.random.stateless_uniform([cropping.DRAWS], image_seed, alg="philox")
        cuts.append(cropping.cut(grey_levels(image), focus, options, draws))
    cut_images, cut_focuses = zip(*cuts, strict=True)
    return tf.stack(cut_images), tf.stack(cut_focuses)
