"""The report of a comparison: report.json for programs, and report.html, one page for people."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np

from mammo.clinical.questions import TITLES
from mammo.common import files, json_types
from mammo.common.json_types import Interval
from mammo.concepts.catalogue import BASELINE
from mammo.concepts.comparing import ComparisonReport
from mammo.concepts.evidence import Answers
from mammo.data.shards import Shards
from mammo.metrics.figures import ConceptFigures
from mammo.reports import charts, galleries, pages
from mammo.reports.evaluation import JSON_NAME, PAGE_NAME
from mammo.reports.pictures import Chapter

_PICTURES = 3  # in each chapter of a gallery
_RULE = "centre"  # by which lesions count as found
_UNITS = {"exam": "by exam", "breast": "by breast", "image": "by image"}
_TASKS = {task: TITLES[task] for task in ("cancer", "tumour")}

_COLUMNS = (
    ("cancer, by exam", ("auc", "exam", "cancer")),
    ("cancer, by image", ("auc", "image", "cancer")),
    ("any lesion, by image", ("auc", "image", "tumour")),
    ("balanced accuracy", ("balanced_accuracy",)),
    ("macro F1", ("macro_f1",)),
    ("accuracy", ("accuracy",)),
    ("lesions found at 1 FP an image", ("froc", _RULE, "sensitivity_at", "1")),
)
"""Columns of the table: their names, and where their figures stand in a concept's report; the first three are areas."""

_GroupRow: TypeAlias = tuple[str, str, list[Interval | None]]
"""A group, how many images it has, and the area of each concept."""


def write(
    output_dir: pathlib.Path,
    report: ComparisonReport,
    answers: Mapping[str, Answers],
    shards: Shards,
) -> pathlib.Path:
    """Writes report.json and report.html, each whole or not at all; returns the path of the page.

    Args:
        output_dir: A folder, which is made if need be.
        report: As `mammo.concepts.comparing` makes it.
        answers: The calibrated answers of each concept on the test split, for the galleries.
        shards: The images that are shown.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    files.write_text(output_dir / JSON_NAME, json.dumps(report, indent=2, allow_nan=False) + "\n")
    chapters_of = {name: _gallery(name, report, made, shards) for name, made in answers.items()}
    files.write_text(output_dir / PAGE_NAME, render(report, chapters_of))
    return output_dir / PAGE_NAME


def render(report: ComparisonReport, chapters_of: Mapping[str, list[Chapter]]) -> str:
    """Returns the page as HTML.

    Args:
        report: As `write` takes it.
        chapters_of: Chapters of pictures, by concept.
    """
    concepts = report["concepts"]
    titles = {name: concept["title"] for name, concept in concepts.items()}
    first, differences = next(iter(report["differences"].items()))
    return pages.render(
        pathlib.Path(__file__).with_name("comparison.html"),
        report,
        title="Concepts compared",
        concepts=concepts,
        titles=titles,
        columns=[name for name, _ in _COLUMNS],
        table={name: _row(concept) for name, concept in concepts.items()},
        best=_best(concepts),
        first=first,
        differences=differences,
        units=_UNITS,
        tasks=_TASKS,
        rocs=list(_rocs(concepts, titles)),
        froc_svg=_froc(concepts, titles),
        confusions={name: charts.confusion(concept["confusion"]) for name, concept in concepts.items()},
        reliabilities={
            name: charts.reliability(concept["calibration"]["bins"]) for name, concept in _without_baseline(concepts)
        },
        groups=list(_groups(concepts)),
        galleries=chapters_of,
        models=report["models"],
        baseline=BASELINE.name,
    )


def _row(concept: ConceptFigures) -> list[Interval | None]:
    return [json_types.interval_at(concept, path) for _, path in _COLUMNS]


def _without_baseline(concepts: Mapping[str, ConceptFigures]) -> Iterator[tuple[str, ConceptFigures]]:
    return ((name, concept) for name, concept in concepts.items() if name != BASELINE.name)


def _best(concepts: Mapping[str, ConceptFigures]) -> list[str | None]:
    """Returns the concept with the highest figure of each column; None where there is no figure."""
    best: list[str | None] = []
    for _, path in _COLUMNS:
        figures = {name: json_types.interval_at(concept, path) for name, concept in concepts.items()}
        known = {name: made["value"] for name, made in figures.items() if made and made["value"] is not None}
        best.append(max(known, key=known.__getitem__) if known else None)
    return best


def _rocs(concepts: Mapping[str, ConceptFigures], titles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yields a title and a chart for each task and unit, with a curve for each concept."""
    for task, title in _TASKS.items():
        for unit in ("exam", "image"):
            curves = {
                name: concept["roc"][unit][task]
                for name, concept in _without_baseline(concepts)
                if concept["roc"][unit][task]["sensitivity"]
            }
            if curves:
                areas = {name: concepts[name]["auc"][unit][task] for name in curves}
                yield f"{title}, {_UNITS[unit]}", charts.roc(curves, areas, titles)


def _froc(concepts: Mapping[str, ConceptFigures], titles: Mapping[str, str]) -> str:
    curves = {name: concept["froc"][_RULE] for name, concept in concepts.items() if "froc" in concept}
    has_lesions = any(curve["score"]["value"] is not None for curve in curves.values())
    return charts.froc(curves, titles) if has_lesions else ""


def _groups(concepts: Mapping[str, ConceptFigures]) -> Iterator[tuple[str, list[str], list[_GroupRow]]]:
    """Yields a kind of groups, the concepts, and the rows of its groups."""
    shown = dict(_without_baseline(concepts))
    some = next(iter(shown.values()))
    for kind, groups in some["by"].items():
        rows = []
        for group, made in groups.items():
            cells = [
                json_types.interval_at(concept, ("by", kind, group, "auc", "cancer")) for concept in shown.values()
            ]
            rows.append((group, f"{made['n']['images']:,}", cells))
        if len(rows) > 1:
            yield kind.replace("_", " "), list(shown), rows


def _gallery(name: str, report: ComparisonReport, made: Answers, shards: Shards) -> list[Chapter]:
    """Draws where a concept was wrong: lesions and false alarms if it gives boxes, else whole views."""
    split = report["split"]
    if name == BASELINE.name:
        return []

    def image_of(key: int) -> np.ndarray:
        return shards.read_image(split, key)

    chapters = galleries.of_answers(made, report["concepts"][name], image_of, name)
    return [chapter._replace(pictures=chapter.pictures[:_PICTURES]) for chapter in chapters]
