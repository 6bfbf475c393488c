"""Writes the two spreadsheets of Mini-DDSM."""

import dataclasses
import datetime
import pathlib
from collections.abc import Sequence

import xlsxwriter

from data_tools.phantoms.cases import Case

_MOST_OUTLINES = 6  # the fuller sheet has a column for each
_COLUMNS = ("fullPath", "fileName", "View", "Side", "Status")
_DASHED = (1, 2)  # of these columns the empty cells; in the others they are blank
_CREATED = datetime.datetime(2020, 1, 1)  # fixed: the same phantom has the same bytes


@dataclasses.dataclass(frozen=True)
class Row:
    """One view, as the sheets list it."""

    case: Case
    side: str
    projection: str
    outlines: int

    @property
    def view_name(self) -> str:
        """The file's name without its suffix."""
        return f"{self.case.case_id}.{self.side}_{self.projection}"


def write(path: pathlib.Path, rows: Sequence[Row], *, is_fuller: bool) -> None:
    """Writes a sheet.

    Args:
        path: Where.
        rows: The views, in order.
        is_fuller: Whether it is `Data-MoreThanTwoMasks.xlsx`, which has six columns for outlines, after the density;
            `DataWMask.xlsx` has two, before the age.
    """
    contours = [
        f"Tumour_Contour{number}" if number > 1 else "Tumour_Contour" for number in range(1, _MOST_OUTLINES + 1)
    ]
    header = (*_COLUMNS, "Age", "Density", *contours) if is_fuller else (*_COLUMNS, *contours[:2], "Age", "Density")
    workbook = xlsxwriter.Workbook(path)
    workbook.set_properties({"created": _CREATED})
    sheet = workbook.add_worksheet("Data")
    sheet.write_row(0, 0, header)
    for index, row in enumerate(rows, 1):
        for column, name in enumerate(header):
            sheet.write(index, column, _cell(row, name))
    workbook.close()


def _cell(row: Row, column: str) -> str | int | None:
    folder = f"{row.case.status}\\{row.case.folder}\\"  # as the sheets were made on Windows
    cells = {
        "fullPath": f"{folder}{row.view_name}.jpg",  # whichever tree it is for
        "fileName": f"{row.view_name}.jpg",
        "View": row.projection,
        "Side": row.side,
        "Status": row.case.status,
        "Age": row.case.age_years,
        "Density": row.case.density,
    }
    if column in cells:
        return cells[column]
    number = int(column.removeprefix("Tumour_Contour") or 1)
    if number > row.outlines:
        return "-" if number in _DASHED else None
    # On disk a second outline of a cancer is "_Mask2", in the sheets all are "_MASK2".
    ending = {1: "_Mask", 2: "_MASK2"}.get(number, f"_Mask{number}")
    return f"{folder}{row.view_name}{ending}.jpg"
