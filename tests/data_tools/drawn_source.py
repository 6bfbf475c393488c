"""A source whose truth is known: drawn views with discs as lesions, on disk, in as many exams as a test asks for."""

import dataclasses
import pathlib

from data_tools.source import Annotation, Lesion, ListedExam, ListedView
from mammo.clinical.labels import Label, Laterality, Projection
from tests import drawing

HEIGHT_PX, WIDTH_PX = 400, 260
DISC_XYR_PX = {"left": (70, 200, 14), "right": (WIDTH_PX - 71, 200, 14)}  # by the side of the chest wall


def disc_box_xyxy_px(laterality: str) -> tuple[float, float, float, float]:
    x, y, radius = DISC_XYR_PX[laterality]
    return (x - radius, y - radius, x + radius + 1, y + radius + 1)


@dataclasses.dataclass(frozen=True)
class DrawnSource:
    """Patients P_0000, P_0001, …: in turn normal, benign and cancer, the lesion in both views of the left breast."""

    data_dir: pathlib.Path
    exams: int
    name: str = "drawn"

    def write(self) -> "DrawnSource":
        for number, exam in enumerate(self.list_exams()):
            for view in exam.views:
                is_lesion = exam.status and view.laterality == Laterality.LEFT
                side = view.laterality or Laterality.LEFT
                discs = (DISC_XYR_PX[side],) if is_lesion else ()
                pixels = drawing.draw_view(HEIGHT_PX, WIDTH_PX, chest_wall=side, discs=discs, seed=number)
                drawing.write(view.path, pixels)
        return self

    def list_exams(self) -> list[ListedExam]:
        return [self._exam(number) for number in range(self.exams)]

    def annotate(self, exam: ListedExam, view: ListedView, height_px: int, width_px: int) -> Annotation:
        assert (height_px, width_px) == (HEIGHT_PX, WIDTH_PX)
        lesions: tuple[Lesion, ...] = ()
        if exam.status and view.laterality == Laterality.LEFT:
            lesions = (Lesion(disc_box_xyxy_px("left"), exam.status, "mass", outline_index=1, subtlety=4),)
        return Annotation(lesions, spacing_mm=0.1)

    def _exam(self, number: int) -> ListedExam:
        patient_id = f"P_{number:04d}"
        views = tuple(
            ListedView(
                patient_id, f"{patient_id}_1", laterality, projection, self._path(number, laterality, projection)
            )
            for laterality in Laterality
            for projection in Projection
        )
        status = Label(number % 3)
        return ListedExam(patient_id, f"{patient_id}_1", status, "A", age_years=None, density=2, views=views)

    def _path(self, number: int, laterality: str, projection: str) -> pathlib.Path:
        return self.data_dir / f"{number:04d}" / f"{laterality}_{projection}.png"


def read_bytes(folder: pathlib.Path) -> dict[str, bytes]:
    """Returns the content of every file under a folder, by its path in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
