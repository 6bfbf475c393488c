"""What all pages of reports share: layout, stylesheet, notices, and the table of how the report was made."""

import pathlib
from collections.abc import Iterator, Mapping

import jinja2

from mammo.common import json_types, templates
from mammo.common.json_types import JsonObject
from mammo.reports import style

_MADE = ("data", "split", "model", "time", "config")
"""Fields of a report that say how it was made, in the order of the page."""


def render(template: pathlib.Path, report: JsonObject, title: str, **fields: object) -> str:
    """Returns a page as HTML.

    Args:
        template: Extends pages.html, which lies beside this module.
        report: Has "n", and "data", "split", "config", "time" and "model" where they are known. If
            `report["data"]["is_phantom"]` or `report["model"]["is_of_phantoms"]` is true, the page says what that
            means.
        title: Title of the page.
        **fields: Further values for the template.
    """
    return (
        environment_of(template)
        .get_template(template.name)
        .render(
            title=title,
            source=json_types.at(report, ("data", "source")),
            is_phantom=bool(json_types.at(report, ("data", "is_phantom"))),
            is_model_of_phantoms=bool(json_types.at(report, ("model", "is_of_phantoms"))),
            n=report.get("n", {}),
            made=[(name, list(_facts(report[name]))) for name in _MADE if name in report],
            **fields,
        )
    )


def environment_of(template: pathlib.Path) -> jinja2.Environment:
    """Returns what renders an HTML template; it may include style.css and extend pages.html."""
    return templates.environment_of([template.parent, style.FOLDER])


def _facts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yields a row of name and value for each field, however deeply nested."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _facts(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
