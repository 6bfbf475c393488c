"""The vocabulary of screening mammography, and the ways in which files and tables spell it."""

import dataclasses
import enum
import re
from collections.abc import Mapping


class Label(enum.IntEnum):
    """What a lesion, a view or an exam shows; the worst counts, so `max` combines labels.

    UNKNOWN is for what nobody has judged: such images are never trained on nor counted in a figure.
    """

    UNKNOWN = -1
    NORMAL = 0
    BENIGN = 1
    CANCER = 2

    @property
    def title(self) -> str:
        """The name in reports, manifests and answers."""
        return self.name.lower()


KNOWN = (Label.NORMAL, Label.BENIGN, Label.CANCER)
"""Of images that somebody has judged, by their values."""

NAMES = tuple(label.title for label in KNOWN)
"""Of the labels of an image, by their values: normal, benign, cancer."""

LESION_NAMES = NAMES[1:]
"""Of the classes of a lesion, from 0: benign, cancer."""


class Laterality(enum.StrEnum):
    """Which breast (DICOM Image Laterality, 0020,0062, spelt out)."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def marker(self) -> str:
        """As film is marked: L, R."""
        return self.name[0]


class Projection(enum.StrEnum):
    """How the breast was compressed: craniocaudal or mediolateral oblique (DICOM View Position, 0018,5101)."""

    CC = "cc"
    MLO = "mlo"

    @property
    def marker(self) -> str:
        """As film is marked: CC, MLO."""
        return self.name


SIDES = (Laterality.RIGHT, Laterality.LEFT)
"""In the order in which a reader hangs them."""

STANDARD_VIEWS = tuple((laterality, projection) for laterality in SIDES for projection in Projection)
"""The four views of a screening exam."""

_LATERALITIES: Mapping[str, Laterality] = {
    "l": Laterality.LEFT,
    "left": Laterality.LEFT,
    "r": Laterality.RIGHT,
    "right": Laterality.RIGHT,
}
_PROJECTIONS: Mapping[str, Projection] = {projection.value: projection for projection in Projection}
_OTHER_VIEWS: Mapping[str, str] = {
    "ML": "a mediolateral view",
    "LM": "a lateromedial view",
    "LMO": "a lateromedial oblique view",
    "SIO": "a superolateral oblique view",
    "ISO": "an inferomedial oblique view",
    "FB": "a caudocranial view",
    "XCC": "an exaggerated craniocaudal view",
    "XCCL": "an exaggerated craniocaudal view",
    "XCCM": "an exaggerated craniocaudal view",
    "AT": "an axillary tail view",
    "CV": "a cleavage view",
    "TAN": "a tangential view",
}
"""Of one breast, by the abbreviations of the ACR (BI-RADS Atlas, labelling of mammograms) and of View Position."""

_MODIFIERS: Mapping[str, str] = {
    "M": "a magnification view",
    "MAG": "a magnification view",
    "MAGNIFICATION": "a magnification view",
    "S": "a spot compression view",
    "SPOT": "a spot compression view",
    "TAN": "a tangential view",
    "AT": "an axillary tail view",
    "CV": "a cleavage view",
    "AC": "a view with anterior compression",
    "RL": "a rolled view",
    "RM": "a rolled view",
    "RS": "a rolled view",
    "RI": "a rolled view",
    "ROLLED": "a rolled view",
}
"""What makes a craniocaudal or mediolateral oblique view another than that of screening; spelt as above."""

_VIEW_CODES: Mapping[str, str] = {
    "R-10242": "CC", "399162004": "CC",
    "R-10226": "MLO", "399368009": "MLO",
    "R-10224": "ML", "399260004": "ML",
    "R-10228": "LM", "399352003": "LM",
    "R-10230": "LMO", "399099002": "LMO",
    "R-102D0": "SIO", "399188001": "SIO",
    "R-40AAA": "ISO", "441555000": "ISO",
    "R-10244": "FB", "399196006": "FB",
    "R-1024A": "XCCL", "399192008": "XCCL", "399265004": "XCC",
    "R-1024B": "XCCM", "399101009": "XCCM",
}  # fmt: skip
"""Code values of View Code Sequence (0054,0220), in both numberings of SNOMED: DICOM PS3.16, CID 4014."""

_MODIFIER_CODES: Mapping[str, str] = {
    "R-102D6": "M", "399163009": "M",
    "R-102D7": "S", "399055006": "S",
    "R-102C2": "TAN", "399110001": "TAN",
    "R-102D1": "AT", "399011000": "AT",
    "R-40AB2": "AT", "442580003": "AT",
    "R-102D2": "CV", "399161006": "CV",
    "P2-00161": "AC", "441752004": "AC",
    "R-102D3": "RL", "399197002": "RL",
    "R-102D4": "RM", "399226006": "RM",
    "R-102C9": "RS", "415670009": "RS",
    "R-102CA": "RI", "414493004": "RI",
}  # fmt: skip
"""Code values of View Modifier Code Sequence (0054,0222), likewise: CID 4015. Left out are those that leave a view what
it is: nipple in profile, implant displaced, inframammary fold."""

_SPELT_OUT = (
    (re.compile(r"CRANIO[ -]?CAUDAL(?! *EXAG)"), "CC"),
    (re.compile(r"MEDIO[ -]?LATERAL[ -]?OBLIQUE"), "MLO"),
)
_WORD = re.compile(
    rf"(?P<side>[RL])?(?P<before>[MS]{{0,2}})(?P<view>CC|MLO|{'|'.join(sorted(_OTHER_VIEWS, key=len, reverse=True))})"
    r"(?P<after>RL|RM|RS|RI|AC|TAN|ID|NP)?"
)


@dataclasses.dataclass(frozen=True)
class ViewName:
    """What a text or a code calls a view.

    Attributes:
        laterality: None: it does not say, or contradicts itself.
        projection: None: it does not say, contradicts itself, or means another.
        other: What it is where it is no view of screening, as a noun ("a mediolateral view"); "" where it may be one.
    """

    laterality: Laterality | None = None
    projection: Projection | None = None
    other: str = ""


def parse_laterality(text: str) -> Laterality | None:
    """Reads "L", "left", "R" or "right", in any case; None: it is none of them."""
    return _LATERALITIES.get(text.strip().lower())


def parse_projection(text: str) -> Projection | None:
    """Reads "CC" or "MLO", in any case; None: it is neither."""
    return _PROJECTIONS.get(text.strip().lower())


def parse_view(text: str) -> ViewName:
    """Reads what View Position (0018,5101) and names of series hold: "RIGHT CC", "LMLO", "ml", "CCRL", "R M CC"."""
    for pattern, name in _SPELT_OUT:
        text = pattern.sub(name, text.upper())
    sides: set[Laterality | None] = set()
    views: set[str] = set()
    others: list[str] = []
    for word in re.findall(r"[A-Z]+", text.upper()):
        if word.lower() in _LATERALITIES:
            sides.add(parse_laterality(word))
        elif found := _WORD.fullmatch(word):
            sides |= {parse_laterality(found["side"])} if found["side"] else set()
            views.add(found["view"])
            others += [_MODIFIERS[part] for part in (*found["before"], found["after"]) if part in _MODIFIERS]
        elif word in _MODIFIERS:
            others.append(_MODIFIERS[word])
    others += [_OTHER_VIEWS[view] for view in sorted(views) if view in _OTHER_VIEWS]
    projection = parse_projection(views.pop()) if len(views) == 1 else None
    return ViewName(sides.pop() if len(sides) == 1 else None, projection, others[0] if others else "")


def view_of_code(code: str) -> ViewName:
    """Returns what a code value of DICOM's View Code Sequence means; one that is not known says nothing."""
    name = _VIEW_CODES.get(code.strip(), "")
    return ViewName(None, parse_projection(name), _OTHER_VIEWS.get(name, ""))


def modifier_of_code(code: str) -> str:
    """Returns what a code value of DICOM's View Modifier Code Sequence makes of a view, as `ViewName.other`; or ""."""
    return _MODIFIERS.get(_MODIFIER_CODES.get(code.strip(), ""), "")


def marker(laterality: Laterality | None, projection: Projection | None) -> str:
    """Writes which view it is as film is marked: "R CC"; "?" stands for what is not known."""
    return f"{laterality.marker if laterality else '?'} {projection.marker if projection else '?'}"
