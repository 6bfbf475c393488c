"""Jinja templates: how they are found and rendered, and how a figure is written in them."""

import pathlib
from collections.abc import Sequence

import jinja2

from mammo.common import colours, plain
from mammo.common.json_types import Interval


def environment_of(folders: Sequence[pathlib.Path], *, autoescape: bool = True) -> jinja2.Environment:
    """Returns what renders the templates in some folders.

    A name that the template uses and nobody gave is an error. `figure` is a filter, `colours` the module of that name.
    Text that a template is given comes out as what can be shown (see `plain`).

    Args:
        folders: Where templates, and those that they extend or include, lie.
        autoescape: Whether values are escaped as HTML takes it.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
    )
    environment.filters["figure"] = figure_text
    environment.globals["colours"] = colours
    return environment


def _finalize(value: object) -> object:
    """Makes text safe to show; what a template has made itself is HTML already."""
    return value if hasattr(value, "__html__") else plain.shown_lines(str(value))


def figure_text(figure: Interval | None, decimals: int = 3) -> str:
    """Writes a figure with its interval: "0.731 (0.652 to 0.804)"."""
    if figure is None or figure["value"] is None:
        return "–"
    low, high = figure["low"], figure["high"]
    interval = "" if low is None or high is None else f" ({low:.{decimals}f} to {high:.{decimals}f})"
    return f"{figure['value']:.{decimals}f}{interval}"
