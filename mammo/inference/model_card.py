"""The model card of a bundle: what it is for, what was measured, and where that ends. Mitchell et al. 2019."""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from mammo.clinical.questions import TITLES
from mammo.inference.bundles import Facts
from mammo.reports import pages

_TASKS = ("cancer", "tumour")


def render(facts: Facts, measured: Mapping[str, Any], trained: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the card as Markdown.

    Args:
        facts: Of the bundle.
        measured: Of its concept on the test split, as a comparison's report.json has it.
        trained: What is said of each network's training.
    """
    template = pathlib.Path(__file__).with_name("card.md")
    point = next(iter(facts.operating_points.values()), None)
    card = pages.environment_of(template, autoescape=False).get_template(template.name)  # it is no HTML
    return card.render(
        facts=facts,
        measured=measured,
        trained=trained,
        tasks={task: TITLES[task] for task in _TASKS},
        groups=list(_groups(measured["by"])),
        prevalence=point.prevalence if point else None,
    )


def _groups(by: Mapping[str, Any]) -> Iterator[tuple[str, str, int, Mapping[str, Any]]]:
    """Kind, name, size and area of each group, of the kinds that tell images apart."""
    for kind, groups in by.items():
        for group, figures in groups.items():
            area = pages.at(figures, ("auc", "cancer"))
            if area is not None and len(groups) > 1:
                yield kind.replace("_", " "), group, figures["n"]["images"], area
