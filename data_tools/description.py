"""One page that describes a data set: text, tables and figures, all in one file that can be sent and printed."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import pandas as pd

from data_tools import figures, statistics
from data_tools.statistics import Summary, Tables
from mammo.reports import pages

REJECTED_FILE = "rejected.csv"
"""Beside the page, and lists all views that cannot be used."""

MAX_REJECTED_SHOWN = 50
"""Of a data set's views that cannot be used, so that a page of any data set can be opened and printed."""

_MOST_ON_ONE_IMAGE = 9  # lesions, of which a row of the table has a count of its own


@dataclasses.dataclass(frozen=True)
class Example:
    """One lesion to look at.

    Attributes:
        caption: Which it is.
        svg: Its picture.
    """

    caption: str
    svg: str


def render(
    title: str, tables: Tables, rejected: Sequence[tuple[str, str]], examples: list[Example], *, is_synthetic: bool
) -> str:
    """Returns the page as HTML, of a size that does not grow with the data set.

    Args:
        title: What the data set is called.
        tables: Its facts.
        rejected: Path and reason of each view that cannot be used, as they should be shown; beyond
            `MAX_REJECTED_SHOWN` they are counted only.
        examples: Lesions to show.
        is_synthetic: Whether the exams were drawn by a program, which the page then says.
    """
    summary = statistics.summarise(tables)
    template = pathlib.Path(__file__).with_name("description.html")
    return (
        pages.environment_of(template)
        .get_template(template.name)
        .render(
            title=title,
            is_synthetic=is_synthetic,
            s=summary,
            figures=_figures(tables, summary),
            examples=examples,
            rejected=rejected[:MAX_REJECTED_SHOWN],
            rejected_more=max(len(rejected) - MAX_REJECTED_SHOWN, 0),
            rejected_file=REJECTED_FILE,
            facts=_facts(summary),
        )
    )


def _figures(tables: Tables, summary: Summary) -> list[dict[str, str]]:
    views, lesions, patients = tables.views, tables.lesions, statistics.per_patient(tables.views)
    named = [
        (
            "Age by status of the case",
            f"One value a patient. Age is unknown for {summary['age_unknown']:,} patients. Figure 3.1 of the study.",
            figures.age_histogram(patients),
        ),
        (
            "Mean age",
            "One value a patient, 95 % intervals. Figure 3.2 of the study.",
            figures.mean_age(summary["age_years"]),
        ),
        (
            "Balance of the classes",
            "A view without an outline is normal, whatever the case's status. The study keeps one normal view in four "
            "and throws the others away; sampling weights keep them all. Figures 3.3 and 3.4 of the study.",
            figures.balance(summary["balance"]),
        ),
        (
            "Where the cases come from",
            "Patients by volume of the source and status. A volume is scanned by machines of its own: where it holds "
            "one status mainly, a classifier may learn the machine. Report results by volume.",
            figures.bars_by_label(patients, "volume", "volume", "patients", "status"),
        ),
    ]
    if len(lesions):
        named += _lesion_figures(lesions)
    named += [
        (
            "Density of the breast",
            "BI-RADS density of the case, one value a patient.",
            figures.bars_by_label(patients, "density", "density", "patients", "status"),
        ),
        (
            "Views",
            "By projection and label of the view.",
            figures.bars_by_label(
                views.assign(view=views.laterality + " " + views.projection.str.upper()),
                "view",
                "view",
                "views",
                "label",
            ),
        ),
    ]
    return [{"title": title, "caption": caption, "svg": svg} for title, caption, svg in named]


def _lesion_figures(lesions: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Title, caption and drawing of each figure about lesions."""
    return [
        (
            "Size of the lesions",
            f"{lesions.length_mm.notna().sum():,} of {len(lesions):,} outlines have a known pixel spacing.",
            figures.lesion_sizes(lesions),
        ),
        (
            "Kind of the lesions",
            "By the overlays, where there are any.",
            figures.bars_by_label(lesions, "kind", "kind", "lesions", "pathology"),
        ),
        (
            "Subtlety",
            "As the radiologists judged it: 1 is subtle, 5 is obvious.",
            figures.bars_by_label(lesions, "subtlety", "subtlety", "lesions", "pathology"),
        ),
        (
            "Assessment",
            "BI-RADS category of each lesion: from 2 (benign) to 5 (highly suggestive of cancer).",
            figures.bars_by_label(lesions, "assessment", "BI-RADS assessment", "lesions", "pathology"),
        ),
    ]


def _facts(summary: Summary) -> list[tuple[str, str]]:
    """Rows of the table of counts: what, how many."""
    n, images, breasts = summary["n"], summary["images"], summary["breasts_with_lesion"]
    size = summary["mean_size_px"]
    rows = [
        ("Patients", f"{n['patients']:,}"),
        ("Exams", f"{n['exams']:,}"),
        ("Views", f"{n['images']:,}"),
        *((f"– {label}", f"{count:,}") for label, count in images.items()),
        ("Outlined lesions", f"{n['lesions']:,}"),
        *((f"– {label}", f"{count:,}") for label, count in summary["lesions"]["pathology"].items()),
        ("Views with 1, 2, 3 or more lesions", _on_one_image(summary["lesions"]["on_one_image"])),
        ("Breasts with a lesion in both views", f"{breasts['in_both_views']:,}"),
        ("Breasts with a lesion in one view only", f"{breasts['in_one_view']:,}"),
        ("Exams with lesions in both breasts", f"{summary['exams_with_lesions_in_both_breasts']:,}"),
        ("Views that cannot be used", f"{n['rejected']:,}"),
    ]
    if size["height"]:
        rows.append(("Mean size of a view", f"{size['height']:,.0f} × {size['width']:,.0f} pixels (height × width)"))
    return rows


def _on_one_image(views_by_count: Mapping[str, int]) -> str:
    """Views by how many lesions are on one; the many that crowded images have, each its own number, count as one."""
    single = {count: views for count, views in views_by_count.items() if int(count) <= _MOST_ON_ONE_IMAGE}
    more = sum(views_by_count.values()) - sum(single.values())
    counts = [f"{count}: {views:,}" for count, views in single.items()]
    return " · ".join([*counts, f"more than {_MOST_ON_ONE_IMAGE}: {more:,}"] if more else counts) or "none"
