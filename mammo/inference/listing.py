"""Which files make an exam, and of which breast and in which projection each view is.

What a person gives is one folder, one CSV, or image files; a service gives paths or bytes. DICOM tags are read, pixels
are not decoded. Whose the images are is compared, so that no exam is judged by views of two patients; it is never told
in a message.
"""

import dataclasses
import pathlib
import re
import stat
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mammo.clinical import labels
from mammo.clinical.exams import Uids
from mammo.clinical.labels import Laterality, Projection
from mammo.common import plain
from mammo.common.errors import ImageError, InputError
from mammo.imaging.admission import Role
from mammo.imaging.file_kinds import Format
from mammo.imaging.image_file import ImageFile
from mammo.inference import exam_table, file_names, grouping, naming, walking
from mammo.inference.exam_files import ExamFiles, LeftOut, Listed, ViewFile
from mammo.inference.exam_table import Row
from mammo.inference.grouping import Found, Part
from mammo.inference.walking import Walk

if TYPE_CHECKING:
    from mammo.imaging.dicom import DicomTags

KEPT_BYTES = 256 << 20
"""Memory for what is read of files as they are listed, so that they need not be opened again to be read. Of the files
beyond it only the tags are read, so that memory does not grow with the number of exams."""

OUTPUT_MARK = ".mammo-answers.json"
"""Name of the file by which `mammo.writers` marks a folder of answers. Such a folder is never read as views, so that a
second run does not answer the pictures of the first."""

_CBIS_DDSM = re.compile(
    r"(?P<patient>(Mass|Calc)-(Training|Test)_P_\d+)_(?P<side>LEFT|RIGHT)_(?P<view>CC|MLO)(?P<lesion>_\d+)?"
)
"""Patient ID (0010,0020) in CBIS-DDSM: each view is a patient and a study of its own there, and each lesion, by a crop
and a mask, another (Lee et al. 2017, Scientific Data 4:170177)."""

_ORNAMENTS = ("a GIF image", "a Windows icon", "an MNG animation")  # of programs and pages; nobody keeps views so


def list_exams(given: Sequence[pathlib.Path]) -> Listed:
    """Lists the exams in what was given.

    Laterality and projection are those of the CSV, else of the DICOM tags, else of the file's name (`LEFT_CC`, `rmlo`).
    A view that must not be judged is listed with its reason, so that the others are answered. What lies in a folder and
    is no view is left out; what a person names is answered, if only by what it is.

    Args:
        given: Absolute paths: one folder, one CSV with columns exam_id, path and perhaps laterality and projection, or
            the image files of one exam.

    Raises:
        InputError: There is nothing there, it may not be read, it holds no image, or the CSV is not as expected.
    """
    looking = _Looking()
    if len(given) == 1:
        listed = _listed_in(given[0], looking)
    elif all(_is_folder(path) for path in given):
        raise InputError(f"{given[0]} and {given[1]} are folders; give one, or a CSV of their exams.")
    else:
        listed = Listed((_exam_of_files(given, looking),))
    return dataclasses.replace(listed, exams=tuple(_with_unique_ids(listed.exams)))


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
    found = [looking.at_named(ImageFile(view, f"view {number}")) for number, view in enumerate(views, start=1)]
    return _with_unique_ids([grouping.exam_of(exam_id, found, grouping.IN_LIST)])[0]


class _Looking:
    """Looks at files one by one, and keeps what it read of them while there is room."""

    def __init__(self) -> None:
        self._room_bytes = KEPT_BYTES

    def at(self, image: ImageFile, row: Row | None = None) -> Found:
        """Finds out what a file says of itself; what a table says of it counts more."""
        try:
            tags = image.read_tags(self._room_bytes)
            reason = None
        except ImageError as error:
            tags = None
            reason = error.reason
        self._room_bytes -= image.kept_bytes
        file_name = image.path.name if image.path else ""
        said = [(row.laterality, row.projection)] if row else []
        said += [(tags.laterality, tags.projection), _cbis_view(tags)] if tags else []
        said.append(file_names.laterality_and_projection(file_name))
        projection = next((projection for _, projection in said if projection), None)
        view = ViewFile(
            image,
            next((laterality for laterality, _ in said if laterality), None),
            None if row and row.other else projection,
            reason,
            (row.other if row else "") or (tags.admission.what if tags and tags.admission.role == Role.APART else None),
            tags.uids if tags else Uids(),
        )
        return _whose(view, tags, file_name)

    def at_named(self, image: ImageFile, row: Row | None = None) -> Found:
        """The same for a file that a person named: it is a view, and where it is none, that is the reason."""
        found = self.at(image, row)
        return grouping.refused(found, f"is {found.no_view}, not a mammogram") if found.no_view else found

    def let_go(self, image: ImageFile) -> None:
        """Forgets what was kept of a file that nobody will ask for."""
        self._room_bytes += image.kept_bytes
        image.release()


