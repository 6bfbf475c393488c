"""What was given to be answered: views, the exams that they make, and what lies beside them."""

import dataclasses
import pathlib
from collections.abc import Mapping

from mammo.clinical.exams import Uids
from mammo.clinical.labels import Laterality, Projection
from mammo.imaging.image_file import ImageFile


@dataclasses.dataclass(frozen=True)
class ViewFile:
    """One view that was given, as a file or as bytes.

    Attributes:
        image: The file, of which some may have been read.
        laterality: None: unknown.
        projection: None: unknown, or another than CC and MLO.
        reason: Why it must not be read, as a clause without the path ("is of another patient than ..."); None: it may.
        apart: What it is, as a noun with its article ("a magnification view"), where it is shown apart and judged by
            nobody; None: it is a view to judge.
        uids: What its DICOM tags say of where it belongs.
    """

    image: ImageFile
    laterality: Laterality | None = None
    projection: Projection | None = None
    reason: str | None = None
    apart: str | None = None
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
class LeftOut:
    """A file that lies among views and is none.

    Attributes:
        path: Of the file.
        what: What it is, as a noun with its article: "a structured report", "a PDF document".
    """

    path: pathlib.Path
    what: str


@dataclasses.dataclass(frozen=True)
class Listed:
    """What was found in what was given.

    Attributes:
        exams: With every view that was found, those included that cannot be read.
        left_out: What was looked at and is no view; no failure.
        faults: A sentence for each folder that could not be read, so that what it holds is answered by nobody.
    """

    exams: tuple[ExamFiles, ...]
    left_out: tuple[LeftOut, ...] = ()
    faults: tuple[str, ...] = ()
