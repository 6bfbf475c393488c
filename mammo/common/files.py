"""Writes files atomically: under a temporary name, then renamed, so that no partial file has the final name."""

import contextlib
import errno
import hashlib
import os
import pathlib
from collections.abc import Iterator

PARTIAL_SUFFIX = ".partial"


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, and renames it to `path` when the block ends without an error.

    The temporary name contains the process id: a process that outlives its parent cannot spoil its successor's file.

    Raises:
        OSError: The file cannot be written; `filename` is always set, though the system leaves it out on a full disk.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL_SUFFIX}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT):
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes `text` to `path` atomically."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sha256_of(path: pathlib.Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
