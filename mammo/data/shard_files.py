"""The files of a folder of shards, the keys of their records, and reading them with TensorFlow.

TensorFlow is imported by what reads records alone: to list files and to number records takes none.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mammo.common import storage
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.data import verification
from mammo.data.verification import REMEDY

if TYPE_CHECKING:
    import tensorflow as tf

_RECORD_BITS = 32  # of a key; those above it number the shard
_END = 1 << 62  # a key after all others
_READ_BUFFER_BYTES = 1 << 20  # of each file that is open

Integer = TypeVar("Integer", int, "tf.Tensor")


@dataclasses.dataclass(frozen=True)
class ShardFile:
    """One file of records.

    Attributes:
        index: Among all files of its split and content, in the manifest's order: the upper half of its records' keys.
        path: Of the file.
        records: How many the manifest says it holds.
    """

    index: int
    path: pathlib.Path
    records: int

    @property
    def keys(self) -> list[int]:
        """Of its records, in order."""
        return [make_key(self.index, number) for number in range(self.records)]


def make_key(shard_index: Integer, record_number: Integer) -> Integer:
    """Numbers a record within its split: `shard index << 32 | number of the record in its shard`, int64.

    For Python's integers and for tensors, as are the two below.
    """
    return shard_index * (1 << _RECORD_BITS) + record_number


def shard_index(key: Integer) -> Integer:
    """The index of a record's shard, out of its key."""
    return key // (1 << _RECORD_BITS)


def record_number(key: Integer) -> Integer:
    """The number of a record in its shard, out of its key."""
    return key % (1 << _RECORD_BITS)


def records(files: Sequence[ShardFile]) -> "Callable[[tf.Tensor], tf.data.Dataset]":
    """Returns what makes a dataset of (key, record as stored) out of a place in `files`, inside or outside a graph."""
    import tensorflow as tf  # noqa: PLC0415

    indices = tf.constant([file.index for file in files], tf.int64)
    paths = tf.constant([str(file.path) for file in files], tf.string)

    def records_of(place: tf.Tensor) -> tf.data.Dataset:
        dataset = tf.data.TFRecordDataset(tf.gather(paths, place), buffer_size=_READ_BUFFER_BYTES)
        return dataset.enumerate(make_key(tf.gather(indices, place), tf.constant(0, tf.int64)))

    return records_of


def read_image(file: ShardFile, number: int, encoding: Encoding) -> np.ndarray:
    """Reads the image of one record of a file: float32 [H, W] in [0, 1].

    Raises:
        InputError: The record is damaged.
        tensorflow.errors.OpError: The object store does not answer.
    """
    import tensorflow as tf  # noqa: PLC0415

    from mammo.data import batch, schema  # noqa: PLC0415

    try:
        serialized = next(iter(tf.data.TFRecordDataset(str(file.path)).skip(number)))
        return batch.grey_levels(schema.decode(serialized, encoding)["image"]).numpy()[..., 0]
    except (tf.errors.OpError, StopIteration, UnicodeDecodeError) as error:
        if storage.cannot_be_reached(error):  # to convert anew would not help
            raise
        raise InputError(f"{file.path} is damaged in record {number}; {REMEDY}.") from None


def check(files: Sequence[ShardFile], encoding: Encoding) -> None:
    """Reads every record of every file, checks the CRCs of everything and decodes the images.

    Raises:
        InputError: A record is damaged, or a file is missing or holds more or fewer than the manifest says.
    """
    import tensorflow as tf  # noqa: PLC0415

    damage = (
        tf.errors.DataLossError,
        tf.errors.InvalidArgumentError,
        tf.errors.OutOfRangeError,
        UnicodeDecodeError,  # TensorFlow's message quotes a record that is no Example
    )
    for file in files:
        verification.count_records(file.path)
    found = _keys(files, encoding)
    for file in files:
        for number, expected in enumerate(file.keys):
            try:
                key = next(found, _END)
            except tf.errors.NotFoundError:
                raise InputError(f"{file.path} is missing; {REMEDY}.") from None
            except damage:
                raise InputError(f"{file.path} is damaged in record {number}; {REMEDY}.") from None
            if key != expected:
                other = files[min(file.index, shard_index(key))]
                raise verification.miscounted(other.path, other.records)
    if next(found, None) is not None:
        raise verification.miscounted(files[-1].path, files[-1].records)


def _keys(files: Sequence[ShardFile], encoding: Encoding) -> Iterator[int]:
    """Yields the key of each record that can be parsed and whose image can be decoded, in order."""
    import tensorflow as tf  # noqa: PLC0415

    from mammo.data import schema  # noqa: PLC0415

    def parsed(key: tf.Tensor, serialized: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies(list(schema.decode(serialized, encoding).values())):
            return tf.identity(key)

    dataset = tf.data.Dataset.range(len(files)).flat_map(records(files))
    dataset = dataset.map(parsed, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(64)
    return (int(key) for key in dataset.as_numpy_iterator())
