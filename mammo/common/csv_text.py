"""CSV that people open in spreadsheets: text from outside is shown as text, and never run as a formula.

A cell of text that a spreadsheet would take for a formula has an apostrophe before it, as OWASP has it ("CSV
injection"); whatever reads the table by program removes that one. Numbers stay numbers, also those in text ("-5").
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from mammo.common import plain

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")  # the latter four: the same signs in full width
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Returns a CSV with a row of titles.

    Args:
        columns: The titles.
        rows: Of as many cells: text, numbers, truth values, or None, which is an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def cell(value: object) -> object:
    """Returns what a cell holds: text as one line that can be shown (see `plain`) and that no spreadsheet runs."""
    if not isinstance(value, str):
        return value
    is_formula = _FORMULA.match(value) and not _NUMBER.fullmatch(value)
    return f"'{plain.shown(value)}" if is_formula else plain.shown(value)
