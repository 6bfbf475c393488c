"""A folder of shards: which files it has, what each record is, and which one is damaged."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from mammo.common import progress
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.data import manifests, schema
from mammo.data.manifests import Manifest
from mammo.imaging.placements import Placement

_RECORD_BITS = 32  # of a key; those above it number the shard
_END = 1 << 62  # a key after all others
_READ_BUFFER_BYTES = 1 << 20  # of each file that is open
_TEXTS = ("patient_id", "exam_id", "volume", "path", "laterality", "projection")
_SILENT_S = 2.0  # of reading all records: longer work shows how far it is
_REMEDY = "copy it again, or convert the data again"

_DAMAGE = (
    tf.errors.DataLossError,
    tf.errors.InvalidArgumentError,
    tf.errors.OutOfRangeError,
    UnicodeDecodeError,  # TensorFlow's message quotes a record that is no Example
)

Integer = TypeVar("Integer", int, tf.Tensor)


@dataclasses.dataclass(frozen=True)
class ShardFile:
    """One file of a split.

    Attributes:
        index: Among all files of its split and content, in the manifest's order: the upper half of its records' keys.
        path: Of the file.
        records: How many the manifest says it holds.
    """

    index: int
    path: pathlib.Path
    records: int


@dataclasses.dataclass(frozen=True, eq=False)
class RecordInfo:
    """All that a record says of its image, but the image.

    Attributes:
        patient_id: The unit of splits and intervals.
        exam_id: Unique in the source.
        volume: Part of the source, A to D in DDSM.
        path: Of the source file, relative to its data set.
        laterality: "left" or "right".
        projection: "cc" or "mlo".
        age_years: -1: unknown.
        density: BI-RADS 1 to 4; 0: unknown.
        label: Of the worst lesion: 0 normal, 1 benign, 2 cancer.
        boxes_xyxy_px: float32 [N, 4], in pixels of the image.
        pathologies: int64 [N], 1 benign, 2 cancer.
        kinds: N names: mass, calcification, mass+calcification, other or unknown.
        areas_px: float32 [N], inside the outline, in pixels of the source; -1: unknown.
        subtleties: int64 [N], 1 subtle to 5 obvious; -1: unknown.
        source_height_px: Of the source file.
        source_width_px: Of the source file.
        source_spacing_mm: Side of a pixel of the source file; -1: unknown.
        placement: Where the window of the source lies in the image.
    """

    patient_id: str
    exam_id: str
    volume: str
    path: str
    laterality: str
    projection: str
    age_years: float
    density: int
    label: int
    boxes_xyxy_px: np.ndarray
    pathologies: np.ndarray
    kinds: tuple[str, ...]
    areas_px: np.ndarray
    subtleties: np.ndarray
    source_height_px: int
    source_width_px: int
    source_spacing_mm: float
    placement: Placement


@dataclasses.dataclass(frozen=True, eq=False)
class Shards:
    """What a conversion has made of all views, or of all crops.

    Attributes:
        folder: Where the files lie.
        manifest: What they hold.
        content: Which of its records are meant: "views" or "crops".
    """

    folder: pathlib.Path
    manifest: Manifest
    content: str = "views"
    _described: dict[tuple[str, str], dict[int, RecordInfo]] = dataclasses.field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, folder: pathlib.Path) -> "Shards":
        """Opens a folder of shards, and checks that each file is there in full length.

        Raises:
            InputError: The manifest cannot be used, or a file is missing or of another size.
        """
        made = manifests.read(folder)
        for shard in (shard for split in made.splits.values() for shard in split.shards):
            path = folder / shard.name
            if not path.is_file():
                raise InputError(f"{path} is missing; {_REMEDY}.")
            if path.stat().st_size != shard.bytes:
                raise InputError(
                    f"{path} has {path.stat().st_size:,} bytes where {manifests.FILE_NAME} says {shard.bytes:,}; "
                    f"{_REMEDY}."
                )
        return cls(folder, made)

    @property
    def encoding(self) -> Encoding:
        """How images are stored."""
        return Encoding(self.manifest.encoding)

    @property
    def crops(self) -> "Shards":
        """The same folder, to read its crops."""
        return dataclasses.replace(self, content="crops")

    def files(self, split: str) -> list[ShardFile]:
        """Lists the files of a split in the manifest's order.

        Args:
            split: "train", "validation" or "test".

        Raises:
            InputError: The split has no records of that content.
        """
        shards = [shard for shard in self.manifest.splits[split].shards if shard.content == self.content]
        if not sum(shard.records for shard in shards):
            raise InputError(
                f"{self.folder} has no {self.content} in the split {split!r}; convert more exams or give another "
                "--data_dir."
            )
        return [ShardFile(index, self.folder / shard.name, shard.records) for index, shard in enumerate(shards)]

    def describe(self, split: str) -> Mapping[int, RecordInfo]:
        """Reads what each record says of its image, by key; the second time it is known.

        A key is `shard index << 32 | number of the record in its shard`.

        Raises:
            InputError: A record is damaged, or the split has none.
        """
        if (split, self.content) not in self._described:
            files = self.files(split)
            with progress.bar(sum(file.records for file in files), " record", delay_s=_SILENT_S) as bar:
                infos = {}
                for key, fields in _read(files, self.encoding):
                    infos[int(key)] = _info(fields)
                    bar.update()
            self._described[split, self.content] = infos
        return self._described[split, self.content]

    def locate(self, split: str, keys: Sequence[int]) -> list[str]:
        """Says for people which records these are: "<image> (<shard>, record <number>)", counted from 0."""
        infos, files = self.describe(split), self.files(split)
        return [
            f"{infos[key].path} ({files[shard_index(key)].path}, record {record_number(key)})" for key in map(int, keys)
        ]

    def read_image(self, split: str, key: int) -> np.ndarray:
        """Reads one image: float32 [H, W] in [0, 1]."""
        file = self.files(split)[shard_index(key)]
        serialized = next(iter(tf.data.TFRecordDataset(str(file.path)).skip(record_number(key))))
        return schema.decode(serialized, self.encoding)["image"].numpy()[..., 0]

    def find_damage(self, split: str) -> InputError | None:
        """Reads every file of a split again, and returns an error that names the first damaged record, if any is."""
        try:
            for _ in _read(self.files(split), self.encoding):
                pass
        except InputError as error:
            return error
        return None


def make_key(shard_index: Integer, record_number: Integer) -> Integer:
    """Numbers a record within its split, int64; for Python's integers and for tensors."""
    return shard_index * (1 << _RECORD_BITS) + record_number


