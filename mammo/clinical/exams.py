"""What is said of an exam: its views, the findings in them, and the scores of views, breasts and the exam."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Literal

from mammo.clinical.labels import Laterality, Projection
from mammo.clinical.rules import BreastScore


@dataclasses.dataclass(frozen=True)
class Uids:
    """Where an image belongs in an archive (DICOM); "" where it is not known.

    Attributes:
        study: Study Instance UID (0020,000D).
        series: Series Instance UID (0020,000E).
        instance: SOP Instance UID (0008,0018).
    """

    study: str = ""
    series: str = ""
    instance: str = ""


@dataclasses.dataclass(frozen=True)
class ViewRef:
    """Which view of an exam.

    Attributes:
        name: Of its files, unique in the exam: that of the file that was given without its suffix, so far as every file
            system takes it, with a number where it is taken.
        path: The file that was given; None: its bytes were.
        laterality: None: unknown.
        projection: None: unknown.
        uids: Where it belongs in an archive.
    """

    name: str
    path: pathlib.Path | None
    laterality: Laterality | None
    projection: Projection | None
    uids: Uids = Uids()

    def __str__(self) -> str:
        return self.name if self.path is None else str(self.path)


@dataclasses.dataclass(frozen=True)
class Finding:
    """A place that looks like a lesion.

    Attributes:
        box_xyxy_px: In pixels of the file that was given, as it is stored.
        score: In [0, 1], how sure the models are that there is a lesion; no probability.
        benign: The part of the score that speaks for a benign one.
        cancer: The part that speaks for cancer.
    """

    box_xyxy_px: tuple[float, float, float, float]
    score: float
    benign: float
    cancer: float

    @property
    def speaks_for_cancer(self) -> bool:
        """Whether cancer is at least as likely as a benign lesion; by this a finding has its colour."""
        return self.cancer >= self.benign


@dataclasses.dataclass(frozen=True)
class ViewResult:
    """What is said of one view.

    Attributes:
        view: Which one.
        reason: Why it was not judged, as a clause without the path; None: it was.
        scores: Calibrated probabilities of "normal", "benign" and "cancer"; None: it was not judged.
        findings: The surest first.
        is_chest_wall_right: Whether the chest wall is at the right of the file.
        apart: What it is, as a noun with its article ("a magnification view"), where it is no screening view, and so
            shown apart and not judged; None: it is one.
    """

    view: ViewRef
    reason: str | None = None
    scores: Mapping[str, float] | None = None
    findings: tuple[Finding, ...] = ()
    is_chest_wall_right: bool = False
    apart: str | None = None

    @property
    def status(self) -> Literal["ok", "failed", "apart"]:
        """Whether it was judged; a view that was judged and shows nothing is "ok", without findings.

        One that is shown apart is no failure, even where it cannot be shown; its reason says so.
        """
        if self.apart is not None:
            return "apart"
        return "ok" if self.reason is None else "failed"


@dataclasses.dataclass(frozen=True)
class ExamResult:
    """What is said of one exam.

    Attributes:
        exam_id: As in the names of its files: what it is called, so far as every file system takes it.
        views: One a file, in the order in which they were given.
        breasts: The score of each breast of which a view was read.
        score: How suspicious the exam is of cancer, calibrated; None: no view could be judged.
        is_complete: Whether both projections of both breasts were read; if not, a projection that is missing was
            filled in by what it scores on average.
        is_above: Whether the score is at or above the operating point; None: there is no score, or no operating point.
        seconds: From its files to this.
        patient: What DICOM tags say of the person; None where it was not asked for.
        given_id: What a person calls it, of whatever characters; "" where nobody said.
    """

    exam_id: str
    views: tuple[ViewResult, ...]
    breasts: Mapping[Laterality, BreastScore]
    score: float | None
    is_complete: bool
    is_above: bool | None
    seconds: float
    patient: Mapping[str, str] | None = None
    given_id: str = ""

    @property
    def failed(self) -> tuple[ViewResult, ...]:
        """The views that are to be judged and could not be read."""
        return tuple(view for view in self.views if view.status == "failed")

    @property
    def apart(self) -> tuple[ViewResult, ...]:
        """The views that are shown and not judged."""
        return tuple(view for view in self.views if view.status == "apart")

    @property
    def study_uids(self) -> tuple[str, ...]:
        """Study Instance UIDs of its views, each once, in their order; a view without one has none."""
        return tuple(dict.fromkeys(view.view.uids.study for view in self.views if view.view.uids.study))


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """Which bundle gave an answer.

    Attributes:
        name: Of the bundle.
        sha256: Of its list of checksums, and so of all that is in it.
        pixel_path_version: By which images are prepared.
        signed_by: Fingerprint of the key that signed it; None: it is not signed.
        is_trusted: Whether that key is one that the person trusts.
        trained_on: What its data is, in a line.
    """

    name: str
    sha256: str
    pixel_path_version: int
    signed_by: str | None = None
    is_trusted: bool = False
    trained_on: str = ""

    @property
    def signature(self) -> str:
        """Who signed it, for people."""
        if self.signed_by is None:
            return "unsigned"
        return f"signed by {self.signed_by[:16]}{'' if self.is_trusted else ' (not verified)'}"
