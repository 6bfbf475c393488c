"""Reads a CSV that lists exams, as spreadsheets and scripts write it: one row a view."""

import csv
import io
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mammo.clinical import labels
from mammo.clinical.labels import Laterality, Projection, ViewName
from mammo.common.errors import InputError

_COLUMNS = ("exam_id", "path")
_HINT = "each row names an exam and the file of one view"

_MOST_BYTES = 64 << 20  # a million rows; no table of exams is larger
_ENCODINGS = ("utf-8-sig", "cp1252")  # the second: "CSV" of Excel on Windows
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")  # "Unicode text" of Excel
_DELIMITERS = ",;\t|"

_MOST_TOLD, _LONGEST_TOLD = 20, 40  # names of columns, and characters of a cell, in a message

_EMPTY = frozenset(("", "nan", "na", "n/a", "none", "null", "unknown", "-", "?"))
"""An empty cell, and what stands for one, in any case: pandas and R write it."""

_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "exam_id": ("study_id", "study_uid", "studyinstanceuid", "exam", "study", "accession_number", "patient_id"),
    "path": ("image_id", "file", "file_name", "filename", "file_path", "image", "image_path", "image_file_path"),
}
"""By what names other tables call our columns: VinDr-Mammo, RSNA, CBIS-DDSM and others."""


class Row(NamedTuple):
    """One view.

    Attributes:
        exam_id: Of its exam.
        path: Of its file; relative ones start at the folder of the CSV.
        laterality: None: the cell is empty, or there is no such column.
        projection: As `laterality`; or it is another than CC and MLO.
        other: What it is then, as a noun with its article ("a mediolateral view"); "" where it may be one of these.
    """

    exam_id: str
    path: pathlib.Path
    laterality: Laterality | None
    projection: Projection | None
    other: str = ""


def read(path: pathlib.Path) -> list[Row]:
    """Reads a table with columns exam_id, path and perhaps laterality and projection.

    Its text may be UTF-8, UTF-16 or Windows-1252; commas, semicolons, tabs or bars stand between its cells. Names of
    columns are taken without regard to case and to spaces around and within them.

    Raises:
        InputError: It is no such table, lacks a column, or holds no row or one that is not as expected.
        OSError: It cannot be read.
    """
    title, lines = _lines(path, _text(path))
    rows = [_row(path, f"{path}, row {number}", title, cells) for number, cells in lines]
    if not rows:
        raise InputError(f"{path} has no rows; {_HINT}.")
    return rows


def _text(path: pathlib.Path) -> str:
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path} has more than {_MOST_BYTES >> 20} MiB; it is no table of exams, or split it.")
    content = path.read_bytes()
    for encoding in ("utf-16",) if content.startswith(_UTF_16_MARKS) else _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InputError(f"{path} is no CSV but binary data; export it again as CSV in UTF-8.")