def _whose(view: ViewFile, tags: "DicomTags | None", file_name: str) -> Found:
    """Adds to a view whose it is."""
    case = file_names.case_of(file_name)
    if tags is None:
        return Found(view, case.case, patient_id=case.patient)
    no_view = tags.admission.what if tags.admission.role == Role.OTHER else None
    if cbis := _CBIS_DDSM.fullmatch(tags.patient_id):
        no_view = no_view or ("a crop or a mask of one lesion of CBIS-DDSM" if cbis["lesion"] else None)
        patient = cbis["patient"]
        return Found(view, patient, patient, is_dicom=True, patient_id=patient, no_view=no_view)
    patient_id = case.patient or tags.patient_id
    if tags.uids.study or patient_id or tags.patient_name:
        return Found(
            view,
            tags.uids.study,
            is_dicom=True,
            patient_id=patient_id,
            patient_name=tags.patient_name,
            no_view=no_view,
        )
    return Found(view, case.case, no_view=no_view)


def _cbis_view(tags: "DicomTags") -> tuple[Laterality | None, Projection | None]:
    named = _CBIS_DDSM.fullmatch(tags.patient_id)
    if named is None:
        return None, None
    return labels.parse_laterality(named["side"]), labels.parse_projection(named["view"])


def _listed_in(path: pathlib.Path, looking: _Looking) -> Listed:
    try:
        is_there = path.exists()
    except OSError as error:
        raise InputError(walking.fault(path, error)) from None
    if not is_there:
        raise InputError(f"{path} is not there; give a folder, a CSV, or image files.")
    if path.is_dir():
        return _listed_in_folder(path, looking)
    is_table = path.suffix.lower() == ".csv"
    return Listed(_exams_of_table(path, looking) if is_table else (_exam_of_files([path], looking),))


def _is_folder(path: pathlib.Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # it is listed, and its reason tells why it cannot be read


def _exam_of_files(paths: Sequence[pathlib.Path], looking: _Looking) -> ExamFiles:
    found = [looking.at_named(ImageFile(path)) for path in paths]
    names = {item.exam_name or file_names.case_of(path.name).case for item, path in zip(found, paths, strict=True)}
    name = names.pop() if len(names) == 1 else ""
    return grouping.exam_of(name or paths[0].parent.name, found, grouping.IN_LIST)


def _listed_in_folder(root: pathlib.Path, looking: _Looking) -> Listed:
    walk = Walk(root, OUTPUT_MARK)
    parts: list[Part] = []
    left_out: list[LeftOut] = []
    for folder, paths in walk.folders():
        found = []
        for path in paths:
            item = looking.at(ImageFile(path))
            what = item.no_view or _no_image(item.view.image, path)
            if what:
                left_out.append(LeftOut(path, what))
                looking.let_go(item.view.image)
            else:
                found.append(item)
        if found:
            parts += grouping.parts_of(folder, found)
    if not parts:
        raise InputError(_nothing_in(root, walk.faults, left_out))
    return Listed(tuple(grouping.exams_of_parts(root, parts)), tuple(left_out), tuple(walk.faults))


def _no_image(image: ImageFile, path: pathlib.Path) -> str | None:
    """What a file is that nobody meant as a view, as a noun with its article; None: a view, if only a broken one."""
    if file_names.is_meant_as_view(path.name):
        return None
    if image.kind is None:  # it could not be opened, or holds nothing
        return _nothing_at(path)
    if image.kind.format == Format.OTHER or image.kind.name in _ORNAMENTS:
        return image.kind.name or "no image"
    return None


def _nothing_at(path: pathlib.Path) -> str | None:
    try:
        found = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return "a pipe or a device"
    return None if found.st_size else "an empty file"


def _nothing_in(root: pathlib.Path, faults: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    """Says why a folder gives no exam."""
    if faults:
        return faults[0]
    if (root / OUTPUT_MARK).exists():
        return f"{root} holds the answers of an earlier run and is not read; give the folder of the views."
    one = f" ({left_out[0].path.name} is {left_out[0].what})" if left_out else ""
    return f"{root} holds no image{one}; give a folder of PNG, JPEG or DICOM views."


def _exams_of_table(path: pathlib.Path, looking: _Looking) -> tuple[ExamFiles, ...]:
    try:
        rows = exam_table.read(path)
    except OSError as error:
        raise InputError(walking.fault(path, error)) from None
    by_exam: dict[str, list[Found]] = {}
    for row in rows:
        by_exam.setdefault(row.exam_id, []).append(looking.at_named(ImageFile(row.path), row))
    return tuple(grouping.exam_of(exam_id, found, grouping.IN_TABLE) for exam_id, found in by_exam.items())


def _with_unique_ids(exams: Iterable[ExamFiles]) -> list[ExamFiles]:
    names = naming.of_exams()
    return [
        dataclasses.replace(exam, exam_id=names.take(exam.exam_id, "exam"), given_id=plain.utf8(exam.exam_id))
        for exam in exams
    ]
