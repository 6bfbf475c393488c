"""How pages and charts look: style.css, which lies beside this module, and the settings of matplotlib."""

import pathlib
from typing import Any

from mammo.common import colours

FOLDER = pathlib.Path(__file__).parent
"""Where style.css lies, for templates that include it."""

FIGURE: dict[Any, Any] = {  # matplotlib takes a dict whose keys are literals of its own
    "axes.axisbelow": True,
    "axes.edgecolor": colours.FAINT,
    "axes.grid": True,
    "axes.labelcolor": colours.LABEL,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.color": colours.GRID,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "svg.hashsalt": "mammo",  # the same figure is the same file
    "xtick.color": colours.SOFT,
    "ytick.color": colours.SOFT,
}
"""Settings of every chart, for `matplotlib.rc_context`."""
