"""Which file of a data set a name in a sheet means."""

import contextlib
import pathlib
from collections.abc import Iterable

_LONGEST = 1000  # characters, of a path
_LONGEST_PART_BYTES = 255  # of a file's or folder's name, in every file system of note


def relative_path(name: str, folder: pathlib.Path) -> pathlib.PurePosixPath:
    r"""Returns the path below `folder` that a name means: "a/b.png", ".\a\b.png", "<folder>/a/b.png".

    Raises:
        ValueError: It is none, or leads out of the folder; the message is a clause.
    """
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise ValueError("is no name of a file")
    path = pathlib.PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() and path.is_relative_to(folder.as_posix()):
        path = path.relative_to(folder.as_posix())
    if path.is_absolute() or pathlib.PureWindowsPath(name).drive or ".." in path.parts:
        raise ValueError("leads out of the folder of the data set")
    if not path.parts or any(len(part.encode()) > _LONGEST_PART_BYTES for part in path.parts):
        raise ValueError("is no name of a file")
    return path


def find(folder: pathlib.Path, paths: Iterable[pathlib.PurePosixPath]) -> dict[pathlib.PurePosixPath, pathlib.Path]:
    """Returns the file at each path below `folder`, or the only one there whose name differs by its case alone.

    Where there is neither, the path as it was named: whoever opens it says that it is missing.
    """
    listed: dict[pathlib.Path, dict[str, list[pathlib.Path]]] = {}  # each folder once, however many files it lacks
    found = {}
    for path in paths:
        exact = folder / path
        found[path] = exact
        if not _is_there(exact):
            if exact.parent not in listed:
                listed[exact.parent] = _by_folded_name(exact.parent)
            alike = listed[exact.parent].get(exact.name.casefold(), [])
            found[path] = alike[0] if len(alike) == 1 else exact
    return found


def _is_there(path: pathlib.Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder that may not be read, say
        return False


def _by_folded_name(folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    names: dict[str, list[pathlib.Path]] = {}
    with contextlib.suppress(OSError):  # no such folder
        for path in folder.iterdir():
            names.setdefault(path.name.casefold(), []).append(path)
    return names
