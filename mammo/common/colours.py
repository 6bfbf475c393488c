"""The project's colours, each of them once, as CSS writes them; drawings, charts and pages take them from here.

The scheme is Paul Tol's "bright" (https://personal.sron.nl/~pault), which colour-blind readers can tell apart.
"""

from collections.abc import Mapping

BLUE = "#4477AA"
RED = "#EE6677"
GREEN = "#228833"
PURPLE = "#AA3377"
YELLOW = "#CCBB44"
CYAN = "#66CCEE"
ORANGE = "#FFB04D"  # not of the scheme: against cyan on grey it is told apart better than its red

SERIES = (BLUE, RED, GREEN, PURPLE, YELLOW, CYAN)
"""The lines of a chart, in this order."""

OF_LABEL: Mapping[str, str] = {"normal": BLUE, "benign": YELLOW, "cancer": RED}
"""Bars and lines of a chart that are about the images or patients of one label."""

TRUTH = CYAN
FOUND = ORANGE
"""Outlines on a mammogram: of the lesions that are known, and of what a detector found."""

BENIGN = CYAN
CANCER = ORANGE
"""Findings on a mammogram without known truth, by what they are likelier to be."""

DARK = "#101418"
INK = "#1f2933"
LABEL = "#38424d"
SOFT = "#5b6671"
FAINT = "#9aa3ad"
GRID = "#e6e9ed"
LINE = "#e1e5ea"
"""Greys of text, axes and rules, from dark to light."""

NOTICE = "#fdf3f4"
CHOSEN = "#f2f6fb"
"""Backgrounds of a warning, and of the row that a table is about."""


def rgb(colour: str) -> tuple[int, int, int]:
    """Returns red, green and blue, each 0 to 255, of a colour such as "#66CCEE"."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
