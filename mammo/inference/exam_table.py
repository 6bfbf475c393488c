"""Reads a CSV that lists exams: one row a view."""

import csv
import io
import pathlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from mammo.clinical import labels
from mammo.clinical.labels import Laterality, Projection
from mammo.common.errors import InputError

_COLUMNS = ("exam_id", "path")
_HINT = "each row names an exam and the file of one view"

Known = TypeVar("Known", Laterality, Projection)


class Row(NamedTuple):
    """One view.

    Attributes:
        exam_id: Of its exam.
        path: Of its file; relative ones start at the folder of the CSV.
        laterality: None: the cell is empty, or there is no such column.
        projection: As `laterality`.
    """

    exam_id: str
    path: pathlib.Path
    laterality: Laterality | None
    projection: Projection | None


def read(path: pathlib.Path) -> list[Row]:
    """Reads a CSV with columns exam_id, path and perhaps laterality and projection.

    Raises:
        InputError: It is no CSV in UTF-8, lacks a column, or holds no row or one that is not as expected.
        OSError: It cannot be read.
    """
    rows = [_row(path, f"{path}, row {number}", cells) for number, cells in _lines(path)]
    if not rows:
        raise InputError(f"{path} has no rows; {_HINT}.")
    return rows


def _row(path: pathlib.Path, where: str, cells: Mapping[str, str]) -> Row:
    for column in _COLUMNS:
        if not cells[column]:
            raise InputError(f"{where}: {column} is empty; {_HINT}.")
    return Row(
        cells["exam_id"],
        path.parent / cells["path"],
        _known(cells, "laterality", labels.parse_laterality, "left, right, L or R", where),
        _known(cells, "projection", labels.parse_projection, "cc or mlo", where),
    )


def _lines(path: pathlib.Path) -> list[tuple[int, dict[str, str]]]:
    """Returns the rows that are not blank, each with its number in the file, where the title is row 1."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Excel puts a mark before it
        if "\0" in text:
            raise csv.Error("a file of binary data")
        reader = csv.reader(io.StringIO(text, newline=""))
        title = [name.strip() for name in next(reader, [])]
        rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path} is no CSV in UTF-8; export it again as one.") from None
    missing = [column for column in _COLUMNS if column not in title]
    if missing:
        has = f"it has {', '.join(title)}" if any(title) else "its first row is empty"
        raise InputError(f"{path} has no column {missing[0]}; {has}; {' and '.join(_COLUMNS)} are expected.")
    blank = dict.fromkeys(title, "")
    return [(row, blank | dict(zip(title, map(str.strip, cells), strict=False))) for row, cells in rows]


def _known(
    cells: Mapping[str, str], column: str, parse: Callable[[str], Known | None], expected: str, where: str
) -> Known | None:
    cell = cells.get(column, "")
    value = parse(cell)
    if cell and value is None:
        raise InputError(f"{where}: {column} is {cell!r}, not {expected}; correct it, or leave it empty.")
    return value
