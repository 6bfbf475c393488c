"""Reads the sheet of a data set, CSV or XLSX as spreadsheet programs write it, into rows of text.

What a cell means is for the source to say. Here is decided what a sheet is: how its text is encoded, which columns it
has, that each row has a cell for each, and how large it may be.
"""

import csv
import dataclasses
import io
import pathlib
import zipfile
from collections.abc import Iterable, Iterator, Sequence

from mammo.common.errors import InputError

MAX_CSV_BYTES = 24 * 2**20
MAX_COLUMNS = 100
MAX_XLSX_ROWS = 50_000
MAX_CELLS_BYTES = 8 * 2**20
"""Of the cells and the text of a workbook, unpacked; openpyxl takes up to 100 times as much. Mini-DDSM's: 4 MB."""
MAX_PART_BYTES = 2**19  # of each other part, such as its styles, for which openpyxl takes longer

_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_CELLS = ("xl/worksheets/", "xl/sharedStrings")
_MAX_PARTS = 100
_DELIMITERS = (",", ";", "\t")  # spreadsheet programs write semicolons where a comma is in numbers


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a sheet.

    Attributes:
        number: As a spreadsheet program numbers it: the title is in row 1.
        cells: The text of each column that was asked for and is there, without space around it.
    """

    number: int
    cells: dict[str, str]


def read_csv(path: pathlib.Path, columns: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """Reads a CSV file: UTF-8 or marked as UTF-16, with commas, semicolons or tabs; blank rows are left out.

    Args:
        path: Of the file.
        columns: Names of columns that have to be there, in either case.
        optional: Names of columns that may be there.

    Raises:
        InputError: It cannot be read, has no such columns or no rows, or a row has more or fewer cells than the title.
    """
    text = _decode(path, _load(path, MAX_CSV_BYTES))
    title = text.split("\n", 1)[0].split("\r", 1)[0]
    delimiter = max(_DELIMITERS, key=title.count)
    return _rows(path, _csv_rows(path, text, delimiter), columns, optional)


def read_xlsx(path: pathlib.Path, columns: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """Reads the first sheet of an XLSX file; blank rows are left out. Arguments and errors are those of `read_csv`."""
    content = _load(path, MAX_CELLS_BYTES)
    _check_parts(path, content)
    return _rows(path, _xlsx_rows(path, content), columns, optional)


def _load(path: pathlib.Path, most_bytes: int) -> bytes:
    try:
        if path.stat().st_size > most_bytes:
            raise InputError(f"{path} has more than {most_bytes // 2**20} MiB, which no sheet of cases has.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from None


def _decode(path: pathlib.Path, content: bytes) -> str:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line} is no UTF-8; save the sheet as CSV UTF-8.") from None
    if "\0" in text:
        raise InputError(f"{path} is no text; save the sheet as CSV UTF-8.")
    return text


def _csv_rows(path: pathlib.Path, text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num} is no CSV ({error}); save the sheet again.") from None


def _check_parts(path: pathlib.Path, content: bytes) -> None:
    """Checks what the workbook unpacks to before it is unpacked: no part is unpacked further than its size says.

    ECMA-376 part 2 (Open Packaging Conventions) allows no document type in a part, so none may define entities.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [part for part in archive.infolist() if part.filename.endswith((".xml", ".rels"))]
            is_cells = [part.filename.startswith(_CELLS) for part in parts]
            cells_bytes = sum(part.file_size for part, is_cell in zip(parts, is_cells, strict=True) if is_cell)
            others = [part.file_size for part, is_cell in zip(parts, is_cells, strict=True) if not is_cell]
            is_too_large = cells_bytes > MAX_CELLS_BYTES or max(others, default=0) > MAX_PART_BYTES
            has_entities = not is_too_large and any(b"<!DOCTYPE" in archive.read(part) for part in parts)
    except Exception:  # of a damaged archive zipfile raises whatever it meets
        raise _no_spreadsheet(path) from None
    if is_too_large or len(parts) > _MAX_PARTS:
        raise InputError(f"{path} unpacks to more than a sheet of cases has; save the cases alone as a new workbook.")
    if has_entities:
        raise InputError(f"{path} has a document type in its XML, which no workbook has; save the sheet again.")


def _xlsx_rows(path: pathlib.Path, content: bytes) -> Iterator[list[str]]:
    import openpyxl  # noqa: PLC0415  only who lists needs it: workers start sooner without

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        # One row and one column more than may be: a cell at the far corner of a sheet costs no more than that.
        cells = book.worksheets[0].iter_rows(max_row=MAX_XLSX_ROWS + 2, max_col=MAX_COLUMNS + 1, values_only=True)
        rows = [["" if value is None else str(value) for value in row] for row in cells]
    except Exception:  # of a damaged workbook openpyxl raises whatever it meets
        raise _no_spreadsheet(path) from None
    if len(rows) > MAX_XLSX_ROWS + 1:
        raise InputError(f"{path} has more than {MAX_XLSX_ROWS:,} rows, which no sheet of cases has.")
    yield from rows


def _no_spreadsheet(path: pathlib.Path) -> InputError:
    return InputError(f"{path} cannot be read as a spreadsheet; copy it again from its source.")


def _rows(
    path: pathlib.Path, rows: Iterable[Sequence[str]], columns: Sequence[str], optional: Sequence[str]
) -> list[Row]:
    title: list[str] | None = None
    width = 0  # of the title, without blank cells at its end
    found = []
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if title is None:
            title = _known(path, cells, columns, optional)
            width = max(place for place, cell in enumerate(cells, start=1) if cell)
        elif len(cells) < width or any(cells[len(title) :]):
            raise InputError(f"{path}, row {number} has {len(cells)} cells, and the title {width}.")
        else:
            named = zip(title, cells, strict=False)
            found.append(Row(number, {name: cell for name, cell in named if name}))
    if not found:
        raise InputError(f"{path} has no rows.")
    return found


def _known(path: pathlib.Path, title: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> list[str]:
    """Returns the title with the names that were asked for, whatever their case was, and "" for other columns."""
    if any(title[MAX_COLUMNS:]):
        raise InputError(f"{path} has more than {MAX_COLUMNS} columns, which no sheet of cases has.")
    asked = {name.casefold(): name for name in (*columns, *optional)}
    known = [asked.get(name.casefold(), "") for name in title]
    for name in asked.values():
        if known.count(name) > 1:
            raise InputError(f"{path} has two columns {name}; remove one.")
        if name in columns and name not in known:
            raise InputError(f"{path} has no column {name}; it has {', '.join(filter(None, title)) or 'no title'}.")
    return known
