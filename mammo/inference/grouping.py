"""Which views make one exam: those of one folder, and those of one DICOM study where nothing speaks against it."""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mammo.clinical.labels import STANDARD_VIEWS, Laterality, Projection
from mammo.inference.exam_files import ExamFiles, ViewFile

IN_FOLDER = "lies in one folder with views of {} patients; give the views of each in a folder of its own"
IN_LIST = "is given together with views of {} patients; give the views of each on their own"
IN_TABLE = "has one exam_id with views of {} patients; give the views of each an exam_id of their own"

_FULL_SET = 3
"""Folders of one study that have so many standard views in common each hold an exam of their own, though their tags say
that they are one: some anonymisers write one study and one patient into all that they are given."""

_Standard = frozenset[tuple[Laterality | None, Projection | None]]


@dataclasses.dataclass(frozen=True)
class Found:
    """A file, and to whom and to which visit it belongs so far as its tags or its name tell; "" where they do not.

    Attributes:
        view: The file.
        study: Which visit: Study Instance UID, or the case of a data set.
        exam_name: What to call the exam, whatever its folder is called.
        is_dicom: Whether study and patient are those of DICOM tags.
        patient_id: Of the person; not printed.
        patient_name: Of the person; not printed.
        no_view: What it is, as a noun with its article, where it is no image of a breast; None: it may be one.
    """

    view: ViewFile
    study: str = ""
    exam_name: str = ""
    is_dicom: bool = False
    patient_id: str = dataclasses.field(default="", repr=False)
    patient_name: str = dataclasses.field(default="", repr=False)
    no_view: str | None = None


class Part(NamedTuple):
    """Files of one folder that belong together; those of the same DICOM study in other folders may join them."""

    folder: pathlib.Path
    found: Sequence[Found]
    study: str = ""
    name_end: str = ""


def parts_of(folder: pathlib.Path, found: Sequence[Found]) -> list[Part]:
    """Splits a folder that holds several studies of one patient."""
    by_study: dict[str, list[Found]] = {}
    for item in found:
        by_study.setdefault(item.study, []).append(item)
    lost = by_study.pop("", [])
    is_mixed = _count_patients(found) > 1
    if len(by_study) < 2 or is_mixed:  # noqa: PLR2004
        is_study = len(by_study) == 1 and not lost and not is_mixed and all(item.is_dicom for item in found)
        return [Part(folder, found, next(iter(by_study)) if is_study else "")]
    reason = f"lies in one folder with {len(by_study)} studies, and does not say of which it is"
    lost = [refused(item, reason) for item in lost]
    parts = []
    for number, (study, of_study) in enumerate(sorted(by_study.items()), start=1):
        is_study = all(item.is_dicom for item in of_study)
        parts.append(Part(folder, of_study + lost, study if is_study else "", f"_{number}"))
        lost = []
    return parts


def exams_of_parts(root: pathlib.Path, parts: Iterable[Part]) -> list[ExamFiles]:
    """Joins parts of one study into exams, and names each by its folder within the root."""
    exams = []
    for joined in _joined(parts):
        found = [item for part in joined for item in part.found]
        common = pathlib.Path(os.path.commonpath([part.folder for part in joined]))
        name = found[0].exam_name or "_".join(common.relative_to(root).parts) or root.name
        exams.append(exam_of(name + joined[0].name_end, found, IN_FOLDER))
    return exams


def exam_of(name: str, found: Sequence[Found], mixed_reason: str) -> ExamFiles:
    """Makes an exam out of files; none of them may be read where they are of several patients.

    Args:
        name: Of the exam.
        found: At least one.
        mixed_reason: Why not, then, with a place for the number of patients.
    """
    seen: set[str | bytes] = set()
    checked = []
    for item in found:
        path = item.view.path
        place = os.path.normpath(path) if path else _content_of(item.view)
        checked.append(refused(item, "is given twice") if place in seen else item)
        seen.add(place)
    patients = _count_patients(found)
    if patients > 1:
        return ExamFiles(name, tuple(refused(item, mixed_reason.format(patients)).view for item in checked))
    known = (item for item in found if item.is_dicom and (item.patient_id or item.patient_name))
    patient = next(({"id": item.patient_id, "name": item.patient_name} for item in known), {})
    return ExamFiles(
        name, tuple(item.view for item in checked), {key: value for key, value in patient.items() if value}
    )


