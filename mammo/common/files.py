"""Writes files atomically: under a temporary name, then renamed, so that no partial file has the final name.

What was written is on the disk before it gets its name: a machine that loses its power leaves the old file or the new
one, never an empty one with the new name, as file systems may that write names before content. Into an object store
(see `mammo.common.storage`) goes what is whole on a local disk.
"""

import contextlib
import errno
import hashlib
import os
import pathlib
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator

from mammo.common import storage

PARTIAL_SUFFIX = ".partial"
PARTIAL_NAME = re.compile(rf".+\.[A-Za-z0-9.-]+-\d+{re.escape(PARTIAL_SUFFIX)}")
"""Of a file that `replacing` yields."""

_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What `write` and `fsync` fail with; the system gives them no name of a file."""


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path of a disk, and puts its file in the place of `path` when the block ends without an error.

    The temporary name contains the host's and the process id: a process that outlives its parent, or that has the same
    id on another machine, cannot spoil the file of another.
    The file, and its name in the folder, are on the disk when the block has ended.

    Raises:
        OSError: The file cannot be written; `filename` is always set, though the system leaves it out on a full disk.
    """
    if storage.is_stored(path):
        with tempfile.TemporaryDirectory() as folder:
            yield pathlib.Path(folder, path.name)
            storage.send(pathlib.Path(folder, path.name), path)
        return
    partial = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}{PARTIAL_SUFFIX}")
    try:
        yield partial
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    except OSError as error:
        if error.filename is None and error.errno in _WRITE_ERRORS:
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def making_folder(path: pathlib.Path, *, whole_by: str | None = None) -> Iterator[pathlib.Path]:
    """Yields a temporary path of a disk, for a folder that takes the place of `path` when the block ends well.

    What a block that was killed has left is deleted first. An empty folder in the place of `path` gives way.

    Args:
        path: The folder.
        whole_by: Name of the file in it without which the folder is none. In an object store, which has no folders to
            rename, it is sent last; a folder that has no such file can only be made on a disk.

    Raises:
        InputError: It can only be made on a disk, and is not on one.
        OSError: The disk is full, or fails.
    """
    if whole_by is not None and storage.is_stored(path):
        with tempfile.TemporaryDirectory() as folder:
            yield pathlib.Path(folder, path.name)
            storage.send_tree(pathlib.Path(folder, path.name), path, whole_by)
        return
    storage.refuse_address(str(path))
    unfinished = path.with_name(f"{path.name}{PARTIAL_SUFFIX}")
    shutil.rmtree(unfinished, ignore_errors=True)
    yield unfinished
    sync_tree(unfinished)
    unfinished.rename(path)


def reserve(path: pathlib.Path, size_bytes: int) -> None:
    """Makes a file of this size, so that a full disk is known before a library, which says it badly, writes there.

    Raises:
        OSError: There is no space left.
    """
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size_bytes)


def sync(path: pathlib.Path) -> None:
    """Waits until a file's content, or a folder's names, are on the disk.

    Raises:
        OSError: The disk is full, or fails.
    """
    if storage.is_stored(path):  # what was closed is there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a network's file system that cannot do it for a folder
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: pathlib.Path) -> None:
    """Waits until all files and folders below `folder`, and itself, are on the disk: before it is renamed.

    Raises:
        OSError: The disk is full, or fails.
    """
    if storage.is_stored(folder):  # what was closed is there
        return
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(pathlib.Path(parent, name))
        sync(pathlib.Path(parent))


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes `text` to `path` atomically."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sha256_of(path: pathlib.Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
