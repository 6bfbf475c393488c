"""A folder of images with boxes as COCO writes them, and a sheet that tells whose they are.

`_annotations.coco.json` holds the boxes (https://cocodataset.org/#format-data); `cases.csv` has one row an image:
file_name, patient_id, laterality, view, density, pathology, and, where it is known, subtlety. Where the lesions of an
image are of several pathologies, the sheet joins them with a bar ("BENIGN|CANCER") and does not say which box is which.
UNKNOWN is for an image that nobody has judged.
"""

import dataclasses
import functools
import logging
import pathlib
from collections.abc import Mapping

from data_tools import source
from data_tools.source import Annotation, Lesion, ListedExam, ListedView
from data_tools.sources import coco_boxes, file_names, sheets
from data_tools.sources.coco_boxes import ImageBoxes
from data_tools.sources.sheets import Row
from mammo.clinical.labels import Label, Laterality, Projection
from mammo.common.errors import ImageError, InputError

_COLUMNS = ("file_name", "patient_id", "laterality", "view", "density", "pathology")
_LONGEST_ID = 100
_DENSITIES = ("1", "2", "3", "4")
_SUBTLETIES = ("1", "2", "3", "4", "5")
_NO_BOXES = ImageBoxes()


@dataclasses.dataclass(frozen=True, slots=True)
class _Case:
    """One row of the sheet, checked, and the boxes of its image; small, since every worker has it of all images."""

    patient_id: str
    laterality: Laterality
    projection: Projection
    density: int | None
    pathology: Label
    subtlety: int | None
    boxes: ImageBoxes = _NO_BOXES


