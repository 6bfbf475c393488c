"""A path in an object store that is used like one of a disk; its files are read and written by `tf.io.gfile`."""

import contextlib
import errno
import fnmatch
import io
import os
import pathlib
import stat
import tempfile
from collections.abc import Generator, Iterator
from typing import IO, Any

SCHEMES = ("gs", "ram")
"""That TensorFlow reads and writes by itself; "ram" is the memory of this process, for tests."""

_CHUNK_BYTES = 1 << 22


class StoredPath(pathlib.PosixPath):
    """A path in an object store; its text is its address. What it does not override finds nothing on the disk."""

    @classmethod
    def _format_parsed_parts(cls, drv: str, root: str, parts: list[str]) -> str:
        """Returns the text of a path: pathlib takes `gs://bucket` to be of the parts `gs:` and `bucket`."""
        is_address = bool(parts) and parts[0].removesuffix(":") in SCHEMES
        return f"{parts[0]}//{'/'.join(parts[1:])}" if is_address else drv + root + "/".join(parts)

    def is_absolute(self) -> bool:
        """An address is."""
        return True

    def absolute(self) -> "StoredPath":
        """Returns the path itself."""
        return self

    def resolve(self, strict: bool = False) -> "StoredPath":
        """Returns the path itself: there are no links."""
        return self

    def expanduser(self) -> "StoredPath":
        """Returns the path itself: there are no homes."""
        return self

    def relative_to(self, *other: str | os.PathLike[str]) -> pathlib.Path:  # type: ignore[override]
        """Returns a plain path, which is no address."""
        return pathlib.Path(*super().relative_to(*other).parts)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Returns the size, the time, and whether it is a file or a folder; the rest is 0."""
        with as_os_error(self):
            found = gfile().stat(str(self))
        kind = stat.S_IFDIR if found.is_directory else stat.S_IFREG
        seconds = found.mtime_nsec // 1_000_000_000
        return os.stat_result((kind, 0, 0, 1, 0, 0, found.length, seconds, seconds, seconds))

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Opens a file to read, to write anew or to append to; what is written is there once it is closed."""
        raw = _StoredFile(self, mode.replace("b", "").replace("t", ""))
        if "b" in mode and buffering == 0:
            return raw  # type: ignore[return-value]
        buffered = io.BufferedWriter(raw, _CHUNK_BYTES) if raw.writable() else io.BufferedReader(raw, _CHUNK_BYTES)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline)

    def touch(self, mode: int = 0o666, exist_ok: bool = True) -> None:
        """Writes an empty file."""
        self.write_bytes(b"")

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Makes a folder, with those above it, where there are folders: a bucket has none."""
        if not exist_ok and self.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self))
        if _is_in_memory(self):
            with as_os_error(self):
                gfile().makedirs(str(self))

    def unlink(self, missing_ok: bool = False) -> None:
        """Deletes a file."""
        with contextlib.suppress(*([FileNotFoundError] if missing_ok else [])), as_os_error(self):
            gfile().remove(str(self))

    def rename(self, target: str | os.PathLike[str]) -> "StoredPath":
        """See `replace`."""
        return self.replace(target)

    def replace(self, target: str | os.PathLike[str]) -> "StoredPath":
        """Gives a file another name: an object store copies it, and deletes the first."""
        with as_os_error(self):
            gfile().rename(str(self), os.fspath(target), overwrite=True)
        return type(self)(target)

    def iterdir(self) -> Generator["StoredPath", None, None]:
        """Yields what lies in a folder."""
        with as_os_error(self):
            names = gfile().listdir(str(self))
        yield from (self / name.rstrip("/") for name in names)

    def glob(self, pattern: str) -> Generator["StoredPath", None, None]:
        """Yields the paths that fit a pattern, `*/manifest.json` for one; without `**`."""
        found = [self]
        for part in pattern.split("/"):
            inside = [path for folder in found if folder.is_dir() for path in folder.iterdir()]
            found = [path for path in inside if fnmatch.fnmatchcase(path.name, part)]
        yield from found

    def rglob(self, pattern: str) -> Generator["StoredPath", None, None]:
        """Yields the files and folders below this one whose name fits a pattern."""
        with as_os_error(self):
            places = [(folder, [*folders, *files]) for folder, folders, files in gfile().walk(str(self))]
        paths = (type(self)(folder) / name.rstrip("/") for folder, names in places for name in names)
        yield from (path for path in paths if fnmatch.fnmatchcase(path.name, pattern))


class _StoredFile(io.RawIOBase):
    """An open file of an object store, with what Python's buffers ask of one."""

    def __init__(self, place: StoredPath, mode: str) -> None:
        super().__init__()
        self._place, self._mode, self._position = place, mode, 0
        with as_os_error(place):
            self._size_bytes = gfile().stat(str(place)).length if mode == "r" else 0
            if mode == "w":
                make_way(place)
            self._file = gfile().GFile(str(place), f"{mode}b")
            if mode == "w":
                self._file.write(b"")  # so that an empty file is one

    def readable(self) -> bool:
        return self._mode == "r"

    def writable(self) -> bool:
        return self._mode in ("w", "a")

    def seekable(self) -> bool:
        return self.readable()

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._size_bytes - self._position))  # TensorFlow raises at what is beyond
        if length:
            with as_os_error(self._place):
                self._file.seek(self._position)
                buffer[:length] = self._file.read(length)
        self._position += length
        return length

    def write(self, content: Any) -> int:
        with as_os_error(self._place):
            self._file.write(bytes(content))
        self._position += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        if not self.closed:
            try:
                with as_os_error(self._place):
                    self._file.close()
            finally:
                # What could not be sent is sent once more as it is forgotten: later, over what is newer.
                self._file._writable_file = None
                super().close()


def make_way(place: pathlib.Path) -> None:
    """Prepares "ram" for a file that is to be written anew: it has folders, and would append to what is there.

    Buckets have no folders. To make one would leave an empty object, and where there is no bucket it never returns.
    """
    if _is_in_memory(place):
        gfile().makedirs(str(place.parent))
        if gfile().exists(str(place)):
            gfile().remove(str(place))


def _is_in_memory(place: pathlib.Path) -> bool:
    return str(place).startswith("ram:")


def gfile() -> Any:
    """Returns TensorFlow's file system, which takes seconds to import: for a disk nothing needs it."""
    import tensorflow as tf  # noqa: PLC0415

    return tf.io.gfile


@contextlib.contextmanager
def as_os_error(place: pathlib.Path) -> Iterator[None]:
    """Turns what TensorFlow raises about a file into what a disk would.

    Raises:
        OSError: Its number says what it is: not there, not allowed, full; or else that the network fails.
    """
    import tensorflow as tf  # noqa: PLC0415

    numbers = {
        tf.errors.NotFoundError: errno.ENOENT,
        tf.errors.PermissionDeniedError: errno.EACCES,
        tf.errors.UnauthenticatedError: errno.EACCES,
        tf.errors.AlreadyExistsError: errno.EEXIST,
        tf.errors.ResourceExhaustedError: errno.ENOSPC,
    }
    try:
        yield
    except tf.errors.OpError as error:
        number = numbers.get(type(error), errno.EIO)
        # What is full is the disk: what goes into a bucket is written there first.
        where = tempfile.gettempdir() if number == errno.ENOSPC else str(place)
        said = str(error.message).partition("\n")[0]
        raise OSError(number, os.strerror(number) + (f" ({said})" if said else ""), where) from None