def refused(item: Found, reason: str) -> Found:
    """The same file with a reason not to read it; the first reason stands."""
    return dataclasses.replace(item, view=dataclasses.replace(item.view, reason=item.view.reason or reason))


@dataclasses.dataclass
class _Growing:
    """Parts of one exam, and what is known of them together.

    Attributes:
        parts: In the order in which they came.
        standard: Which of the four standard views they have.
        is_all_standard: Whether each view to judge is another of those.
        patient_id: Of the person; "": unknown.
        patient_name: Of the person; "": unknown.
    """

    parts: list[Part]
    standard: _Standard
    is_all_standard: bool
    patient_id: str = dataclasses.field(repr=False)
    patient_name: str = dataclasses.field(repr=False)

    @classmethod
    def of(cls, part: Part) -> "_Growing":
        """A part alone."""
        places = [(item.view.laterality, item.view.projection) for item in part.found if item.view.apart is None]
        standard = frozenset(places) & frozenset(STANDARD_VIEWS)
        number = next((item.patient_id for item in part.found if item.patient_id), "")
        name = next((item.patient_name for item in part.found if item.patient_name), "")
        return cls([part], standard, len(standard) == len(places), _plain(number), _plain(name))

    def is_of_one_exam_with(self, other: "_Growing") -> bool:
        """Tells whether parts of one study are of one exam.

        Where both say whose they are, by the patient. Otherwise only where the views of one complete those of the
        other: one study and no patient may as well be what an anonymiser made of two persons.
        """
        common = self.standard & other.standard
        if self.patient_id and other.patient_id:
            return self.patient_id == other.patient_id and len(common) < _FULL_SET
        if self.patient_name and other.patient_name:
            return self.patient_name == other.patient_name and len(common) < _FULL_SET
        return not common and self.is_all_standard and other.is_all_standard

    def add(self, other: "_Growing") -> None:
        """Takes the parts of another one."""
        self.parts += other.parts
        self.standard |= other.standard
        self.is_all_standard &= other.is_all_standard
        self.patient_id = self.patient_id or other.patient_id
        self.patient_name = self.patient_name or other.patient_name


def _joined(parts: Iterable[Part]) -> list[list[Part]]:
    """Joins parts of one study that are of one exam, in the order in which they come.

    A part is compared with the last exam of its study, and of its patient in that study, alone: folders of one exam lie
    side by side.
    """
    exams: list[_Growing] = []
    last: dict[tuple[str, str], _Growing] = {}
    for part in parts:
        new = _Growing.of(part)
        exam = next((last[key] for key in _keys(part.study, new) if key in last), None)
        if exam and exam.is_of_one_exam_with(new):
            exam.add(new)
        else:
            exam = new
            exams.append(exam)
        last.update(dict.fromkeys(_keys(part.study, new), exam))
    return [exam.parts for exam in exams]


def _keys(study: str, exam: _Growing) -> list[tuple[str, str]]:
    """Under what an exam of a study is looked for: its patient's number, the name, and the study alone."""
    if not study:
        return []
    persons = (("number", exam.patient_id), ("name", exam.patient_name))
    return [*((study, f"{kind} {value}") for kind, value in persons if value), (study, "")]


def _content_of(view: ViewFile) -> bytes:
    return view.image.load() if view.reason is None else b""


def _count_patients(found: Iterable[Found]) -> int:
    """Counts those that are known, by number, and by name where the number is missing."""
    persons = {(item.is_dicom, _plain(item.patient_id), _plain(item.patient_name)) for item in found}
    numbers = {name: number for _, number, name in persons if number and name}
    keys = {(is_dicom, number or numbers.get(name, name)) for is_dicom, number, name in persons if number or name}
    return max(sum(kind == is_dicom for is_dicom, _ in keys) for kind in (True, False))


def _plain(text: str) -> str:
    """Trailing carets part what a DICOM name leaves empty."""
    return text.strip(" ^").casefold()
