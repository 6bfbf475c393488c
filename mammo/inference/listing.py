"""Which files make an exam, and of which breast and in which projection each view is.

What a person gives is one folder, one CSV, or image files. DICOM tags are read, pixels are not. Whose the images are is
compared, so that no exam is judged by views of two patients; it is never told in a message.
"""

import csv
import dataclasses
import io
import os
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mammo.clinical.exams import Uids
from mammo.common.errors import ImageError, InputError
from mammo.imaging import images

_NO_VIEW_SUFFIXES = (".ics", ".txt", ".csv", ".json", ".xlsx", ".html", ".md", ".xml", ".ini", ".db", ".zip")
_NO_VIEW = re.compile(r"\.|tape_|dicomdir$|mask_|.*_mask|.*mask\d?\.\w+$|.*\.overlay[^.]*$", re.IGNORECASE)
"""Hidden files, and what stands beside the views of Mini-DDSM or of a DICOM medium."""

_CASE = re.compile(r"(?P<case>(?P<patient>[A-Z]_\d+)_\d+)\.(LEFT|RIGHT)_(CC|MLO)(?![A-Za-z])")  # of Mini-DDSM
_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_PROJECTIONS = {"cc": "cc", "mlo": "mlo"}
_VIEW_WORD = re.compile(r"(?P<side>left|right|l|r)?((?P<projection>cc|mlo)\d?)?")
_COLUMNS = ("exam_id", "path")
_LONGEST_ID = 120  # a file system takes 255 bytes, and suffixes are added

_IN_FOLDER = "lies in one folder with views of {} patients; give the views of each in a folder of its own"
_IN_LIST = "is given together with views of {} patients; give the views of each on their own"
_IN_TABLE = "has one exam_id with views of {} patients; give the views of each an exam_id of their own"


@dataclasses.dataclass(frozen=True)
class ViewFile:
    """One file that was given.

    Attributes:
        path: Of the file.
        laterality: "left", "right"; None: unknown.
        projection: "cc", "mlo"; None: unknown.
        reason: Why it must not be read, as a clause without the path ("is of another patient than ..."); None: it may.
    """

    path: pathlib.Path
    laterality: str | None = None
    projection: str | None = None
    reason: str | None = None
    uids: Uids = dataclasses.field(default_factory=Uids)

    @property
    def name(self) -> str:
        """For messages."""
        return str(self.path)


@dataclasses.dataclass(frozen=True)
class ExamFiles:
    """The views of one exam.

    Attributes:
        exam_id: Names its files: letters, digits, ".", "_" and "-".
        views: At least one.
        patient: What the DICOM tags say of the person, by "id" and "name"; for whoever asks for it by a flag.
    """

    exam_id: str
    views: tuple[ViewFile, ...]
    patient: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)


@dataclasses.dataclass(frozen=True)
class _Found:
    """A file, and to whom and to which visit it belongs so far as its tags or its name tell; "" where they do not."""

    view: ViewFile
    study: str = ""
    is_dicom: bool = False
    patient_id: str = dataclasses.field(default="", repr=False)
    patient_name: str = dataclasses.field(default="", repr=False)


@dataclasses.dataclass(frozen=True)
class _Part:
    """Files of one folder that belong together; those of the same DICOM study in other folders join them."""

    folder: pathlib.Path
    found: Sequence[_Found]
    study: str = ""
    name_end: str = ""


def list_exams(given: Sequence[pathlib.Path]) -> list[ExamFiles]:
    """Lists the exams in what was given.

    Laterality and projection are those of the CSV, else of the DICOM tags, else of the file's name (`LEFT_CC`, `rmlo`).
    A view that must not be judged is listed with its reason, so that the others are answered.

    Args:
        given: Absolute paths: one folder, one CSV with columns exam_id, path and perhaps laterality and projection, or
            the image files of one exam.

    Raises:
        InputError: There is nothing there, it may not be read, it holds no image, or the CSV is not as expected.
    """
    if len(given) == 1:
        return _with_unique_ids(_exams_in(given[0]))
    if all(_is_folder(path) for path in given):
        raise InputError(f"{given[0]} and {given[1]} are folders; give one, or a CSV of their exams.")
    return _with_unique_ids([_exam_of_files(given)])


def _exams_in(path: pathlib.Path) -> list[ExamFiles]:
    try:
        is_there = path.exists()
    except OSError as error:
        raise _unreadable(path, error) from None
    if not is_there:
        raise InputError(f"{path} is not there; give a folder, a CSV, or image files.")
    if path.is_dir():
        return _exams_of_folder(path)
    return _exams_of_table(path) if path.suffix.lower() == ".csv" else [_exam_of_files([path])]


