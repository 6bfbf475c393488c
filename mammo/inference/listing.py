"""Which files make an exam, and of which breast and in which projection each view is.

What a person gives is one folder, one CSV, or image files; a service gives paths or bytes. DICOM tags are read, pixels
are not decoded. Whose the images are is compared, so that no exam is judged by views of two patients; it is never told
in a message.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mammo.clinical.exams import Uids
from mammo.clinical.labels import Laterality, Projection
from mammo.common import plain
from mammo.common.errors import ImageError, InputError
from mammo.imaging.image_file import ImageFile
from mammo.inference import exam_table, file_names, naming

KEPT_BYTES = 256 << 20
"""Memory for what is read of files as they are listed, so that they need not be opened again to be read. Of the files
beyond it only the tags are read, so that memory does not grow with the number of exams."""

OUTPUT_MARK = ".mammo-answers.json"
"""Name of the file by which `mammo.writers` marks a folder of answers. Such a folder is never read as views, so that a
second run does not answer the pictures of the first."""

_IN_FOLDER = "lies in one folder with views of {} patients; give the views of each in a folder of its own"
_IN_LIST = "is given together with views of {} patients; give the views of each on their own"
_IN_TABLE = "has one exam_id with views of {} patients; give the views of each an exam_id of their own"


@dataclasses.dataclass(frozen=True)
class ViewFile:
    """One view that was given, as a file or as bytes.

    Attributes:
        image: The file, of which some may have been read.
        laterality: None: unknown.
        projection: None: unknown.
        reason: Why it must not be read, as a clause without the path ("is of another patient than ..."); None: it may.
        uids: What its DICOM tags say of where it belongs.
    """

    image: ImageFile
    laterality: Laterality | None = None
    projection: Projection | None = None
    reason: str | None = None
    uids: Uids = dataclasses.field(default_factory=Uids, repr=False)

    @property
    def name(self) -> str:
        """For people: the path as it was given; of bytes "view 1", "view 2" and so on."""
        return self.image.name

    @property
    def path(self) -> pathlib.Path | None:
        """Of the file; None: its bytes were given."""
        return self.image.path


@dataclasses.dataclass(frozen=True)
class ExamFiles:
    """The views of one exam.

    Attributes:
        exam_id: Names its files (see `naming`).
        views: At least one.
        patient: What the DICOM tags say of the person, by "id" and "name"; for whoever asks for it by a flag.
        given_id: What a person calls it, of whatever characters.
    """

    exam_id: str
    views: tuple[ViewFile, ...]
    patient: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    given_id: str = ""


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
    looking = _Looking()
    if len(given) == 1:
        return _with_unique_ids(_exams_in(given[0], looking))
    if all(_is_folder(path) for path in given):
        raise InputError(f"{given[0]} and {given[1]} are folders; give one, or a CSV of their exams.")
    return _with_unique_ids([_exam_of_files(given, looking)])


def exam_of(views: Sequence[pathlib.Path | bytes], exam_id: str) -> ExamFiles:
    """Makes an exam out of views that a service was given, by the rules of `list_exams` for image files.

    Args:
        views: At least one: absolute paths of image files, or their contents. Bytes are called "view 1", "view 2" and
            so on, by their place among all views.
        exam_id: What to call the exam; characters that do not fit a file's name become "_" (see `naming`).

    Raises:
        ValueError: No view is given.
    """
    if not views:
        raise ValueError("an exam has at least one view, got none")
    looking = _Looking()
    found = [looking.at(ImageFile(view, f"view {number}")) for number, view in enumerate(views, start=1)]
    return _with_unique_ids([_exam(exam_id, found, _IN_LIST)])[0]


class _Looking:
    """Looks at files one by one, and keeps what it read of them while there is room."""

    def __init__(self) -> None:
        self._room_bytes = KEPT_BYTES

    def at(
        self, image: ImageFile, laterality: Laterality | None = None, projection: Projection | None = None
    ) -> _Found:
        """Finds out what a file says of itself; what is given here counts more."""
        try:
            tags = image.read_tags(self._room_bytes)
            reason = None
        except ImageError as error:
            tags = None
            reason = error.reason
        self._room_bytes -= image.kept_bytes
        file_name = image.path.name if image.path else ""
        named = file_names.laterality_and_projection(file_name)
        stated = (tags.laterality, tags.projection) if tags else (None, None)
        view = ViewFile(
            image,
            laterality or stated[0] or named[0],
            projection or stated[1] or named[1],
            reason,
            tags.uids if tags else Uids(),
        )
        if tags and (tags.uids.study or tags.patient_id or tags.patient_name):
            return _Found(view, tags.uids.study, True, tags.patient_id, tags.patient_name)
        case = file_names.case_of(file_name)
        return _Found(view, case.case, False, case.patient)


def _exams_in(path: pathlib.Path, looking: _Looking) -> list[ExamFiles]:
    try:
        is_there = path.exists()
    except OSError as error:
        raise _unreadable(path, error) from None
    if not is_there:
        raise InputError(f"{path} is not there; give a folder, a CSV, or image files.")
    if path.is_dir():
        return _exams_of_folder(path, looking)
    return _exams_of_table(path, looking) if path.suffix.lower() == ".csv" else [_exam_of_files([path], looking)]


def _is_folder(path: pathlib.Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # it is listed, and its reason tells why it cannot be read


def _unreadable(path: pathlib.Path | str, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read ({error.strerror}); change its permissions, or copy it.")


def _exam_of_files(paths: Sequence[pathlib.Path], looking: _Looking) -> ExamFiles:
    cases = {file_names.case_of(path.name).case for path in paths}
    case = cases.pop() if len(cases) == 1 else ""
    return _exam(case or paths[0].parent.name, [looking.at(ImageFile(path)) for path in paths], _IN_LIST)


def _exams_of_folder(root: pathlib.Path, looking: _Looking) -> list[ExamFiles]:
    by_study: dict[str | int, list[_Part]] = {}
    for folder, paths in _folders(root):
        for part in _parts(folder, [looking.at(ImageFile(path)) for path in paths]):
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
        views = [] if real in seen else sorted(filter(file_names.may_be_view, names))
        seen.add(real)
        if views:
            yield pathlib.Path(folder), [pathlib.Path(folder, name) for name in views]


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


def _exams_of_table(path: pathlib.Path, looking: _Looking) -> list[ExamFiles]:
    try:
        rows = exam_table.read(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    by_exam: dict[str, list[_Found]] = {}
    for row in rows:
        found = looking.at(ImageFile(row.path), row.laterality, row.projection)
        by_exam.setdefault(row.exam_id, []).append(found)
    return [_exam(exam_id, found, _IN_TABLE) for exam_id, found in by_exam.items()]


def _exam(name: str, found: Sequence[_Found], mixed_reason: str) -> ExamFiles:
    """Makes an exam out of files; none of them may be read where they are of several patients."""
    seen: set[str | bytes] = set()
    checked = []
    for item in found:
        path = item.view.path
        place = os.path.normpath(path) if path else _content_of(item.view)
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


def _content_of(view: ViewFile) -> bytes:
    return view.image.load() if view.reason is None else b""


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
    names = naming.of_exams()
    return [
        dataclasses.replace(exam, exam_id=names.take(exam.exam_id, "exam"), given_id=plain.utf8(exam.exam_id))
        for exam in exams
    ]
