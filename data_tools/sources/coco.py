"""A folder of images with boxes as COCO writes them, and a sheet that tells whose they are.

`_annotations.coco.json` holds the boxes (https://cocodataset.org/#format-data); `cases.csv` has one row an image:
file_name, patient_id, laterality, view, density, pathology, and, where it is known, subtlety. Where the lesions of an
image are of several pathologies, the sheet joins them with a bar ("BENIGN|CANCER") and does not say which box is which.
UNKNOWN is for an image that nobody has judged.
"""

import csv
import dataclasses
import functools
import json
import pathlib
from typing import Any

from data_tools import source
from data_tools.source import Annotation, Lesion, ListedExam, ListedView
from mammo.clinical.labels import Label, Laterality, Projection
from mammo.common.errors import ImageError, InputError

_COLUMNS = ("file_name", "patient_id", "laterality", "view", "density", "pathology")


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
        unknown = sorted(self._boxes_by_name.keys() - self._rows_by_name.keys())
        if unknown:
            raise InputError(f"{self.data_dir / self.cases} has no row for {unknown[0]}, which has boxes.")
        by_patient: dict[str, list[dict[str, str]]] = {}
        for row in self._rows_by_name.values():
            by_patient.setdefault(row["patient_id"], []).append(row)
        return [self._exam(patient_id, rows) for patient_id, rows in sorted(by_patient.items())]

    def annotate(self, exam: ListedExam, view: ListedView, height_px: int, width_px: int) -> Annotation:
        """Returns the boxes of one view.

        Raises:
            ImageError: A box is empty or leaves the image, or stands on a normal view.
        """
        del exam
        name = self._names_by_path[view.path]
        row = self._rows_by_name[name]
        pathology = _worst(row["pathology"])
        lesions = []
        for x, y, width, height in self._boxes_by_name.get(name, []):
            if not (
                width > 0 and height > 0 and x >= 0 and y >= 0 and x + width <= width_px and y + height <= height_px
            ):
                raise ImageError(view.path, f"has a box [{x}, {y}, {width}, {height}] that is not inside it")
            if pathology == Label.NORMAL:
                raise ImageError(view.path, "has a box, but is said to be NORMAL")
            subtlety = row.get("subtlety", "")
            lesions.append(
                Lesion((x, y, x + width, y + height), pathology, subtlety=int(subtlety) if subtlety.isdigit() else None)
            )
        return Annotation(tuple(lesions), spacing_mm=None, is_judged=pathology != Label.UNKNOWN)

    def _exam(self, patient_id: str, rows: list[dict[str, str]]) -> ListedExam:
        views = tuple(
            ListedView(
                patient_id,
                patient_id,
                Laterality[row["laterality"]],
                Projection[row["view"]],
                self.data_dir / row["file_name"],
            )
            for row in sorted(rows, key=lambda row: row["file_name"])
        )
        status = max(_worst(row["pathology"]) for row in rows)
        densities = [int(row["density"]) for row in rows if row["density"] in ("1", "2", "3", "4")]
        return ListedExam(
            patient_id, patient_id, status, self.name, age_years=None, density=max(densities, default=None), views=views
        )

    @functools.cached_property
    def _names_by_path(self) -> dict[pathlib.Path, str]:
        """A name may have folders or "./" in it: which file it means is for pathlib to say."""
        return {self.data_dir / name: name for name in self._rows_by_name}

    @functools.cached_property
    def _rows_by_name(self) -> dict[str, dict[str, str]]:
        path = self.data_dir / self.cases
        try:
            with path.open(newline="") as sheet:
                reader = csv.DictReader(sheet)
                missing = [column for column in _COLUMNS if column not in (reader.fieldnames or [])]
                if missing:
                    raise InputError(f"{path} has no column {missing[0]}.")
                rows = list(reader)
        except FileNotFoundError:
            raise InputError(f"{path} is missing; it tells whose each image is.") from None
        known: dict[str, dict[str, str]] = {}
        for number, row in enumerate(rows, start=2):
            self._check(f"{path}, row {number}", row)
            if row["file_name"] in known:
                raise InputError(f"{path}, row {number}: {row['file_name']} stands in an earlier row already.")
            known[row["file_name"]] = row
        if not known:
            raise InputError(f"{path} has no rows.")
        return known

    @staticmethod
    def _check(where: str, row: dict[str, str]) -> None:
        allowed: dict[str, type] = {
            "laterality": Laterality,
            "view": Projection,
            "pathology": Label,
        }
        for column, values in allowed.items():
            members = values.__members__  # type: ignore[attr-defined]
            if not set(row[column].split("|")) <= members.keys() or ("|" in row[column] and column != "pathology"):
                raise InputError(f"{where}: {column} {row[column]!r} is none of {', '.join(members)}.")

    @functools.cached_property
    def _boxes_by_name(self) -> dict[str, list[list[float]]]:
        """[x, y, width, height] of each box, as COCO has them, by the name of the image."""
        path = self.data_dir / self.annotations
        try:
            content: dict[str, Any] = json.loads(path.read_text())
            names = {image["id"]: image["file_name"] for image in content["images"]}
            boxes: dict[str, list[list[float]]] = {}
            for annotation in content["annotations"]:
                x, y, width, height = annotation["bbox"]
                boxes.setdefault(names[annotation["image_id"]], []).append([x, y, width, height])
        except FileNotFoundError:
            raise InputError(f"{path} is missing; it holds the boxes.") from None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is no COCO file ({error!r}).") from None
        return boxes


def _worst(pathologies: str) -> Label:
    return source.worst(Label[pathology] for pathology in pathologies.split("|"))
