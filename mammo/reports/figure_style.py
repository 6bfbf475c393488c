"""How every figure of the project looks, as settings of matplotlib."""

from typing import Any

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#9aa3ad",
    "axes.grid": True,
    "axes.labelcolor": "#38424d",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.color": "#e6e9ed",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "svg.hashsalt": "mammo",  # the same figure is the same file
    "xtick.color": "#5b6671",
    "ytick.color": "#5b6671",
}
