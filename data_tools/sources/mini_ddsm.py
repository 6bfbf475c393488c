"""Mini-DDSM as it is on disk: either sheet, either tree, and every oddity of the download.

C. D. Lekamlage et al., "Mini-DDSM: Mammography-based Automatic Age Estimation", DMIP 2020; Kaggle `cheddad/miniddsm2`.
"""

import dataclasses
import functools
import logging
import os
import pathlib
import re
from collections.abc import Iterable

from data_tools import outlines, source
from data_tools.source import Annotation, Lesion, ListedExam, ListedView
from data_tools.sources import ddsm_files, file_names, sheets
from data_tools.sources.ddsm_files import Abnormality, Scan
from mammo.clinical import labels
from mammo.clinical.labels import Label, Laterality, Projection
from mammo.common.errors import ImageError, InputError

_TREES = {"png16": "MINI-DDSM-Complete-PNG-16", "jpeg8": "MINI-DDSM-Complete-JPEG-8"}
_THIRD_MASKS_FOLDER = "Data-MoreThanTwoMasks"
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
_COLUMNS = ("fullPath", "fileName", "View", "Side", "Status", "Age", "Density", "Tumour_Contour")
_CONTOUR_COLUMNS = ("Tumour_Contour", *(f"Tumour_Contour{number}" for number in range(2, 7)))
_FILE_NAME = re.compile(r"(?P<patient>(?P<volume>[A-Z])_[0-9]{1,9})_[0-9]{1,9}\.(?P<side>LEFT|RIGHT)_(?P<view>CC|MLO)")
_MOST_YEARS, _MOST_DENSITY = 120, 4
_PATHOLOGIES = {
    "MALIGNANT": Label.CANCER,
    "BENIGN": Label.BENIGN,
    "BENIGN_WITHOUT_CALLBACK": Label.BENIGN,
}