def _lines(path: pathlib.Path, text: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Returns the names of the columns, and the rows that are not blank, each with its number; the title is row 1."""
    if text[:4].lower() == "sep=":  # Excel's own line, which names the delimiter
        text = "\n" + text.partition("\n")[2]
    title: list[str] = []
    for delimiter in _DELIMITERS:
        names = _title(text, delimiter)
        if set(_COLUMNS) <= set(names):
            _check_once(path, names)
            lines = _parsed(path, text, delimiter)
            next(lines)
            return names, lines
        title = max(title, names, key=len)
    raise InputError(_without_columns(path, title))


def _title(text: str, delimiter: str) -> list[str]:
    """Returns the names of the columns, if this is what stands between them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        cells = next((cells for cells in reader if any(map(str.strip, cells))), [])
    except csv.Error:  # a cell without an end
        return []
    return [_plain(cell).casefold().replace(" ", "_") for cell in cells]


def _parsed(path: pathlib.Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        yield from ((reader.line_num, cells) for cells in reader if any(map(str.strip, cells)))
    except csv.Error:
        where = f"{path}, row {reader.line_num}"
        raise InputError(f"{where}: its quotes do not match; write quotes around a whole cell, or none.") from None


def _check_once(path: pathlib.Path, names: Sequence[str]) -> None:
    for column in (*_COLUMNS, "laterality", "projection"):
        if names.count(column) > 1:
            raise InputError(f"{path} has more than one column {column}; keep one of them.")


def _without_columns(path: pathlib.Path, title: Sequence[str]) -> str:
    """Says which column a table lacks, and which of its own to rename, if one looks like it."""
    missing = [column for column in _COLUMNS if column not in title]
    names = ", ".join(map(_short, title[:_MOST_TOLD])) + (", …" if len(title) > _MOST_TOLD else "")
    has = f"it has {names}" if any(title) else "its first row is empty"
    renamed = {column: [name for name in _OTHER_NAMES[column] if name in title] for column in missing}
    to_rename = [f"{names[0]} to {column}" for column, names in renamed.items() if names]
    if "view_position" in title and to_rename:
        to_rename.append("view_position to projection")
    advice = f"; rename {', '.join(to_rename)}" if to_rename else ""
    holds = ", which holds where the file of each view lies" if advice and "path" in missing else ""
    expected = " and ".join(_COLUMNS)
    return f"{path} has no column {' and no column '.join(missing)}; {has}; {expected} are expected{advice}{holds}."


def _row(path: pathlib.Path, where: str, title: Sequence[str], given: Sequence[str]) -> Row:
    if any(cell.strip() for cell in given[len(title) :]):
        count = f"{len(given)} cells, and the table has {len(title)} columns"
        raise InputError(f"{where} has {count}; write quotes around a cell that holds the delimiter.")
    cells = dict.fromkeys(title, "") | dict(zip(title, map(_plain, given), strict=False))
    for column in _COLUMNS:
        if cells[column].casefold() in _EMPTY:
            raise InputError(f"{where}: {column} is {cells[column] or 'empty'}; {_HINT}.")
    laterality, view = _laterality(cells, where), _view(cells, where)
    if laterality and view.laterality and laterality != view.laterality:
        raise InputError(f"{where}: laterality and projection contradict each other; correct one of them.")
    path_there = _path(path.parent, cells["path"])
    return Row(cells["exam_id"], path_there, laterality or view.laterality, view.projection, view.other)


def _plain(cell: str) -> str:
    """A cell without spaces and quotes around it."""
    cell = cell.strip()
    is_quoted = len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "'\""
    return cell[1:-1].strip() if is_quoted else cell


def _path(folder: pathlib.Path, cell: str) -> pathlib.Path:
    """Where the file lies: `~` is the person's home; a path of Windows has its backslashes turned, if that is all."""
    path = folder / os.path.expanduser(cell)  # noqa: PTH111  pathlib raises where there is no such person
    turned = folder / cell.replace("\\", "/")
    return turned if "\\" in cell and not os.path.lexists(path) else path


def _laterality(cells: Mapping[str, str], where: str) -> Laterality | None:
    cell = cells.get("laterality", "")
    laterality = labels.parse_laterality(cell)
    if laterality is None and cell.casefold() not in _EMPTY:
        raise InputError(_unknown(where, "laterality", cell, "left, right, L or R"))
    return laterality


def _view(cells: Mapping[str, str], where: str) -> ViewName:
    cell = cells.get("projection", "")
    view = ViewName() if cell.casefold() in _EMPTY else labels.parse_view(cell)
    if view.projection is None and not view.other and cell.casefold() not in _EMPTY:
        raise InputError(_unknown(where, "projection", cell, "cc or mlo, nor another view of a breast"))
    return view


def _unknown(where: str, column: str, cell: str, expected: str) -> str:
    return f"{where}: {column} is {_short(cell)!r}, not {expected}; correct it, or leave it empty."


def _short(text: str) -> str:
    """As much of a cell as fits into a sentence."""
    return text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]}…"
