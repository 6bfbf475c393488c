"""One page that describes a data set: text, tables and figures, all in one file that can be sent and printed."""

import dataclasses
from typing import Any

import jinja2
import pandas as pd

from data_tools import figures, statistics
from data_tools.statistics import Tables


@dataclasses.dataclass(frozen=True)
class Example:
    """One lesion to look at.

    Attributes:
        caption: Which it is.
        svg: Its picture.
    """

    caption: str
    svg: str


def render(title: str, tables: Tables, examples: list[Example], *, is_synthetic: bool) -> str:
    """Returns the page as HTML.

    Args:
        title: What the data set is called.
        tables: Its facts, paths as they should be shown.
        examples: Lesions to show.
        is_synthetic: Whether the exams were drawn by a program, which the page then says.
    """
    summary = statistics.summarise(tables)
    template = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_TEMPLATE)
    return template.render(
        title=title,
        is_synthetic=is_synthetic,
        s=summary,
        figures=_figures(tables, summary),
        examples=examples,
        rejected=tables.rejected.to_dict("records"),
        facts=_facts(summary),
    )


def _figures(tables: Tables, summary: dict[str, Any]) -> list[dict[str, str]]:
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


def _facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows of the table of counts: what, how many."""
    n, images, breasts = summary["n"], summary["images"], summary["breasts_with_lesion"]
    on_one = summary["lesions"]["on_one_image"]
    size = summary["mean_size_px"]
    rows = [
        ("Patients", f"{n['patients']:,}"),
        ("Exams", f"{n['exams']:,}"),
        ("Views", f"{n['images']:,}"),
        *((f"– {label}", f"{count:,}") for label, count in images.items()),
        ("Outlined lesions", f"{n['lesions']:,}"),
        *((f"– {label}", f"{count:,}") for label, count in summary["lesions"]["pathology"].items()),
        ("Views with 1, 2, 3 or more lesions", " · ".join(f"{int(k)}: {v:,}" for k, v in on_one.items()) or "none"),
        ("Breasts with a lesion in both views", f"{breasts['in_both_views']:,}"),
        ("Breasts with a lesion in one view only", f"{breasts['in_one_view']:,}"),
        ("Exams with lesions in both breasts", f"{summary['exams_with_lesions_in_both_breasts']:,}"),
        ("Views that cannot be used", f"{n['rejected']:,}"),
    ]
    if size["height"]:
        rows.append(("Mean size of a view", f"{size['height']:,.0f} × {size['width']:,.0f} pixels (height × width)"))
    return rows


_TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}: description</title>
<style>
:root { color-scheme: light; --ink: #1f2933; --soft: #5b6671; --line: #e1e5ea; }
body { margin: 2.5rem auto; max-width: 70rem; padding: 0 1.5rem; color: var(--ink); }
body { font: 15px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .8rem; }
.lead, figcaption, .note { color: var(--soft); }
.notice { border-left: 4px solid #EE6677; background: #fdf3f4; padding: .6rem 1rem; margin: 1.2rem 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1.6rem 2rem; }
figure { margin: 0 0 1.2rem; break-inside: avoid; } figure h3 { font-size: 1rem; margin: 0 0 .3rem; }
figcaption { font-size: .87rem; } svg { width: 100%; height: auto; display: block; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { border-bottom: 1px solid var(--line); padding: .28rem 1.4rem .28rem 0; text-align: left; }
td.number { text-align: right; padding-right: 0; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .8rem; }
footer { font-size: .87rem; color: var(--soft); }
@media print { body { margin: 0; max-width: none; font-size: 12px; } h2 { break-after: avoid; } }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p class="lead">{{ "{:,}".format(s.n.patients) }} patients, {{ "{:,}".format(s.n.images) }} views,
{{ "{:,}".format(s.n.lesions) }} outlined lesions.</p>
{% if is_synthetic %}
<p class="notice"><strong>These exams are synthetic.</strong> A program drew them; they are of no person. They prove
that the machinery works and say nothing of any clinical worth.</p>
{% endif %}
<h2>Counts</h2>
<table>
{% for name, value in facts %}
<tr><td>{{ name }}</td><td class="number">{{ value }}</td></tr>
{% endfor %}
</table>
<h2>Figures</h2>
<div class="grid">
{% for figure in figures %}
<figure><h3>{{ figure.title }}</h3>{{ figure.svg | safe }}<figcaption>{{ figure.caption }}</figcaption></figure>
{% endfor %}
</div>
{% if examples %}
<h2>Lesions, isolated and cropped</h2>
<p class="note">As figures 2.10 and 2.14 of the study: the outline is filled and multiplied with the view; the crop is
what a classifier of lesions sees, at full resolution, grey levels stretched and the chest wall turned to the left.</p>
{% for example in examples %}
<figure>{{ example.svg | safe }}<figcaption>{{ example.caption }}</figcaption></figure>
{% endfor %}
{% endif %}
{% if rejected %}
<h2>Views that cannot be used</h2>
<table><tr><th>file</th><th>reason</th></tr>
{% for row in rejected %}
<tr><td>{{ row.path }}</td><td>{{ row.reason }}</td></tr>
{% endfor %}
</table>
{% endif %}
<footer>Made by mammo, <code>//data_tools:describe</code>. Research software, not a medical device. “The study”:
Y. Abu Lubad, Breast Cancer and Benign Detection using Multi-Stage Deep Convolutional Neural Networks, 2022.</footer>
</body>
</html>
"""