@dataclasses.dataclass(frozen=True)
class Coco:
    """The data set in one folder. All views of a patient are one exam.

    Boxes of an image take the image's pathology, the worst where it has several. Pixel spacing is unknown.

    Attributes:
        data_dir: The folder with the images, the boxes and the sheet.
        annotations: Name of the file with the boxes.
        cases: Name of the sheet.
    """

    data_dir: pathlib.Path
    annotations: str = "_annotations.coco.json"
    cases: str = "cases.csv"
    name: str = "coco"

    def list_exams(self) -> list[ListedExam]:
        """Lists the exams of the sheet, sorted by `exam_id`.

        Raises:
            InputError: A file is missing or cannot be used, or the sheet and the boxes do not agree.
        """
        by_patient: dict[str, list[tuple[str, _Case]]] = {}
        for path, known in self._known.items():
            by_patient.setdefault(known.patient_id, []).append((path, known))
        return [self._exam(patient_id, images) for patient_id, images in sorted(by_patient.items())]

    def annotate(self, exam: ListedExam, view: ListedView, height_px: int, width_px: int) -> Annotation:
        """Returns the boxes of one view.

        Raises:
            ImageError: The boxes were drawn on an image of another size, a box is empty or leaves the image, or the
                boxes and the pathology do not agree.
        """
        del exam
        known = self._known[str(view.path.relative_to(self.data_dir))]
        given = known.boxes
        drawn_on = (given.height_px or height_px, given.width_px or width_px)
        if drawn_on != (height_px, width_px):
            raise ImageError(
                view.path,
                f"is of {height_px} × {width_px} pixels, and its boxes of an image of {drawn_on[0]} × {drawn_on[1]}",
            )
        boxes = [source.box_within(view.path, box, height_px, width_px) for box in given.boxes_xyxy_px]
        if boxes and known.pathology == Label.NORMAL:
            raise ImageError(view.path, "has a box, but is said to be NORMAL")
        if not boxes and known.pathology in (Label.BENIGN, Label.CANCER):
            raise ImageError(view.path, f"has no box, but is said to be {known.pathology.name}")
        lesions = tuple(Lesion(box, known.pathology, subtlety=known.subtlety) for box in boxes)
        return Annotation(lesions, spacing_mm=None, is_judged=known.pathology != Label.UNKNOWN)

    def _exam(self, patient_id: str, images: list[tuple[str, _Case]]) -> ListedExam:
        views = tuple(
            ListedView(patient_id, patient_id, known.laterality, known.projection, self.data_dir / path)
            for path, known in images
        )
        status = max(known.pathology for _, known in images)
        densities = [known.density for _, known in images if known.density is not None]
        return ListedExam(
            patient_id, patient_id, status, self.name, age_years=None, density=max(densities, default=None), views=views
        )

    @functools.cached_property
    def _known(self) -> dict[str, _Case]:
        """By the path of the file in the folder, in the order of the sheet's names. Read once, and goes with a copy."""
        cases = self._read_cases()
        boxes = self._read_boxes(cases)
        found = file_names.find(self.data_dir, cases)
        known: dict[str, _Case] = {}
        for path, case in sorted(cases.items()):
            name = str(found[path].relative_to(self.data_dir))
            if name in known:
                raise InputError(f"{self.data_dir / self.cases} has two rows of {found[path]}; remove one.")
            known[name] = dataclasses.replace(case, boxes=boxes.get(path, _NO_BOXES))
        return known

    def _read_boxes(self, cases: Mapping[pathlib.PurePosixPath, _Case]) -> dict[pathlib.PurePosixPath, ImageBoxes]:
        path = self.data_dir / self.annotations
        boxes = coco_boxes.read(path, self.data_dir)
        unknown = sorted(path for path in boxes.images.keys() - cases.keys() if boxes.images[path].boxes_xyxy_px)
        if unknown:
            raise InputError(f"{self.data_dir / self.cases} has no row for {unknown[0]}, which has boxes.")
        if boxes.strays:
            logging.warning("%s: boxes of no image that it lists are left out (%d).", path, boxes.strays)
        if boxes.crowds:
            logging.warning("%s: boxes of crowds are taken for one lesion each (%d).", path, boxes.crowds)
        return boxes.images

    def _read_cases(self) -> dict[pathlib.PurePosixPath, _Case]:
        path = self.data_dir / self.cases
        if not path.exists():
            raise InputError(f"{path} is missing; it tells whose each image is.")
        known: dict[pathlib.PurePosixPath, _Case] = {}
        for row in sheets.read_csv(path, _COLUMNS, ("subtlety",)):
            try:
                image, case = _case(row, self.data_dir)
            except ValueError as error:
                raise InputError(f"{path}, row {row.number}: {error}.") from None
            if image in known:
                raise InputError(f"{path}, row {row.number}: {image} stands in an earlier row already.")
            known[image] = case
        return known


def _case(row: Row, folder: pathlib.Path) -> tuple[pathlib.PurePosixPath, _Case]:
    """Checks one row; returns the path of the image, too.

    Raises:
        ValueError: A cell cannot be used; the message says which.
    """
    cells = row.cells
    patient_id = cells["patient_id"]
    if not patient_id or len(patient_id) > _LONGEST_ID or not patient_id.isprintable():
        raise ValueError(f"patient_id is no name of 1 to {_LONGEST_ID} characters")
    try:
        path = file_names.relative_path(cells["file_name"], folder)
    except ValueError as error:
        raise ValueError(f"file_name {cells['file_name'][:100]!r} {error}") from None
    pathologies = [Label[_one_of(Label, "pathology", word)] for word in cells["pathology"].split("|")]
    subtlety = cells.get("subtlety", "")
    return path, _Case(
        patient_id,
        Laterality[_one_of(Laterality, "laterality", cells["laterality"])],
        Projection[_one_of(Projection, "view", cells["view"])],
        density=int(cells["density"]) if cells["density"] in _DENSITIES else None,
        pathology=source.worst(pathologies),
        subtlety=int(subtlety) if subtlety in _SUBTLETIES else None,
    )


def _one_of(kind: type[Label | Laterality | Projection], column: str, word: str) -> str:
    """Returns the name of a member, whatever the case of the word."""
    name = word.strip().upper()
    if name not in kind.__members__:
        raise ValueError(f"{column} {word[:100]!r} is none of {', '.join(kind.__members__)}")
    return name
