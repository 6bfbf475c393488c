"""Reads single records of shards, wherever they stand, without those before them."""

import functools
from typing import Any

import tensorflow as tf

from mammo.common import storage
from mammo.data import batch, schema, shard_files, verification
from mammo.data.shard_files import ShardFile
from mammo.data.shards import Shards


class RecordReader:
    """Reads records of one split by their keys. Where records begin in a file is looked up once."""

    def __init__(self, shards: Shards, split: str) -> None:
        """Opens nothing yet.

        Args:
            shards: Of views, or of crops.
            split: "train", "validation" or "test".

        Raises:
            mammo.common.errors.InputError: They lie in an object store, of which a file is had as a whole or slowly.
        """
        storage.refuse_address(str(shards.folder))
        self._shards, self._split = shards, split
        self._spans: dict[int, list[tuple[int, int]]] = {}

    @functools.cached_property
    def _files(self) -> list[ShardFile]:
        return self._shards.files(self._split)

    def read(self, key: int) -> dict[str, Any]:
        """Returns a record, decoded, as numpy arrays.

        Raises:
            mammo.common.errors.InputError: It is damaged, or its file is missing.
        """
        file = self._files[shard_files.shard_index(key)]
        if file.index not in self._spans:
            self._spans[file.index] = list(verification.record_spans(file.path))
        start, length = self._spans[file.index][shard_files.record_number(key)]
        with file.path.open("rb", buffering=0) as opened:
            opened.seek(start)
            serialized = opened.read(length)
        try:
            made = {name: value.numpy() for name, value in schema.decode(serialized, self._shards.encoding).items()}
        except (tf.errors.OpError, UnicodeDecodeError) as error:
            raise self._shards.find_damage(self._split) or error from None
        return {**made, "image": batch.grey_levels(made["image"]).numpy()[..., 0]}