def shard_index(key: Integer) -> Integer:
    """The index of a record's shard, out of its key."""
    return key // (1 << _RECORD_BITS)


def record_number(key: Integer) -> Integer:
    """The number of a record in its shard, out of its key."""
    return key % (1 << _RECORD_BITS)


def records(files: Sequence[ShardFile]) -> Callable[[tf.Tensor], tf.data.Dataset]:
    """Returns what makes a dataset of (key, record as stored) out of a place in `files`, inside or outside a graph."""
    indices = tf.constant([file.index for file in files], tf.int64)
    paths = tf.constant([str(file.path) for file in files], tf.string)

    def records_of(place: tf.Tensor) -> tf.data.Dataset:
        dataset = tf.data.TFRecordDataset(tf.gather(paths, place), buffer_size=_READ_BUFFER_BYTES)
        return dataset.enumerate(make_key(tf.gather(indices, place), tf.constant(0, tf.int64)))

    return records_of


def _read(files: Sequence[ShardFile], encoding: Encoding) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields each record's key and its fields but the image, as numpy has them; checks the CRCs of everything.

    Raises:
        InputError: A record is damaged, or a file holds more or fewer than the manifest says.
    """

    def without_image(key: tf.Tensor, serialized: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        fields = schema.decode(serialized, encoding)
        del fields["image"]  # and with it, in a graph, the work of decoding it
        return key, fields

    dataset = tf.data.Dataset.range(len(files)).flat_map(records(files))
    dataset = dataset.map(without_image, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(64)
    found = dataset.as_numpy_iterator()
    for file in files:
        for number in range(file.records):
            try:
                key, fields = next(found, (_END, {}))
            except tf.errors.NotFoundError:
                raise InputError(f"{file.path} is missing; {_REMEDY}.") from None
            except _DAMAGE:
                raise InputError(f"{file.path} is damaged in record {number}; {_REMEDY}.") from None
            if key != make_key(file.index, number):
                raise _miscounted(files[min(file.index, shard_index(key))])
            yield key, fields
    if next(found, None):
        raise _miscounted(files[-1])


def _miscounted(file: ShardFile) -> InputError:
    return InputError(
        f"{file.path} does not hold the {file.records} records that {manifests.FILE_NAME} says; {_REMEDY}."
    )


def _info(fields: dict[str, Any]) -> RecordInfo:
    window = fields["window_xyxy_px"]
    return RecordInfo(
        **{key: fields[key].decode() for key in _TEXTS},
        age_years=float(fields["age_years"]),
        density=int(fields["density"]),
        label=int(fields["label"]),
        **{key: fields[key] for key in ("boxes_xyxy_px", "pathologies", "areas_px", "subtleties")},
        kinds=tuple(kind.decode() for kind in fields["kinds"]),
        source_height_px=int(fields["source_height_px"]),
        source_width_px=int(fields["source_width_px"]),
        source_spacing_mm=float(fields["source_spacing_mm"]),
        placement=Placement(
            (int(window[0]), int(window[1]), int(window[2]), int(window[3])),
            int(fields["content_height_px"]),
            int(fields["content_width_px"]),
            bool(fields["is_mirrored"]),
        ),
    )
