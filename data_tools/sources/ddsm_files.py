"""Reads DDSM's own text files: `.OVERLAY`, what radiologists marked on a view, and `.ics`, how a case was scanned.

Format: Heath et al., "The Digital Database for Screening Mammography", IWDM 2000, and the case description on its site.
"""

import dataclasses
import pathlib
import re
from collections.abc import Mapping

import numpy as np

# Freeman's chain code as DDSM has it: 0 is up, then clockwise in steps of 45°.
_STEPS_XY = np.array([[0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1]])

_ABNORMALITY = re.compile(r"^\s*ABNORMALITY\s+(\d+)\s*$", re.MULTILINE)
_NUMBERS = re.compile(r"(?:\s*\d+\b)*")
_ICS_VIEW = re.compile(
    r"^\s*(?P<view>(?:LEFT|RIGHT)_(?:CC|MLO))\s+LINES\s+(?P<lines>\d+).*?RESOLUTION\s+(?P<resolution>[\d.]+)",
    re.MULTILINE,
)


@dataclasses.dataclass(frozen=True)
class Abnormality:
    """One marked lesion.

    Attributes:
        kind: "mass", "calcification", "mass+calcification", "other", or "unknown" where the file does not say.
        assessment: BI-RADS category, or None.
        subtlety: From 1 (subtle) to 5 (obvious), or None.
        pathology: "MALIGNANT", "BENIGN", "BENIGN_WITHOUT_CALLBACK", "UNPROVEN", or None.
        boundary_xy_px: int [N, 2], the outer boundary in pixels of the full-resolution scan; empty where there is none.
    """

    kind: str
    assessment: int | None
    subtlety: int | None
    pathology: str | None
    boundary_xy_px: np.ndarray


UNMARKED = Abnormality("unknown", None, None, None, np.zeros((0, 2), int))
"""What is known of a lesion that no overlay tells of."""


@dataclasses.dataclass(frozen=True)
class Scan:
    """How one view was scanned.

    Attributes:
        lines: Height of the full-resolution scan in pixels.
        resolution_um: Side of one of its pixels.
    """

    lines: int
    resolution_um: float

    def spacing_mm(self, height_px: int) -> float:
        """Returns the side of a pixel of the same view stored with `height_px` lines."""
        return self.resolution_um / 1000 * self.lines / height_px


def read_overlay(path: pathlib.Path) -> dict[int, Abnormality]:
    """Returns the abnormalities of an `.OVERLAY` file by their number; what it does not say is None."""
    text = path.read_text(errors="replace")
    _, *parts = _ABNORMALITY.split(text)  # number, text, number, text, …
    return {int(number): _abnormality(part) for number, part in zip(parts[::2], parts[1::2], strict=True)}


def read_ics(path: pathlib.Path) -> dict[str, Scan]:
    """Returns how each view of a case was scanned, by names such as "LEFT_CC"; views it does not list are absent."""
    text = path.read_text(errors="replace")
    return {match["view"]: Scan(int(match["lines"]), float(match["resolution"])) for match in _ICS_VIEW.finditer(text)}


def _abnormality(text: str) -> Abnormality:
    header, _, boundary = text.partition("BOUNDARY")
    fields: Mapping[str, str] = dict(re.findall(r"^\s*(ASSESSMENT|SUBTLETY|PATHOLOGY)\s+(\S+)", header, re.MULTILINE))
    return Abnormality(
        _kind(re.findall(r"^\s*LESION_TYPE\s+(\S+)", header, re.MULTILINE)),
        assessment=_integer(fields.get("ASSESSMENT")),
        subtlety=_integer(fields.get("SUBTLETY")),
        pathology=fields.get("PATHOLOGY"),
        boundary_xy_px=_boundary(boundary),
    )


def _kind(lesion_types: list[str]) -> str:
    found = [kind for kind in ("mass", "calcification") if kind.upper() in lesion_types]
    return "+".join(found) or ("other" if lesion_types else "unknown")


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _boundary(text: str) -> np.ndarray:
    """Follows the first chain code of `text`: a start as column and row, then steps, up to what is no number."""
    leading = _NUMBERS.match(text)
    numbers = np.array(leading[0].split() if leading else [], int)
    if len(numbers) < 2 or (numbers[2:] > 7).any():  # noqa: PLR2004
        return np.zeros((0, 2), int)
    return numbers[:2] + np.vstack([np.zeros((1, 2), int), np.cumsum(_STEPS_XY[numbers[2:]], axis=0)])
