"""The vocabulary of screening mammography, and the ways in which files and tables spell it."""

import enum
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
_PROJECTION_CODES: Mapping[str, Projection] = {
    "R-10242": Projection.CC,
    "399162004": Projection.CC,
    "R-10226": Projection.MLO,
    "399368009": Projection.MLO,
}
"""SNOMED codes of View Code Sequence (0054,0220), in both numberings: DICOM PS3.16, CID 4014."""


def parse_laterality(text: str) -> Laterality | None:
    """Reads "L", "left", "R" or "right", in any case; None: it is none of them."""
    return _LATERALITIES.get(text.strip().lower())


def parse_projection(text: str) -> Projection | None:
    """Reads "CC" or "MLO", in any case; None: it is neither."""
    return _PROJECTIONS.get(text.strip().lower())


def projection_of_code(code: str) -> Projection | None:
    """Returns the projection that a code value of DICOM's View Code Sequence names; None: another, or none."""
    return _PROJECTION_CODES.get(code.strip())


def marker(laterality: Laterality | None, projection: Projection | None) -> str:
    """Writes which view it is as film is marked: "R CC"; "?" stands for what is not known."""
    return f"{laterality.marker if laterality else '?'} {projection.marker if projection else '?'}"
