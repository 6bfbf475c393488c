"""Files that are there whole or not at all: written under a temporary name, then renamed."""

import contextlib
import errno
import hashlib
import os
import pathlib
from collections.abc import Iterator

PARTIAL_SUFFIX = ".partial"


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, which takes its place once the block ends without an error.

    The temporary name is this process's own, so that one that outlives its parent cannot spoil its successor's file.

    Raises:
        OSError: It cannot be written; `filename` is set even where the system leaves it out, as on a full disk.
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
    """Writes `text` to `path`, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text)


def sha256_of(path: pathlib.Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
