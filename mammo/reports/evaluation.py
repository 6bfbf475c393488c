"""The report of an evaluation: report.json for programs, and report.html, one page for people."""

import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from mammo.clinical.questions import TITLES
from mammo.common import files, json_types, templates
from mammo.common.json_types import Interval, JsonObject
from mammo.metrics.figures import CalibrationFigures, Figures, FrocSummary, GroupFigures, Reliability
from mammo.reports import charts, pages
from mammo.reports.pictures import Chapter


class Report(Figures, total=False):
    """What report.json holds: the figures, and how they were made."""

    data: JsonObject
    split: str
    config: JsonObject
    time: JsonObject


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
    ("auc", "breast", "malignancy"): ("area under the ROC curve, cancer against benign lesions, by breast", "breasts"),
    ("auc", "image", "tumour"): ("area under the ROC curve, any lesion, by image", "images"),
    ("auc", "exam", "tumour"): ("area under the ROC curve, any lesion, by exam", "exams"),
    ("balanced_accuracy",): ("balanced accuracy", "images"),
}
"""The first figures of the page: where they stand in a report, what they are, and what their n counts."""

_OWN_PLACE = ("froc", "by", "roc")
"""Fields of a report that are shown elsewhere than among all other figures."""


def write(
    output_dir: pathlib.Path,
    report: Report,
    history: Sequence[Mapping[str, float]],
    chapters: Sequence[Chapter],
) -> None:
    """Writes report.json and report.html, each whole or not at all.

    Args:
        output_dir: A folder, which is made if need be.
        report: The figures of an evaluator, and how they were made as far as it is known. If
            `report["data"]["is_phantom"]` is true, the page says what that means.
        history: The rows of metrics.jsonl, each with "step"; empty where nothing was trained.
        chapters: The gallery; may be empty.

    Raises:
        ValueError: The report holds NaN or infinity, which JSON does not have.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    files.write_text(output_dir / JSON_NAME, json.dumps(report, indent=2, allow_nan=False) + "\n")
    files.write_text(output_dir / PAGE_NAME, render(report, history, chapters))


def render(
    report: Report,
    history: Sequence[Mapping[str, float]],
    chapters: Sequence[Chapter],
) -> str:
    """Returns the page as HTML; the arguments are those of `write`."""
    curves = report.get("froc", {})
    return pages.render(
        pathlib.Path(__file__).with_name("evaluation.html"),
        report,
        title=_title(report),
        headlines=list(_headlines(report)),
        curves=curves,
        curve_names=_CURVE_NAMES,
        froc_svg=charts.froc(curves, _CURVE_NAMES) if _has_lesions(curves) else "",
        training=charts.history(history),
        figures=list(_intervals(report, _OWN_PLACE)),
        rocs=list(_roc_charts(report)),
        confusion_svg=charts.confusion(report["confusion"]) if "confusion" in report else "",
        calibration=report.get("calibration", {}),
        reliabilities=list(_reliability_charts(report)),
        groups=list(_group_tables(report)),
        threshold=_threshold(report),
        chapters=chapters,
    )


def _title(report: Report) -> str:
    model = json_types.at(report, ("config", "stage")) or report.get("title")  # a run's, or a bundle's concept
    split = report.get("split")
    return " ".join(["Evaluation", *([f"of {model}"] if model else []), *([f"on {split}"] if split else [])])


def _headlines(report: Report) -> Iterator[tuple[str, Interval, str]]:
    for path, (name, unit) in _HEADLINES.items():
        figure = json_types.interval_at(report, path)
        if figure is not None and figure["value"] is not None:
            yield name, figure, _count(report, figure, unit)


def _count(report: Report, figure: JsonObject, unit: str) -> str:
    """Writes what a figure was made from: "70 of 240 images positive", "240 images", or nothing."""
    cases = figure.get("n")
    if isinstance(cases, Mapping):
        return f"{cases['positive']:,} of {cases['positive'] + cases['negative']:,} {unit} positive"
    count = figure.get(unit, json_types.at(report, ("n", unit)))
    return "" if count is None else f"{count:,} {unit}"


def _roc_charts(report: Report) -> Iterator[tuple[str, str]]:
    """Yields a title and a chart for each task, with a curve for each unit that has positive and negative cases."""
    curves, areas = report.get("roc", {}), report.get("auc", {})
    for task in dict.fromkeys(task for tasks in curves.values() for task in tasks):
        units = {unit: tasks[task] for unit, tasks in curves.items() if task in tasks and tasks[task]["sensitivity"]}
        if units:
            names = {unit: f"by {unit}" for unit in units}
            yield TITLES.get(task, task), charts.roc(units, {unit: areas[unit][task] for unit in units}, names)


def _reliability_charts(report: Report) -> Iterator[tuple[str, Interval, str]]:
    """Yields a title, the error and a chart for the predicted class, and for each task."""
    calibration: CalibrationFigures | None = report.get("calibration")
    if calibration is None:
        return
    named: dict[str, Reliability] = {"Predicted class": calibration}
    named |= {TITLES.get(task, task): made for task, made in calibration["by_task"].items()}
    for name, made in named.items():
        if made["bins"]:
            yield name, made["expected_calibration_error"], charts.reliability(made["bins"])


def _group_tables(report: Report) -> Iterator[tuple[str, list[str], list[tuple[str, list[str]]]]]:
    """Yields a title, the names of the columns, and rows of name and cells, for each kind with several groups."""
    for kind, groups in report.get("by", {}).items():
        rows = {name: dict(_cells(group)) for name, group in groups.items()}
        columns = list(dict.fromkeys(column for cells in rows.values() for column in cells))
        if len(rows) > 1:
            cells_of = [(name, [cells.get(column, "") for column in columns]) for name, cells in rows.items()]
            yield kind.replace("_", " "), columns, cells_of


def _cells(group: GroupFigures) -> Iterator[tuple[str, str]]:
    for unit, count in group["n"].items():
        yield unit, f"{count:,}"
    for name, figure in _intervals(group, ("n",)):
        cases = json_types.at(figure, ("n",))
        count = f", {cases['positive']:,} / {cases['negative']:,}" if isinstance(cases, Mapping) else ""
        yield name.replace("auc · ", "area, "), templates.figure_text(figure) + count


def _threshold(report: Report) -> float:
    """Returns the score of one false positive an image; infinity, so that nothing is shown, where none reaches it."""
    threshold = json_types.at(report, ("false_positives_per_normal_image", "threshold"))
    return threshold if isinstance(threshold, float) else float("inf")


def _has_lesions(curves: Mapping[str, FrocSummary]) -> bool:
    return any(summary["score"]["value"] is not None for summary in curves.values())


def _intervals(report: JsonObject, left_out: Sequence[str] = (), name: str = "") -> Iterator[tuple[str, Interval]]:
    """Yields every figure of a document, with its path as a name, except those in the fields that are left out."""
    for key, value in report.items():
        path = f"{name} · {key}" if name else key
        if key in left_out:
            continue
        if json_types.is_interval(value):
            yield path.replace("_", " "), value
        elif isinstance(value, Mapping):
            yield from _intervals(value, name=path)
