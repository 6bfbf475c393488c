"""What the name of a file tells: whether it is litter, which view it is, and of which case of a data set."""

import re
from typing import NamedTuple

from mammo.clinical import labels
from mammo.clinical.labels import Laterality, Projection

_LITTER_FOLDER = re.compile(
    r"\.|@eadir$|@tmp$|#recycle$|#snapshot$|__macosx$"
    r"|system volume information$|\$recycle\.bin$|recycler$|lost\+found$",
    re.IGNORECASE,
)
"""Hidden folders, and what NAS, macOS, Windows and Linux put onto disks: thumbnails, shadows, bins."""

_LITTER = re.compile(
    r"\.|~\$|(eh)?thumbs\.db$|desktop\.ini$|autorun\.inf$|dicomdir$|.*:zone\.identifier$"
    r"|.*\.(part|partial|crdownload|download|opdownload|tmp)$"
    r"|tape_|mask_|.*_mask|.*mask\d?\.\w+$|.*\.overlay[^.]*$",
    re.IGNORECASE,
)
"""Hidden files, those of systems, unfinished downloads, and the masks and scans beside the views of Mini-DDSM."""

_VIEW_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")

_MINI_DDSM = re.compile(r"(?P<case>(?P<patient>[A-Z]_\d+)_\d+)\.(LEFT|RIGHT)_(CC|MLO)(?![A-Za-z])")
_INBREAST = re.compile(r"\d+_(?P<patient>[0-9a-f]{8,})_MG_(?P<side>[LR])_(?P<view>CC|ML|MLO)_ANON", re.IGNORECASE)
_VIEW_WORD = re.compile(r"(?P<side>left|right|l|r)?((?P<projection>cc|mlo)\d?)?")


class Case(NamedTuple):
    """What a data set's names tell of whom a view is; "" stands for what a name does not tell.

    Attributes:
        case: The exam, in Mini-DDSM.
        patient: The person, in Mini-DDSM and INbreast.
    """

    case: str = ""
    patient: str = ""


def is_litter_folder(name: str) -> bool:
    """Tells whether a folder of this name holds what systems put onto a disk, and no views."""
    return bool(_LITTER_FOLDER.match(name))


def is_litter(name: str) -> bool:
    """Tells whether a file of this name is no view, whatever it holds; of other files their content decides."""
    return bool(_LITTER.match(name))


def is_meant_as_view(name: str) -> bool:
    """Tells whether a file of this name is to be answered, whatever it holds: if it is no image, that is a failure."""
    return name.lower().endswith(_VIEW_SUFFIXES)


def case_of(name: str) -> Case:
    """Returns whose view a file is by the naming of a data set.

    Mini-DDSM: C_0029_1 and C_0029 of C_0029_1.LEFT_CC.jpg. INbreast: 6c613a14b80a8591 of
    20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm, whose tags say "removed" for every patient.
    """
    if named := _MINI_DDSM.match(name):
        return Case(named["case"], named["patient"])
    named = _INBREAST.match(name)
    return Case("", named["patient"]) if named else Case()


def laterality_and_projection(name: str) -> tuple[Laterality | None, Projection | None]:
    """Returns what a file's name tells by words that stand alone: `LEFT_CC`, `rmlo`.

    A lone L or R must be next to CC or MLO: it may as well be a person's initial. ML is another projection than MLO,
    but in names of INbreast, which writes MLO as ML (Moreira et al. 2012, Academic Radiology 19:2).
    """
    if named := _INBREAST.match(name):
        is_cc = named["view"].lower() == Projection.CC
        return labels.parse_laterality(named["side"]), Projection.CC if is_cc else Projection.MLO
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
