"""What an evaluation leaves: report.json for programs, and report.html, one page for people."""

import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mammo.clinical.questions import TITLES
from mammo.common import files
from mammo.reports import charts, pages, pictures
from mammo.reports.pictures import Chapter

JSON_NAME = "report.json"
PAGE_NAME = "report.html"

_CURVE_NAMES = {
    "centre": "found if the detection's centre lies in the lesion's box",
    "iou": "found if the boxes overlap enough (IoU)",
}
_HEADLINES = {
    ("froc", "centre", "sensitivity_at", "1"): ("of the lesions found at one false positive an image", "lesions"),
    ("froc", "centre", "score"): ("mean sensitivity from 1/8 to 8 false positives an image", "lesions"),
    ("average_precision", "0.5"): ("average precision at an overlap of 0.5", "lesions"),
    ("false_positives_per_normal_image",): ("false positives a normal image, at the threshold of one", "images"),
    ("auc", "image", "cancer"): ("area under the ROC curve, cancer, by image", "images"),
    ("auc", "breast", "cancer"): ("area under the ROC curve, cancer, by breast", "breasts"),
    ("auc", "exam", "cancer"): ("area under the ROC curve, cancer, by exam", "exams"),
    ("auc", "image", "malignancy"): ("area under the ROC curve, cancer against benign lesions, by image", "images"),
    ("auc", "image", "tumour"): ("area under the ROC curve, any lesion, by image", "images"),
    ("auc", "exam", "tumour"): ("area under the ROC curve, any lesion, by exam", "exams"),
    ("balanced_accuracy",): ("balanced accuracy", "images"),
}
"""Where the first figures of the page stand in a report, what they are, and what their n counts."""

_OWN_PLACE = ("froc", "by", "roc")
"""Fields of a report that are shown elsewhere than among all other figures."""


def write(
    output_dir: pathlib.Path,
    report: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    chapters: Sequence[Chapter],
) -> None:
    """Writes report.json and report.html, each whole or not at all.

    Args:
        output_dir: A folder, which is made if need be.
        report: What an evaluator reports, with "data", "split", "config", "time" and "model" where they are known. Is
            `report["data"]["is_phantom"]` true, the page says what that means.
        history: The lines of metrics.jsonl, each with "step"; empty where nothing was trained.
        chapters: Of the gallery; may be empty.

    Raises:
        ValueError: The report holds a number that JSON does not know.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    files.write_text(output_dir / JSON_NAME, json.dumps(report, indent=2, allow_nan=False) + "\n")
    files.write_text(output_dir / PAGE_NAME, render(report, history, chapters))


def render(
    report: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    chapters: Sequence[Chapter],
) -> str:
    """Returns the page as HTML; the arguments are those of `write`."""
    curves = report.get("froc", {})
    return pages.render(
        pathlib.Path(__file__).with_name("report.html"),
        report,
        title=_title(report),
        headlines=list(_headlines(report)),
        curves=curves,
        curve_names=_CURVE_NAMES,
        froc_svg=charts.froc(curves, _CURVE_NAMES) if _has_lesions(curves) else "",
        training=charts.history(history),
        figures=list(_intervals({key: value for key, value in report.items() if key not in _OWN_PLACE})),
        rocs=list(_roc_charts(report)),
        confusion_svg=charts.confusion(**report["confusion"]) if "confusion" in report else "",
        calibration=report.get("calibration", {}),
        reliabilities=list(_reliability_charts(report)),
        groups=list(_group_tables(report)),
        threshold=_threshold(report),
        chapters=chapters,
        truth_colour=pictures.TRUTH_COLOUR,
        found_colour=pictures.FOUND_COLOUR,
    )


def _title(report: Mapping[str, Any]) -> str:
    stage = pages.at(report, ("config", "stage"))
    split = report.get("split")
    return " ".join(["Evaluation", *([f"of {stage}"] if stage else []), *([f"on {split}"] if split else [])])


def _headlines(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for path, (name, unit) in _HEADLINES.items():
        figure = pages.at(report, path)
        if figure is not None and figure["value"] is not None:
            yield name, figure, _count(report, figure, unit)


def _count(report: Mapping[str, Any], figure: Mapping[str, Any], unit: str) -> str:
    """What a figure was made from: "70 of 240 images positive", "240 images", or nothing."""
    cases = figure.get("n")
    if isinstance(cases, Mapping):
        return f"{cases['positive']:,} of {cases['positive'] + cases['negative']:,} {unit} positive"
    count = figure.get(unit, pages.at(report, ("n", unit)))
    return "" if count is None else f"{count:,} {unit}"


def _roc_charts(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A title and a chart for each question, with a curve for each unit that is judged."""
    curves, areas = report.get("roc", {}), report.get("auc", {})
    for task in dict.fromkeys(task for tasks in curves.values() for task in tasks):
        units = {unit: tasks[task] for unit, tasks in curves.items() if tasks.get(task, {}).get("sensitivity")}
        if units:
            names = {unit: f"by {unit}" for unit in units}
            yield (
                TITLES.get(task, task),
                charts.roc(units, {unit: areas[unit][task] for unit in units}, names),
            )


def _reliability_charts(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """A title, the error and a chart of the class that is predicted, and of each question."""
    calibration = report.get("calibration", {})
    named = {"The class that is predicted": calibration}
    named |= {TITLES.get(task, task): made for task, made in calibration.get("by_task", {}).items()}
    for name, made in named.items():
        if made.get("bins"):
            yield name, made["expected_calibration_error"], charts.reliability(made["bins"])


def _group_tables(report: Mapping[str, Any]) -> Iterator[tuple[str, list[str], list[tuple[str, list[str]]]]]:
    """A title, the names of the columns, and rows of a group's name and its cells, for each kind that has several."""
    for kind, groups in report.get("by", {}).items():
        rows = {name: dict(_cells(group)) for name, group in groups.items()}
        columns = list(dict.fromkeys(column for cells in rows.values() for column in cells))
        if len(rows) > 1:
            cells_of = [(name, [cells.get(column, "") for column in columns]) for name, cells in rows.items()]
            yield kind.replace("_", " "), columns, cells_of


def _cells(group: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for unit, count in group.get("n", {}).items():
        yield unit, f"{count:,}"
    for name, figure in _intervals({key: value for key, value in group.items() if key != "n"}):
        cases = figure.get("n")
        yield (
            name.replace("auc · ", "area, "),
            pages.figure_text(figure) + (f", {cases['positive']:,} / {cases['negative']:,}" if cases else ""),
        )


def _threshold(report: Mapping[str, Any]) -> float:
    """The score of one false positive an image; nothing is a detection where no score reaches it."""
    threshold = pages.at(report, ("false_positives_per_normal_image", "threshold"))
    return float("inf") if threshold is None else float(threshold)


def _has_lesions(curves: Mapping[str, Any]) -> bool:
    return any(summary["score"]["value"] is not None for summary in curves.values())


def _intervals(report: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every {"value", "low", "high"} of a report, with its path as a name."""
    for key, value in report.items():
        path = f"{name} · {key}" if name else key
        if isinstance(value, Mapping) and value.keys() >= {"value", "low", "high"}:
            yield path.replace("_", " "), value
        elif isinstance(value, Mapping):
            yield from _intervals(value, path)
