"""What is said of all exams of a run, as one page for people, with the views hung as a reader hangs them."""

import dataclasses
import pathlib
import urllib.parse
from collections.abc import Sequence
from typing import NamedTuple

import PIL.Image

from mammo.clinical.exams import ExamResult, ModelInfo, ViewResult
from mammo.common import files
from mammo.inference.bundles import OperatingPoint
from mammo.writers import overlays

SCREENING_PREVALENCE = 0.0059
"""Of cancer in screening examinations: 5.1 found and 0.8 missed in 1,000 of them, Lehman et al. 2017 (Radiology 283:1),
digital mammography in the United States."""

_HANGING = ((("right", "cc"), ("left", "cc")), (("right", "mlo"), ("left", "mlo")))
"""The four views of an exam, in pairs that stand back to back."""

_USUAL_RATIO = 0.6  # width to height of a view, where there is no picture to say


@dataclasses.dataclass(frozen=True)
class Info:
    """What holds for all exams of a run.

    Attributes:
        model: By which bundle.
        title: Of its concept.
        gives_boxes: Whether it says where, or judges whole views only.
        operating_point: None: the model has none.
        source: Which data it was trained and judged on.
        is_phantom: Whether a program drew them.
    """

    model: ModelInfo
    title: str
    gives_boxes: bool
    operating_point: OperatingPoint | None
    source: str
    is_phantom: bool


@dataclasses.dataclass(frozen=True)
class Shown:
    """An exam with its pictures.

    Attributes:
        exam: What is said of it.
        overlays: For each of its views the URL of its picture, relative to the page; None: it has none.
    """

    exam: ExamResult
    overlays: Sequence[str | None]


class Cell(NamedTuple):
    """A place for a view.

    Attributes:
        name: Of the view, as on film.
        view: What is said of it; None: it was not given.
        url: Of its picture; None: there is none.
        ratio: Width to height of the picture, or of the empty place; 0: not known yet.
    """

    name: str
    view: ViewResult | None = None
    url: str | None = None
    ratio: float = 0.0


class Section(NamedTuple):
    """An exam as the page shows it.

    Attributes:
        exam: What is said of it.
        pairs: The four views as they are hung: right and left in CC, right and left in MLO.
        others: Repeats, and views of which the breast or the projection is not known.
        findings: How many there are in all views.
    """

    exam: ExamResult
    pairs: Sequence[Sequence[Cell]]
    others: Sequence[Cell]
    findings: int

    @property
    def has_pictures(self) -> bool:
        """Whether there is one in the four places."""
        return any(cell.url for pair in self.pairs for cell in pair)


def write(path: pathlib.Path, shown: Sequence[Shown], info: Info) -> None:
    """Writes the page, whole or not at all.

    Args:
        path: Of the page. The overlays lie where their URLs say, from its folder on; they are measured, not copied.
        shown: The exams, in the order of the page.
        info: Of the run.

    Raises:
        OSError: It cannot be written.
        ValueError: An exam has not as many overlays as views.
    """
    files.write_text(path, render(shown, info, path.parent))


def render(shown: Sequence[Shown], info: Info, folder: pathlib.Path) -> str:
    """Returns the page as HTML; `folder` is where it will lie."""
    from mammo.reports import pages  # noqa: PLC0415  the last step of a run alone needs Jinja

    template = pathlib.Path(__file__).with_name("page.html")
    environment = pages.environment_of(template)
    environment.filters.update(count=_count_text, marker=_marker)
    environment.tests["for_cancer"] = overlays.speaks_for_cancer
    views = [view for each in shown for view in each.exam.views]
    made = environment.get_template(template.name).render(
        sections=[_section(each, folder) for each in shown],
        info=info,
        point=info.operating_point,
        views=len(views),
        failed=sum(view.status == "failed" for view in views),
        screening_prevalence=SCREENING_PREVALENCE,
        cancer_colour=overlays.CANCER_COLOUR,
        benign_colour=overlays.BENIGN_COLOUR,
    )
    return made.encode("utf-8", "replace").decode("utf-8")  # names of files may be in no encoding at all


def _section(shown: Shown, folder: pathlib.Path) -> Section:
    """Hangs an exam. Of several views for one place the first has it, or the first that was read."""
    hung = {place: Cell(overlays.marker(*place)) for places in _HANGING for place in places}
    others = []
    given = zip(shown.exam.views, shown.overlays, strict=True)
    for view, url in sorted(given, key=lambda pair: pair[0].status == "failed"):
        place = (view.laterality or "", view.projection or "")
        cell = Cell(_marker(view), view, url, _ratio(folder, url))
        if place in hung and hung[place].view is None:
            hung[place] = cell
        else:
            others.append(cell)
    pairs = [_filled([hung[place] for place in places]) for places in _HANGING]
    return Section(shown.exam, pairs, _filled(others), sum(len(view.findings) for view in shown.exam.views))


def _filled(cells: Sequence[Cell]) -> Sequence[Cell]:
    """Gives places without a picture the proportions of one beside them."""
    usual = next((cell.ratio for cell in cells if cell.ratio), _USUAL_RATIO)
    return [cell._replace(ratio=cell.ratio or usual) for cell in cells]


def _ratio(folder: pathlib.Path, url: str | None) -> float:
    """Width to height of a picture; 0 where there is none."""
    if url is None:
        return 0.0
    try:
        with PIL.Image.open(folder / urllib.parse.unquote(url)) as picture:
            return picture.width / picture.height
    except OSError:  # gone since: the browser says so in its place
        return 0.0


def _marker(view: ViewResult) -> str:
    return overlays.marker(view.laterality, view.projection)


def _count_text(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