@dataclasses.dataclass(frozen=True)
class MiniDdsm:
    """The data set in one folder.

    An exam of which no image is there is left out, and how many is logged: a part of the download is a data set, too.
    An exam of which some images are there is listed whole; what is missing is refused by name when it is read.

    Attributes:
        data_dir: The folder above the trees, or one tree.
        labels: "overlay" takes a lesion's pathology from its view's `.OVERLAY` and, where that does not tell, the
            case's status; "status" takes the case's status always.
        tree: "jpeg8", "png16", or "auto" for png16 where it is there.
    """

    data_dir: pathlib.Path
    labels: str = "overlay"
    tree: str = "auto"
    name: str = "mini_ddsm"

    def list_exams(self) -> list[ListedExam]:
        """Lists the exams of the sheet, sorted by `exam_id`.

        Raises:
            InputError: There is no sheet or no tree, or the sheet cannot be used.
        """
        tree_dir = self._tree_dir
        on_disk = _images_by_key([tree_dir, *self._third_masks_dirs])
        rows = _read_sheet(self._sheet_path)
        by_exam: dict[str, list[_Row]] = {}
        for row in rows:
            by_exam.setdefault(row.exam_id, []).append(row)
        there = {
            exam_id: exam_rows
            for exam_id, exam_rows in sorted(by_exam.items())
            if any(_key(row.path) in on_disk for row in exam_rows)
        }
        if not there:
            raise InputError(f"{tree_dir} holds none of the images that {self._sheet_path} lists.")
        if len(there) < len(by_exam):
            logging.warning(
                "%s holds %d of the %d exams of its sheet; the others are left out.", tree_dir, len(there), len(by_exam)
            )
        return [_exam(exam_rows, tree_dir, on_disk) for exam_rows in there.values()]

    def annotate(self, exam: ListedExam, view: ListedView, height_px: int, width_px: int) -> Annotation:
        """Reads the outlines of one view, its overlay and the case's scan resolution, so far as they are there.

        Where a mask is missing but the overlay holds the boundary it was drawn after, the boundary serves.

        Raises:
            ImageError: An outline cannot be used, or stands on a view of a case that is said to be normal.
        """
        abnormalities, scan = self._abnormalities(view), self._scan(view)
        lesions = []
        for number, path in sorted(view.outline_paths.items()):
            marked = abnormalities.get(number, ddsm_files.UNMARKED)
            if not _is_there(path) and len(marked.boundary_xy_px):
                # The masks were drawn after these boundaries. Part of a download may lack Data-MoreThanTwoMasks.
                outline = outlines.from_boundary(marked.boundary_xy_px, height_px / scan.lines if scan else 0.5)
            else:
                outline = outlines.read_outline(path, height_px, width_px)
            lesions.append(
                Lesion(
                    source.box_within(view.path, outline.box_xyxy_px, height_px, width_px),
                    self._pathology(exam, view, marked),
                    kind=marked.kind,
                    outline_index=number,
                    area_px=outline.area_px,
                    assessment=marked.assessment,
                    subtlety=marked.subtlety,
                )
            )
        return Annotation(tuple(lesions), scan.spacing_mm(height_px) if scan else None)

    def _pathology(self, exam: ListedExam, view: ListedView, marked: Abnormality) -> Label:
        told = _PATHOLOGIES.get(marked.pathology or "") if self.labels == "overlay" else None
        pathology = exam.status if told is None else told
        if pathology == Label.NORMAL:
            raise ImageError(view.path, "has an outline, but its case is said to be Normal")
        return pathology

    @functools.cached_property
    def _tree_dir(self) -> pathlib.Path:
        wanted = _TREES.values() if self.tree == "auto" else [_TREES[self.tree]]
        for folder in wanted:
            for candidate in (self.data_dir / folder, self.data_dir):
                if candidate.name == folder and candidate.is_dir():
                    return candidate
        if not self.data_dir.is_dir():
            raise InputError(f"{self.data_dir} is no folder; give the one that holds {' or '.join(wanted)}.")
        raise InputError(f"{self.data_dir} holds no {' or '.join(wanted)}; give the folder above it.")

    @property
    def _third_masks_dirs(self) -> list[pathlib.Path]:
        folder = self._tree_dir.parent / _THIRD_MASKS_FOLDER
        return [folder] if folder.is_dir() else []

    @property
    def _sheet_path(self) -> pathlib.Path:
        """The fuller sheet, which knows of more than two masks, where it is there."""
        above = self._tree_dir.parent
        candidates = [
            above / _THIRD_MASKS_FOLDER / f"{_THIRD_MASKS_FOLDER}.xlsx",
            *(folder / "DataWMask.xlsx" for folder in (self._tree_dir, above / _TREES["jpeg8"], above)),
        ]
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        raise InputError(f"{above} holds no sheet; put {_THIRD_MASKS_FOLDER}.xlsx at {candidates[0]}.")

    @staticmethod
    def _abnormalities(view: ListedView) -> dict[int, Abnormality]:
        # By its stem, whatever the suffix: one file of the download is an .OVERLAYu.
        found = sorted(view.path.parent.glob(f"{view.path.stem}.OVERLAY*"))
        return ddsm_files.read_overlay(found[0]) if found else {}

    @staticmethod
    def _scan(view: ListedView) -> Scan | None:
        path = view.path.with_name(view.exam_id.replace("_", "-") + ".ics")
        if not path.is_file():
            return None
        return ddsm_files.read_scan(path, f"{view.laterality}_{view.projection}".upper())


@dataclasses.dataclass(frozen=True)
class _Row:
    """One row of a sheet, checked."""

    path: pathlib.PurePath
    exam_id: str
    patient_id: str
    volume: str
    status: Label
    laterality: Laterality | None
    projection: Projection | None
    age_years: float | None
    density: int | None
    contours: dict[int, pathlib.PurePath]


def _read_sheet(path: pathlib.Path) -> list[_Row]:
    rows = []
    seen: dict[str, int] = {}
    for row in sheets.read_xlsx(path, _COLUMNS, _CONTOUR_COLUMNS[1:]):
        try:
            rows.append(_row(row.cells))
        except ValueError as error:
            raise InputError(f"{path}, row {row.number}: {error}; correct the sheet.") from None
        stem = rows[-1].path.stem.lower()
        if stem in seen:
            raise InputError(f"{path}, row {row.number}: {stem} stands in row {seen[stem]} already; remove one.")
        seen[stem] = row.number
    return rows


