"""Files in an object store, as paths that are used like those of a disk: gs://bucket/folder/file.

`path` returns a `StoredPath` for an address, and a plain path for anything else. What differs from a disk:

* A file is written whole, as it is closed, or not at all. `mammo.common.files` writes to a local disk first, and sends
  what is whole; the disk needs room for the largest file: a pair of shards.
* A folder cannot be renamed. One that must be whole or not there at all is sent with the file that makes it whole last.
* There is no lock: see `lock`.
"""

import atexit
import contextlib
import fcntl
import pathlib
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from absl import logging

from mammo.common import stored_path
from mammo.common.errors import InputError
from mammo.common.stored_path import StoredPath

_is_in_use = False

# Of a bucket, and of names that a folder and a file of a disk could have.
_ADDRESS = re.compile(r"[a-z]+://[a-z0-9][a-z0-9._-]*(/(?!\.{1,2}(/|$))[^/]+)*/?")
_LIKE_AN_ADDRESS = re.compile(r"[A-Za-z0-9]+:/")  # one slash: of an address that was taken for a path


def path(text: str) -> pathlib.Path:
    """Returns the path of a file or folder: on a disk, as it is given, or in an object store.

    Raises:
        InputError: It is an address of another kind.
    """
    scheme, separator, _ = text.partition("://")
    if not separator:
        return pathlib.Path(text)
    if scheme not in stored_path.SCHEMES:
        raise InputError(
            f"{text}: {scheme}:// is not read from here; copy it to a disk first, or mount it (docs/cloud.md says how)."
        )
    if not _ADDRESS.fullmatch(text):
        raise InputError(f"{text} is no address in an object store; give one such as gs://bucket/folder.")
    global _is_in_use  # noqa: PLW0603  whatever fails later, somewhere in TensorFlow, does not say what it was about
    _is_in_use = True
    return StoredPath(text)


def cannot_be_reached(error: Exception) -> bool:
    """Tells whether an error of TensorFlow's is that of an object store, which this process uses."""
    tf = sys.modules.get("tensorflow")
    if tf is None or not _is_in_use:
        return False
    kinds = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)
    return isinstance(error, (*kinds, tf.errors.UnauthenticatedError, tf.errors.PermissionDeniedError))


def is_stored(place: pathlib.Path) -> bool:
    """Tells whether a path is of an object store."""
    return isinstance(place, StoredPath)


def refuse_address(text: str) -> None:
    """Refuses an address where only a disk will do.

    Raises:
        InputError: It is one.
    """
    if _LIKE_AN_ADDRESS.match(text):
        raise InputError(f"{text} must be on a disk here; copy it to one, or mount it (docs/cloud.md says how).")


@contextlib.contextmanager
def lock(file: pathlib.Path) -> Iterator[IO[Any] | None]:
    """Holds a file locked while the block lasts; the system lets go of it when this process ends, however it ends.

    In an object store there is no lock: that nobody else writes there is up to who starts the programs, and is said.

    Raises:
        BlockingIOError: Another process holds it.
    """
    if is_stored(file):
        logging.warning("%s has no locks: let nothing else write there meanwhile.", file.parent)
        yield None
        return
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield held


def remove_tree(folder: pathlib.Path) -> None:
    """Deletes a folder with all that is in it; it need not be there."""
    with contextlib.suppress(FileNotFoundError):
        if isinstance(folder, StoredPath):
            with stored_path.as_os_error(folder):
                stored_path.gfile().rmtree(str(folder))
        else:
            shutil.rmtree(folder)


def send(local: pathlib.Path, to: pathlib.Path) -> None:
    """Copies a file of a disk into an object store, whole or not at all; one that was there is replaced.

    Raises:
        InputError: The bucket is not there.
    """
    try:
        with stored_path.as_os_error(to):
            stored_path.make_way(to)
            stored_path.gfile().copy(str(local), str(to), overwrite=True)
    except FileNotFoundError:
        raise InputError(f"{to}: there is no such bucket; make it, or give another address.") from None


def send_tree(local: pathlib.Path, to: pathlib.Path, last: str) -> None:
    """Puts a folder of a disk in the place of one in an object store.

    Args:
        local: The folder.
        to: Where it goes.
        last: Name of the file that makes the folder whole: that of the former is deleted first, and this one is sent
            when all others are there. What else the former had is deleted at the end.

    Raises:
        InputError: The bucket is not there.
    """
    (to / last).unlink(missing_ok=True)
    names = sorted(file.relative_to(local).as_posix() for file in local.rglob("*") if file.is_file())
    for name in sorted(names, key=lambda name: name == last):
        send(local / name, to / name)
    for file in to.rglob("*"):
        if file.is_file() and file.relative_to(to).as_posix() not in names:
            file.unlink()


def fetch(file: pathlib.Path, to: pathlib.Path) -> None:
    """Copies a file of an object store to a disk."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with stored_path.as_os_error(file):
        stored_path.gfile().copy(str(file), str(to))


def temporary_folder() -> pathlib.Path:
    """Returns a new folder of the disk, which is deleted as this process ends."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mammo-"))
    atexit.register(remove_tree, folder)
    return folder
