"""Which file of a data set a name in a sheet means."""

import pathlib

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


def find(folder: pathlib.Path, path: pathlib.PurePosixPath) -> pathlib.Path:
    """Returns the file at `path` below `folder`, or the only one there whose name differs by its case alone.

    Where there is neither, the path as it was named: whoever opens it says that it is missing.
    """
    exact = folder / path
    try:
        if exact.exists():
            return exact
        alike = [other for other in exact.parent.iterdir() if other.name.casefold() == exact.name.casefold()]
    except OSError:  # no such folder, a name longer than the system's
        return exact
    return alike[0] if len(alike) == 1 else exact