def _is_folder(path: pathlib.Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # it is listed, and its reason tells why it cannot be read


def _unreadable(path: pathlib.Path | str, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read ({error.strerror}); change its permissions, or copy it.")


def _exam_of_files(paths: Sequence[pathlib.Path]) -> ExamFiles:
    cases = {_case_of(path, "case") for path in paths}
    case = cases.pop() if len(cases) == 1 else ""
    return _exam(case or paths[0].parent.name, [_look_at(path) for path in paths], _IN_LIST)


def _exams_of_folder(root: pathlib.Path) -> list[ExamFiles]:
    by_study: dict[str | int, list[_Part]] = {}
    for folder, paths in _folders(root):
        for part in _parts(folder, [_look_at(path) for path in paths]):
            key = part.study or len(by_study)  # a number of its own where it joins no other
            by_study.setdefault(key, []).append(part)
    if not by_study:
        raise InputError(f"{root} holds no image; give a folder of PNG, JPEG or DICOM views.")
    exams = []
    for parts in by_study.values():
        common = pathlib.Path(os.path.commonpath([part.folder for part in parts]))
        name = "_".join(common.relative_to(root).parts) or root.name
        exams.append(_exam(name + parts[0].name_end, [item for part in parts for item in part.found], _IN_FOLDER))
    return exams


def _folders(root: pathlib.Path) -> Iterator[tuple[pathlib.Path, list[pathlib.Path]]]:
    """Yields each folder that has files that may be views, with them, sorted; links are followed, each folder once."""

    def refuse(error: OSError) -> None:
        raise _unreadable(error.filename, error) from None

    seen = set()
    for folder, folder_names, names in os.walk(root, onerror=refuse, followlinks=True):
        real = pathlib.Path(folder).resolve()
        folder_names[:] = [] if real in seen else sorted(name for name in folder_names if not name.startswith("."))
        paths = [pathlib.Path(folder, name) for name in sorted(names) if real not in seen and _may_be_view(name)]
        seen.add(real)
        if paths:
            yield pathlib.Path(folder), paths


def _may_be_view(name: str) -> bool:
    return not _NO_VIEW.match(name) and not name.lower().endswith(_NO_VIEW_SUFFIXES)


def _parts(folder: pathlib.Path, found: list[_Found]) -> list[_Part]:
    """Splits a folder that holds several studies of one patient."""
    studies = sorted({item.study for item in found if item.study})
    if len(studies) < 2 or _count_patients(found) > 1:  # noqa: PLR2004
        is_study = len(studies) == 1 and all(item.is_dicom and item.study for item in found)
        return [_Part(folder, found, studies[0] if is_study else "")]
    reason = f"lies in one folder with {len(studies)} studies, and does not say of which it is"
    lost = [_refused(item, reason) for item in found if not item.study]
    parts = []
    for number, study in enumerate(studies, start=1):
        of_study = [item for item in found if item.study == study]
        is_study = all(item.is_dicom for item in of_study)
        parts.append(_Part(folder, of_study + lost, study if is_study else "", f"_{number}"))
        lost = []
    return parts


def _exams_of_table(path: pathlib.Path) -> list[ExamFiles]:
    by_exam: dict[str, list[_Found]] = {}
    for row, cells in _rows(path):
        where = f"{path}, row {row}"
        for column in _COLUMNS:
            if not cells[column]:
                raise InputError(f"{where}: {column} is empty; each row names an exam and the file of one view.")
        laterality = _known(cells, "laterality", _SIDES, "left, right, L or R", where)
        projection = _known(cells, "projection", _PROJECTIONS, "cc or mlo", where)
        found = _look_at(path.parent / cells["path"], laterality, projection)
        by_exam.setdefault(cells["exam_id"], []).append(found)
    if not by_exam:
        raise InputError(f"{path} has no rows; each row names an exam and the file of one view.")
    return [_exam(exam_id, found, _IN_TABLE) for exam_id, found in by_exam.items()]


def _rows(path: pathlib.Path) -> list[tuple[int, dict[str, str]]]:
    """Returns the rows that are not blank, each with its number in the file, where the title is row 1."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Excel puts a mark before it
        if "\0" in text:
            raise csv.Error("a file of binary data")
        reader = csv.reader(io.StringIO(text, newline=""))
        title = [name.strip() for name in next(reader, [])]
        rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except OSError as error:
        raise _unreadable(path, error) from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path} is no CSV in UTF-8; export it again as one.") from None
    missing = [column for column in _COLUMNS if column not in title]
    if missing:
        has = f"it has {', '.join(title)}" if any(title) else "its first row is empty"
        raise InputError(f"{path} has no column {missing[0]}; {has}; {' and '.join(_COLUMNS)} are expected.")
    blank = dict.fromkeys(title, "")
    return [(row, blank | dict(zip(title, map(str.strip, cells), strict=False))) for row, cells in rows]


def _known(cells: Mapping[str, str], column: str, values: Mapping[str, str], expected: str, where: str) -> str | None:
    value = cells.get(column, "")
    if value and value.lower() not in values:
        raise InputError(f"{where}: {column} is {value!r}, not {expected}; correct it, or leave it empty.")
    return values.get(value.lower())


def _look_at(path: pathlib.Path, laterality: str | None = None, projection: str | None = None) -> _Found:
    """Finds out what a file says of itself; what is given here counts more."""
    try:
        tags = images.read_tags(path)
        reason = None
    except ImageError as error:
        tags = None
        reason = error.reason
    named = _sides_and_projections(path.name)
    stated = (tags.laterality, tags.projection) if tags else (None, None)
    view = ViewFile(path, laterality or stated[0] or named[0], projection or stated[1] or named[1], reason)
    if tags and (tags.study_uid or tags.patient_id or tags.patient_name):
        return _Found(view, tags.study_uid, True, tags.patient_id, tags.patient_name)
    return _Found(view, _case_of(path, "case"), False, _case_of(path, "patient"))


def _case_of(path: pathlib.Path, part: str) -> str:
    named = _CASE.match(path.name)
    return named[part] if named else ""


def _sides_and_projections(name: str) -> tuple[str | None, str | None]:
    """What a file's name tells, by words that stand alone: `LEFT_CC`, `rmlo`.

    A lone L or R must be next to CC or MLO: it may as well be a person's initial.
    """
    words = [_VIEW_WORD.fullmatch(word) for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    sides, projections = set(), set()
    for place, word in enumerate(words):
        if word is None:
            continue
        beside = [other for other in words[max(place - 1, 0) : place + 2] if other]
        if word["side"] and (len(word[0]) > 1 or any(other["projection"] and not other["side"] for other in beside)):
            sides.add(_SIDES[word["side"]])
        if word["projection"]:
            projections.add(word["projection"])
    return sides.pop() if len(sides) == 1 else None, projections.pop() if len(projections) == 1 else None


def _exam(name: str, found: Sequence[_Found], mixed_reason: str) -> ExamFiles:
    """Makes an exam out of files; none of them may be read where they are of several patients."""
    seen = set()
    checked = []
    for item in found:
        place = os.path.normpath(item.view.path)
        checked.append(_refused(item, "is given twice") if place in seen else item)
        seen.add(place)
    patients = _count_patients(found)
    if patients > 1:
        return ExamFiles(name, tuple(_refused(item, mixed_reason.format(patients)).view for item in checked))
    known = (item for item in found if item.is_dicom and (item.patient_id or item.patient_name))
    patient = next(({"id": item.patient_id, "name": item.patient_name} for item in known), {})
    return ExamFiles(
        name, tuple(item.view for item in checked), {key: value for key, value in patient.items() if value}
    )


def _refused(item: _Found, reason: str) -> _Found:
    """The same file with a reason not to read it; the first reason stands."""
    return dataclasses.replace(item, view=dataclasses.replace(item.view, reason=item.view.reason or reason))


def _count_patients(found: Iterable[_Found]) -> int:
    """Counts those that are known, by number, and by name where the number is missing."""
    persons = {(item.is_dicom, _plain(item.patient_id), _plain(item.patient_name)) for item in found}
    numbers = {name: number for _, number, name in persons if number and name}
    keys = {(is_dicom, number or numbers.get(name, name)) for is_dicom, number, name in persons if number or name}
    return max(sum(kind == is_dicom for is_dicom, _ in keys) for kind in (True, False))


def _plain(text: str) -> str:
    """Trailing carets part what a DICOM name leaves empty."""
    return text.strip(" ^").casefold()


def _with_unique_ids(exams: Iterable[ExamFiles]) -> list[ExamFiles]:
    made: dict[str, ExamFiles] = {}
    for exam in exams:
        plain = re.sub(r"^\.|[^A-Za-z0-9._-]", "_", exam.exam_id[-_LONGEST_ID:]) or "exam"
        exam_id, number = plain, 1
        while exam_id in made:
            number += 1
            exam_id = f"{plain}_{number}"
        made[exam_id] = dataclasses.replace(exam, exam_id=exam_id)
    return list(made.values())
