"""Readers of what a model, its training data and its bundle consist of: those that take TensorFlow."""

import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from mammo.config.data import Encoding
from mammo.data import encodings, index, schema, shard_files
from mammo.data.shard_files import ShardFile
from mammo.inference import bundles, graphs, sealing
from mammo.inference.sealing import FACTS_FILE, SUMS_FILE
from tests.fuzz.reader import Reader
from tests.mammo.data import small_shards
from tests.mammo.inference import bright_disc

_PLAN = "networks/finder/plan.json"
_GRAPH = "networks/finder/graph.pb"


def read_graph(folder: pathlib.Path, content: bytes) -> None:
    """Parses a graph, and has TensorFlow build it."""
    del folder
    try:
        graphs.build(graphs.parse(content), [None, bright_disc.HEIGHT_PX, bright_disc.WIDTH_PX, 1], ["scores"])
    except ValueError:
        return  # `networks.load` says it in a sentence


def read_shard(folder: pathlib.Path, content: bytes) -> None:
    """Reads every record of a shard."""
    path = folder / "test-views-00000-of-00001.tfrecord"
    path.write_bytes(content)
    shard_files.check([ShardFile(0, path, 2)], Encoding.RAW)


def read_record(folder: pathlib.Path, content: bytes) -> None:
    """Reads a shard of one record, whose checksums are right."""
    path = folder / "test-views-00000-of-00001.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(content)
    shard_files.check([ShardFile(0, path, 1)], Encoding.PNG16)


def record_seeds() -> Iterator[bytes]:
    """A view whose image is a PNG."""
    record = small_shards.record("test", 0, 0, 2)
    image = np.zeros((small_shards.HEIGHT_PX, small_shards.WIDTH_PX), np.float32)
    yield schema.encode(record | {"image": encodings.encode_image(image, Encoding.PNG16)})


def read_index(folder: pathlib.Path, content: bytes) -> None:
    """Parses the rows of an index."""
    del folder
    try:
        index.parse(content.decode(errors="replace").splitlines())
    except ValueError:
        return  # `shards` says it in a sentence


def _bundled(name: str) -> Callable[[pathlib.Path, bytes], object]:
    """Puts the bytes into a bundle in place of one of its files, with the right checksum, and opens it."""

    def read(folder: pathlib.Path, content: bytes) -> object:
        bundle = folder / "bundle"
        if not bundle.exists():
            bright_disc.write(bundle)
        (bundle / name).write_bytes(content)
        if name != SUMS_FILE:
            sealing.seal(bundle)
        return bundles.open_bundle(bundle)

    return read


def _of_bundle(name: str) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        with tempfile.TemporaryDirectory() as folder:
            bright_disc.write(pathlib.Path(folder, "bundle"))
            yield pathlib.Path(folder, "bundle", name).read_bytes()

    return seeds


def _of_shards(pattern: str) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        with tempfile.TemporaryDirectory() as folder:
            small_shards.write(pathlib.Path(folder), {"test": [[0, 2]]})
            yield next(pathlib.Path(folder).glob(pattern)).read_bytes()

    return seeds


READERS: Mapping[str, Reader] = {
    "graph": Reader(read_graph, _of_bundle(_GRAPH), most_bytes=1 << 16),
    "bundle": Reader(_bundled(FACTS_FILE), _of_bundle(FACTS_FILE)),
    "plan": Reader(_bundled(_PLAN), _of_bundle(_PLAN)),
    "checksums": Reader(_bundled(SUMS_FILE), _of_bundle(SUMS_FILE)),
    "shard": Reader(read_shard, _of_shards("test-views-*")),
    "record": Reader(read_record, record_seeds),
    "index": Reader(read_index, _of_shards("index-test-views.jsonl")),
}
"""By name."""
