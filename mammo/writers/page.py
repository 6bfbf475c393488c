"""What is said of all exams of a run, as one page for people, with the views hung as a reader hangs them."""

import pathlib
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import PIL.Image

from mammo.clinical import labels
from mammo.clinical.exams import ExamResult, ViewRef, ViewResult
from mammo.clinical.labels import SIDES, Projection
from mammo.common import cli, files
from mammo.inference.service import AnsweredView
from mammo.writers import overlays
from mammo.writers.writer import About

NAME = "report.html"

SCREENING_PREVALENCE = 0.0059
"""Of cancer in screening examinations: 5.1 found and 0.8 missed in 1,000 of them, Lehman et al. 2017 (Radiology 283:1),
digital mammography in the United States."""

_HANGING = tuple(tuple((side, projection) for side in SIDES) for projection in Projection)
"""The four views of an exam, in pairs that stand back to back."""

_USUAL_RATIO = 0.6  # width to height of a view, where there is no picture to say


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
        apart: What is shown and not judged.
        findings: How many there are in all views.
    """

    exam: ExamResult
    pairs: Sequence[Sequence[Cell]]
    others: Sequence[Cell]
    apart: Sequence[Cell]
    findings: int

    @property
    def has_pictures(self) -> bool:
        """Whether there is one in the four places."""
        return any(cell.url for pair in self.pairs for cell in pair)


class PageWriter:
    """Writes the page at the end; meets `writer.Writer`."""

    def __init__(self, output_dir: pathlib.Path, about: About) -> None:
        """See `writer.Writer`."""
        self._output_dir, self._about = output_dir, about

    def view(self, exam_id: str, view: AnsweredView) -> None:
        """See `writer.Writer`: the page shows the pictures that the overlays are."""

    def exam(self, result: ExamResult) -> Sequence[pathlib.Path]:
        """See `writer.Writer`: the page is of all exams."""
        return ()

    def close(self, results: Sequence[ExamResult]) -> None:
        """See `writer.Writer`."""
        files.write_text(self._output_dir / NAME, render(results, self._about, self._output_dir))


def render(exams: Sequence[ExamResult], about: About, folder: pathlib.Path) -> str:
    """Returns the page as HTML.

    Args:
        exams: In the order of the page.
        about: What holds for all of them.
        folder: Where the page will lie; pictures that are there (see `overlays.name_of`) are shown.
    """
    from mammo.reports import pages  # noqa: PLC0415  the last step of a run alone needs Jinja

    template = pathlib.Path(__file__).with_name("page.html")
    environment = pages.environment_of(template)
    environment.filters.update(count=cli.count_text, marker=_marker, file_name=_file_name)
    views = [view for exam in exams for view in exam.views]
    return environment.get_template(template.name).render(
        sections=[_section(exam, folder) for exam in exams],
        info=about,
        point=about.operating_point,
        views=len(views),
        failed=sum(view.status == "failed" for view in views),
        apart=sum(view.status == "apart" for view in views),
        screening_prevalence=SCREENING_PREVALENCE,
        sides=SIDES,
        cancer_colour=overlays.CANCER_COLOUR,
        benign_colour=overlays.BENIGN_COLOUR,
        left_out=_by_kind(about.left_out),
    )


def _by_kind(left_out: Sequence[tuple[pathlib.Path, str]]) -> Mapping[str, Sequence[pathlib.Path]]:
    """Gathers files that were left out by what they are: the most frequent kind first."""
    by_kind: dict[str, list[pathlib.Path]] = {}
    for path, kind in left_out:
        by_kind.setdefault(kind, []).append(path)
    return dict(sorted(by_kind.items(), key=lambda item: (-len(item[1]), item[0])))


def _section(exam: ExamResult, folder: pathlib.Path) -> Section:
    """Hangs an exam. Of several views for one place the first has it, or the first that was read; none shown apart."""
    hung = {place: Cell(labels.marker(*place)) for places in _HANGING for place in places}
    others, apart = [], []
    for view in sorted(exam.views, key=lambda view: view.status == "failed"):
        name = overlays.name_of(exam.exam_id, view.view)
        ratio = _ratio(folder / name)
        cell = Cell(_marker(view), view, urllib.parse.quote(name) if ratio else None, ratio)
        place = (view.view.laterality, view.view.projection)
        if view.status == "apart":
            apart.append(cell)
        elif place in hung and hung[place].view is None:
            hung[place] = cell
        else:
            others.append(cell)
    pairs = [_filled([hung[place] for place in places]) for places in _HANGING]
    return Section(exam, pairs, _filled(others), _filled(apart), sum(len(view.findings) for view in exam.views))


def _filled(cells: Sequence[Cell]) -> Sequence[Cell]:
    """Gives places without a picture the proportions of one beside them."""
    usual = next((cell.ratio for cell in cells if cell.ratio), _USUAL_RATIO)
    return [cell._replace(ratio=cell.ratio or usual) for cell in cells]


def _ratio(path: pathlib.Path) -> float:
    """Width to height of a picture; 0 where there is none."""
    try:
        with PIL.Image.open(path) as picture:
            return picture.width / picture.height
    except OSError:  # the view was not read, or nobody has drawn it
        return 0.0


def _marker(view: ViewResult) -> str:
    return labels.marker(view.view.laterality, view.view.projection)


def _file_name(view: ViewRef) -> str:
    return view.name if view.path is None else view.path.name
