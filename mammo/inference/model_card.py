"""The model card of a bundle: what it is for, what was measured, and its limits (Mitchell et al. 2019)."""

import pathlib
from collections.abc import Iterator, Mapping

from mammo.clinical import questions
from mammo.clinical.questions import TITLES
from mammo.common import json_types, templates
from mammo.common.json_types import Interval, JsonObject
from mammo.inference.bundle_facts import Facts
from mammo.metrics.figures import Figures, GroupFigures

_TASKS = ("cancer", questions.OF_LESIONS, "tumour")


def render(facts: Facts, measured: Figures, trained: Mapping[str, JsonObject], notes: str = "") -> str:
    """Returns the card as Markdown.

    Args:
        facts: What bundle.json holds.
        measured: The figures of its concept on the test split, as a comparison's report.json has them.
        trained: How each network was trained, by name.
        notes: What a person says of its data, Markdown.
    """
    template = pathlib.Path(__file__).with_name("model_card.md")
    point = next(iter(facts.operating_points.values()), None)
    environment = templates.environment_of([template.parent], autoescape=False)  # Markdown
    return environment.get_template(template.name).render(
        facts=facts,
        measured=measured,
        trained=trained,
        notes=notes.strip(),
        tasks={task: TITLES[task] for task in _TASKS},
        groups=list(_groups(measured["by"])),
        prevalence=point.prevalence if point else None,
    )


def _groups(by: Mapping[str, Mapping[str, GroupFigures]]) -> Iterator[tuple[str, str, int, Interval]]:
    """Yields kind, name, number of images and area of each group, for each kind with several groups."""
    for kind, groups in by.items():
        for group, figures in groups.items():
            area = json_types.interval_at(figures, ("auc", "cancer"))
            if area is not None and len(groups) > 1:
                yield kind.replace("_", " "), group, figures["n"]["images"], area
