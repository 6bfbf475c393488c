"""Reads DDSM's own text files: `.OVERLAY`, what radiologists marked on a view, and `.ics`, how a case was scanned.

Format: Heath et al., "The Digital Database for Screening Mammography", IWDM 2000, and the case description on its site.
"""

import dataclasses
import math
import pathlib
import re
from collections.abc import Mapping

import numpy as np

from mammo.common.errors import ImageError

MAX_BYTES = 2 * 2**20
"""Far more than a file of DDSM has, whose boundaries are some thousand steps long."""

# Freeman's chain code as DDSM has it: 0 is up, then clockwise in steps of 45°.
_STEPS_XY = np.array([[0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1]])

# No pattern reaches over a line's end, nor has two parts that may match the same: their time is linear in the text.
_ABNORMALITY = re.compile(r"^[ \t]*ABNORMALITY[ \t]+([0-9]{1,3})[ \t\r]*$", re.MULTILINE)
_FIELD = re.compile(r"^[ \t]*(ASSESSMENT|SUBTLETY|PATHOLOGY)[ \t]+(\S+)", re.MULTILINE)
_LESION_TYPE = re.compile(r"^[ \t]*LESION_TYPE[ \t]+(\S+)", re.MULTILINE)
_START = re.compile(r"[0-9]{1,5}")
_STEPS = re.compile(r"[0-7]*")
_END = re.compile(r"#|[A-Z_]+")

_MOST_LINES = 100_000
_RESOLUTIONS_UM = (1.0, 1000.0)  # DDSM's scanners: 42 to 50
_MOST_ASSESSMENT, _MOST_SUBTLETY = 6, 5


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
    """Returns the abnormalities of an `.OVERLAY` file by their number; what it does not say is None.

    Raises:
        ImageError: It cannot be read, is no text, or tells of one abnormality twice.
    """
    _, *parts = _ABNORMALITY.split(_read_text(path))  # number, text, number, text, …
    found: dict[int, Abnormality] = {}
    for number, text in zip(map(int, parts[::2]), parts[1::2], strict=True):
        if number in found:
            raise ImageError(path, f"tells of abnormality {number} twice")
        found[number] = _abnormality(path, text)
    return found


def read_scan(path: pathlib.Path, view: str) -> Scan | None:
    """Returns how one view of a case was scanned, as its `.ics` file says; None: it does not.

    Args:
        path: Of the file.
        view: Name of the view, such as "LEFT_CC".

    Raises:
        ImageError: It cannot be read, is no text, or has numbers for this view that cannot be.
    """
    for line in _read_text(path).splitlines():
        words = line.split()
        if words[:1] == [view] and words[1:2] == ["LINES"] and "RESOLUTION" in words:
            lines = _number(words[2:3])
            resolution_um = _number(words[words.index("RESOLUTION") + 1 :][:1])
            least_um, most_um = _RESOLUTIONS_UM
            if not (1 <= lines <= _MOST_LINES and least_um <= resolution_um <= most_um):
                raise ImageError(path, f"has a number of lines or a resolution of {view} that cannot be")
            return Scan(int(lines), resolution_um)
    return None


def _read_text(path: pathlib.Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(path, f"has more than {MAX_BYTES // 2**20} MiB, which no such file of DDSM has")
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror})") from None
    if "\0" in text:
        raise ImageError(path, "is no text")
    return text


def _number(words: list[str]) -> float:
    """Returns the number that a word is; NaN where it is none."""
    return float(words[0]) if words and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,9})?", words[0]) else float("nan")


def _abnormality(path: pathlib.Path, text: str) -> Abnormality:
    header, _, boundary = text.partition("BOUNDARY")
    fields: Mapping[str, str] = dict(_FIELD.findall(header))
    return Abnormality(
        _kind(_LESION_TYPE.findall(header)),
        assessment=_category(path, fields, "ASSESSMENT", _MOST_ASSESSMENT),
        subtlety=_category(path, fields, "SUBTLETY", _MOST_SUBTLETY),
        pathology=fields.get("PATHOLOGY"),
        boundary_xy_px=_boundary(boundary),
    )


def _kind(lesion_types: list[str]) -> str:
    found = [kind for kind in ("mass", "calcification") if kind.upper() in lesion_types]
    return "+".join(found) or ("other" if lesion_types else "unknown")


def _category(path: pathlib.Path, fields: Mapping[str, str], name: str, most: int) -> int | None:
    number = _number([fields[name]]) if name in fields else float("nan")
    if number > most:
        raise ImageError(path, f"has a {name} of {number:g}, which is 0 to {most}")
    return int(number) if not math.isnan(number) else None


def _boundary(text: str) -> np.ndarray:
    """Follows the first chain code of `text`: a start as column and row, then steps, up to "#", a word, or the end."""
    words = text.split()
    if not all(_START.fullmatch(word) for word in words[:2]) or len(words) < 2:  # noqa: PLR2004
        return np.zeros((0, 2), int)
    end = next((place for place, word in enumerate(words[2:], 2) if not word.isdecimal()), len(words))
    steps = "".join(words[2:end])
    is_damaged = end < len(words) and not _END.fullmatch(words[end])
    if is_damaged or len(steps) != end - 2 or not _STEPS.fullmatch(steps):  # a number of several digits is no step
        return np.zeros((0, 2), int)
    start = np.array([int(word) for word in words[:2]])
    moves = _STEPS_XY[np.frombuffer(steps.encode(), np.uint8) - ord("0")]
    return start + np.vstack([np.zeros((1, 2), int), np.cumsum(moves, axis=0)])
