"""What the name of a file tells: whether it may be a view, which view it is, and of which case of Mini-DDSM."""

import re
from typing import NamedTuple

from mammo.clinical import labels
from mammo.clinical.labels import Laterality, Projection

_NO_VIEW_SUFFIXES = (".ics", ".txt", ".csv", ".json", ".xlsx", ".html", ".md", ".xml", ".ini", ".db", ".zip")
_NO_VIEW = re.compile(r"\.|tape_|dicomdir$|mask_|.*_mask|.*mask\d?\.\w+$|.*\.overlay[^.]*$", re.IGNORECASE)
"""Hidden files, and what stands beside the views of Mini-DDSM or of a DICOM medium."""

_CASE = re.compile(r"(?P<case>(?P<patient>[A-Z]_\d+)_\d+)\.(LEFT|RIGHT)_(CC|MLO)(?![A-Za-z])")  # of Mini-DDSM
_VIEW_WORD = re.compile(r"(?P<side>left|right|l|r)?((?P<projection>cc|mlo)\d?)?")


class Case(NamedTuple):
    """Of Mini-DDSM; "" stands for what a name does not tell."""

    case: str = ""
    patient: str = ""


def may_be_view(name: str) -> bool:
    """Tells whether a file of this name may be a view; only its content shows whether it is one."""
    return not _NO_VIEW.match(name) and not name.lower().endswith(_NO_VIEW_SUFFIXES)


def case_of(name: str) -> Case:
    """Returns the case that Mini-DDSM's names of views begin with: C_0029_1 and C_0029 of C_0029_1.LEFT_CC.jpg."""
    named = _CASE.match(name)
    return Case(named["case"], named["patient"]) if named else Case()


def laterality_and_projection(name: str) -> tuple[Laterality | None, Projection | None]:
    """Returns what a file's name tells by words that stand alone: `LEFT_CC`, `rmlo`.

    A lone L or R must be next to CC or MLO: it may as well be a person's initial.
    """
    words = [_VIEW_WORD.fullmatch(word) for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    sides, projections = set(), set()
    for place, word in enumerate(words):
        if word is None:
            continue
        beside = [other for other in words[max(place - 1, 0) : place + 2] if other]
        if word["side"] and (len(word[0]) > 1 or any(other["projection"] and not other["side"] for other in beside)):
            sides.add(labels.parse_laterality(word["side"]))
        if word["projection"]:
            projections.add(labels.parse_projection(word["projection"]))
    return sides.pop() if len(sides) == 1 else None, projections.pop() if len(projections) == 1 else None
