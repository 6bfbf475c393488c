"""What all pages of reports have in common: layout, notices, and how a figure is written."""

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2

_MADE = ("data", "split", "model", "time", "config")
"""Fields of a report that say how it was made, in the order of the page."""


def render(template: pathlib.Path, report: Mapping[str, Any], title: str, **fields: Any) -> str:
    """Returns a page as HTML.

    Args:
        template: Extends pages.html, which lies beside this module.
        report: With "n", and "data", "split", "config", "time" and "model" where they are known. Is
            `report["data"]["is_phantom"]` true, the page says what that means.
        title: Of the page.
        **fields: For the template.
    """
    data = report.get("data")
    environment = environment_of(template, pathlib.Path(__file__))
    return environment.get_template(template.name).render(
        title=title,
        source=at(report, ("data", "source")),
        is_phantom=isinstance(data, Mapping) and bool(data.get("is_phantom")),
        n=report.get("n", {}),
        made=[(name, list(_facts(report[name]))) for name in _MADE if name in report],
        **fields,
    )


def environment_of(*templates: pathlib.Path, autoescape: bool = True) -> jinja2.Environment:
    """Returns what renders templates that lie beside these files; `figure` is a filter of it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent for template in templates]),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["figure"] = figure_text
    return environment


def at(report: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Returns what stands at a path in a report; None where nothing does."""
    value: Any = report
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def figure_text(figure: Mapping[str, Any], decimals: int = 3) -> str:
    """Writes a figure with its interval: "0.731 (0.652 to 0.804)"."""
    if figure["value"] is None:
        return "–"
    low, high = figure["low"], figure["high"]
    interval = "" if low is None else f" ({low:.{decimals}f} to {high:.{decimals}f})"
    return f"{figure['value']:.{decimals}f}{interval}"


def _facts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Rows of name and value of nested fields."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _facts(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
