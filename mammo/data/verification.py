"""Checks the files of a folder of shards before anything reads them, once on a machine.

A manifest and its shards may come from outside, or have been damaged on their way. TensorFlow ends the process at a
record that claims to be larger than memory, whatever its checksum; so lengths are checked here, too.
"""

import concurrent.futures
import contextlib
import errno
import hashlib
import os
import pathlib
import struct
import time
from collections.abc import Iterator, Sequence

from absl import logging

from mammo.common import cache, files, progress, storage
from mammo.common.errors import InputError
from mammo.data import manifests
from mammo.data.manifests import DataFile, Manifest

REMEDY = "copy it again, or convert the data again"
"""For a file of the folder that is damaged."""

_LENGTH = struct.Struct("<Q")
_HEAD_BYTES = 12  # before a record: its length, and the CRC of that
_FRAME_BYTES = 16  # these, and after the record its own CRC
_MOST_RECORD_BYTES = 1 << 30
_THREADS = 4  # one disk is not read faster by more
_ASKING = 16  # threads that wait for an object store to say how large a file is
_SILENT_S = 5.0


def verify(folder: pathlib.Path, manifest: Manifest, manifest_sha256: str) -> None:
    """Checks that each file is what the manifest says, unless it was checked here before and is as it was then.

    In an object store a file's size, which `Shards.open` has checked, and the CRC of each record as it is read stand
    for the hash: to read all of it first, on each machine that a cloud lends, would take longer than to train.

    Args:
        folder: Of the shards.
        manifest: What they are to be; their sizes fit it.
        manifest_sha256: Of its file.

    Raises:
        InputError: A file is another than the manifest names.
    """
    if storage.is_stored(folder):
        return
    shards = [file for split in manifest.splits.values() for file in split.shards]
    indexes = [file for split in manifest.splits.values() for file in split.indexes]
    stamp = _stamp(folder, [*shards, *indexes], manifest_sha256)
    if stamp is not None and stamp.exists():
        return
    began_s, total = time.monotonic(), len(shards) + len(indexes)
    with (
        concurrent.futures.ThreadPoolExecutor(_THREADS) as pool,
        progress.bar(total, " file verified", delay_s=_SILENT_S) as bar,
    ):
        waiting = [pool.submit(_check, folder, file, is_shard=file in shards) for file in (*shards, *indexes)]
        try:
            for done in concurrent.futures.as_completed(waiting):
                done.result()
                bar.update()
        finally:
            pool.shutdown(cancel_futures=True)
    logging.info(
        "Verified the SHA-256 of the %d files in %s in %.1f s; as long as they are not changed, it is not done again.",
        total, folder, time.monotonic() - began_s,
    )  # fmt: skip
    if stamp is not None:
        with contextlib.suppress(OSError):  # it is verified again
            stamp.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            stamp.touch()


def check_sizes(folder: pathlib.Path, manifest: Manifest) -> None:
    """Checks that each file is there, and as large as the manifest says.

    Raises:
        InputError: One is not.
    """
    named = [file for split in manifest.splits.values() for file in (*split.shards, *split.indexes)]
    with concurrent.futures.ThreadPoolExecutor(_ASKING) as pool:
        sizes_bytes = pool.map(lambda file: _size(folder / file.name), named)
        for file, size_bytes in zip(named, sizes_bytes, strict=True):
            if size_bytes is None:
                raise InputError(f"{folder / file.name} is missing; {REMEDY}.")
            if size_bytes != file.bytes:
                raise InputError(
                    f"{folder / file.name} has {size_bytes:,} bytes where {manifests.FILE_NAME} says {file.bytes:,}; "
                    f"{REMEDY}."
                )


def _size(path: pathlib.Path) -> int | None:
    """Returns the size of a file in bytes; None: it is not there."""
    try:
        return path.stat().st_size
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise


def count_records(path: pathlib.Path) -> int:
    """Counts the records of a file by their lengths; raises as `record_spans` does."""
    return sum(1 for _ in record_spans(path))


def record_spans(path: pathlib.Path) -> Iterator[tuple[int, int]]:
    """Yields where in a file each record begins, and its length, in bytes and without its frame.

    Raises:
        InputError: The file is missing, or a record claims to be longer than the file, or than any record is.
        OSError: The file cannot be read.
    """
    if not path.exists():
        raise InputError(f"{path} is missing; {REMEDY}.")
    with path.open("rb", buffering=0) as file:
        size, offset, number = file.seek(0, os.SEEK_END), 0, 0
        while offset < size:
            file.seek(offset)
            head = file.read(_LENGTH.size)
            length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else size
            start, offset = offset + _HEAD_BYTES, offset + _FRAME_BYTES + length
            if length > _MOST_RECORD_BYTES or offset > size:
                raise InputError(f"{path} is damaged in record {number}; {REMEDY}.")
            yield start, length
            number += 1


def miscounted(path: pathlib.Path, records: int) -> InputError:
    """Returns what to raise for a file that does not hold as many records as the manifest says."""
    return InputError(f"{path} does not hold the {records} records that {manifests.FILE_NAME} says; {REMEDY}.")


def _check(folder: pathlib.Path, file: DataFile, *, is_shard: bool) -> None:
    path = folder / file.name
    if files.sha256_of(path) != file.sha256:
        raise InputError(f"{path} is not the file that {manifests.FILE_NAME} names; {REMEDY}.")
    if is_shard and count_records(path) != file.records:
        raise miscounted(path, file.records)


def _stamp(folder: pathlib.Path, checked: Sequence[DataFile], manifest_sha256: str) -> pathlib.Path | None:
    """An empty file in the person's cache, whose name says which files were verified; None: there is no such place."""
    found = [(folder / file.name).resolve() for file in checked]
    states = [(str(path), state.st_size, state.st_mtime_ns) for path in found for state in [path.stat()]]
    name = hashlib.sha256(repr((manifest_sha256, states)).encode()).hexdigest()
    kept = cache.folder("verified_shards")
    return kept / name if kept else None