def _row(cells: dict[str, str]) -> _Row:
    """Checks one row.

    Raises:
        ValueError: A cell cannot be used; the message says which.
    """
    path = _path(cells["fullPath"])
    name = _FILE_NAME.fullmatch(path.stem)
    if name is None:
        raise ValueError(f"{path.name[:100]!r} is no name such as C_0236_1.RIGHT_CC.jpg")
    if (name["side"], name["view"]) != (cells["Side"].upper(), cells["View"].upper()):
        raise ValueError(f"Side {cells['Side'][:100]!r} and View {cells['View'][:100]!r} are not those of {path.name}")
    status = cells["Status"].lower()
    if status not in labels.NAMES:
        raise ValueError(f"Status {cells['Status'][:100]!r} is none of Normal, Benign, Cancer")
    density = _number(cells, "Density", _MOST_DENSITY)
    return _Row(
        path,
        exam_id=path.stem.partition(".")[0],
        patient_id=name["patient"],
        volume=name["volume"],
        status=Label(labels.NAMES.index(status)),
        laterality=labels.parse_laterality(name["side"]),
        projection=labels.parse_projection(name["view"]),
        age_years=_number(cells, "Age", _MOST_YEARS),
        density=int(density) if density else None,  # 0 where it was not read
        contours={
            number: _path(cells[column])
            for number, column in enumerate(_CONTOUR_COLUMNS, start=1)
            if not _is_empty(cells.get(column, ""))
        },
    )


def _path(cell: str) -> pathlib.PurePath:
    try:
        return file_names.relative_path(cell, pathlib.Path())
    except ValueError as error:
        raise ValueError(f"{cell[:100]!r} {error}") from None


def _number(cells: dict[str, str], column: str, most: float) -> float | None:
    if _is_empty(cells[column]):
        return None
    try:
        number = float(cells[column])
    except ValueError:
        raise ValueError(f"{column} {cells[column][:100]!r} is no number") from None
    if not 0 <= number <= most:
        raise ValueError(f"{column} {cells[column][:100]!r} is not within 0 to {most:g}")
    return number


def _is_empty(cell: str) -> bool:
    """The sheets leave a cell blank, or write a dash, or the word NaN."""
    return cell.lower() in ("", "-", "nan", "none")


def _is_there(path: pathlib.Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder that may not be read, say: whoever opens it tells why it cannot be
        return True


def _key(path: pathlib.PurePath) -> str:
    """What a sheet and a disk agree on: folder and stem, in lower case. Suffixes differ from tree to tree."""
    return path.with_suffix("").as_posix().lower()


def _images_by_key(folders: Iterable[pathlib.Path]) -> dict[str, pathlib.Path]:
    found: dict[str, pathlib.Path] = {}
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                if not name.lower().endswith(_IMAGE_SUFFIXES):
                    continue
                path = pathlib.Path(parent, name)
                key = _key(path.relative_to(folder))
                if key in found and found[key].is_relative_to(folder):
                    raise InputError(f"{found[key]} and {path} are two images of one name; remove one.")
                found.setdefault(key, path)
    return found


def _exam(rows: list[_Row], tree_dir: pathlib.Path, on_disk: dict[str, pathlib.Path]) -> ListedExam:
    first = rows[0]
    if any((row.status, row.age_years, row.density) != (first.status, first.age_years, first.density) for row in rows):
        raise InputError(f"the rows of exam {first.exam_id} differ in Status, Age or Density; correct the sheet.")
    views = [
        ListedView(
            row.patient_id,
            row.exam_id,
            row.laterality,
            row.projection,
            on_disk.get(_key(row.path), tree_dir / row.path),
            {number: on_disk.get(_key(path), tree_dir / path) for number, path in row.contours.items()},
        )
        for row in sorted(rows, key=lambda row: (row.laterality or "", row.projection or ""))
    ]
    return ListedExam(
        first.patient_id, first.exam_id, first.status, first.volume, first.age_years, first.density, tuple(views)
    )
