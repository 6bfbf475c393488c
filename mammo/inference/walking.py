"""Walks a folder: which files may be views, by the names that litter has; what a file is, its content shows."""

import os
import pathlib
from collections.abc import Iterator

from mammo.inference import file_names


class Walk:
    """One walk through a folder, and what could not be read on the way.

    Attributes:
        faults: A sentence for each folder that could not be read, as far as it has been walked.
    """

    def __init__(self, root: pathlib.Path, output_mark: str) -> None:
        """Remembers what is meant, and opens nothing yet.

        Args:
            root: Where to begin.
            output_mark: A folder that holds a file of this name is not entered.
        """
        self.faults: list[str] = []
        self._root, self._mark = root, output_mark

    def folders(self) -> Iterator[tuple[pathlib.Path, list[pathlib.Path]]]:
        """Yields each folder that has files, with them, sorted; litter is left out, folders of it are not entered.

        Links are followed, each folder once, but none to a folder around the one that is walked: what lies there was
        not given. A folder that cannot be read costs itself.
        """
        entered = set(pathlib.Path(os.path.realpath(self._root)).parents)
        pending = [self._root]  # not by recursion: an archive may nest a thousand folders
        while pending:
            folder = pending.pop()
            real = pathlib.Path(os.path.realpath(folder))
            if real in entered:
                continue
            entered.add(real)
            try:
                with os.scandir(folder) as entries:
                    is_folder = {entry.name: _is_folder(entry) for entry in entries}
            except OSError as error:
                self.faults.append(fault(folder, error))
                continue
            if self._mark in is_folder:
                continue
            names = sorted(is_folder)
            folder_names = [name for name in names if is_folder[name] and not file_names.is_litter_folder(name)]
            pending += [folder / name for name in reversed(folder_names)]
            files = [name for name in names if not is_folder[name] and not file_names.is_litter(name)]
            if files:
                yield folder, [folder / name for name in files]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; what cannot be opened says so as a view
        return False


def fault(path: pathlib.Path | str, error: OSError) -> str:
    """Says that a folder or a table cannot be read."""
    return f"{path} cannot be read ({error.strerror or 'unknown fault'}); change its permissions, or copy it."
