"""What an evaluation leaves: report.json for programs, and report.html, one page for people."""

import json
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jinja2
import numpy as np

from mammo.data import files
from mammo.evaluation import charts, images, matching, pictures

JSON_NAME = "report.json"
PAGE_NAME = "report.html"

_GALLERY_RULE = matching.Rule("centre")
_PICTURES = 6  # of each kind

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
    ("auc", "exam", "cancer"): ("area under the ROC curve, cancer, by exam", "patients"),
    ("balanced_accuracy",): ("balanced accuracy", "images"),
}
"""Where the first figures of the page stand in a report, what they are, and what their n counts."""

_MADE = ("data", "split", "model", "time", "config")
"""Fields of a report that say how it was made, in the order of the page."""


def write(
    output_dir: pathlib.Path,
    report: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    results: Sequence[images.ImageResult],
    image_of: Callable[[str], np.ndarray],
) -> None:
    """Writes report.json and report.html, each whole or not at all.

    Args:
        output_dir: A folder, which is made if need be.
        report: What an evaluator reports, with "data", "split", "config", "time" and "model" where they are known. Is
            `report["data"]["is_phantom"]` true, the page says what that means.
        history: The lines of metrics.jsonl, each with "step"; empty where nothing was trained.
        results: What was found, for the gallery; may be empty.
        image_of: Gives the image of an `ImageResult.path`: float [H, W] in [0, 1], in the pixels of the boxes.

    Raises:
        ValueError: The report holds a number that JSON does not know.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    files.write_text(output_dir / JSON_NAME, json.dumps(report, indent=2, allow_nan=False) + "\n")
    files.write_text(output_dir / PAGE_NAME, render(report, history, results, image_of))


def render(
    report: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    results: Sequence[images.ImageResult],
    image_of: Callable[[str], np.ndarray],
) -> str:
    """Returns the page as HTML; the arguments are those of `write`."""
    source = pathlib.Path(__file__).with_name("report.html").read_text()
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["figure"] = _figure_text
    data = report.get("data")
    curves = report.get("froc", {})
    return environment.from_string(source).render(
        title=_title(report),
        source=_at(report, ("data", "source")),
        is_phantom=isinstance(data, Mapping) and bool(data.get("is_phantom")),
        n=report.get("n", {}),
        headlines=list(_headlines(report)),
        curves=curves,
        curve_names=_CURVE_NAMES,
        froc_svg=charts.froc(curves, _CURVE_NAMES) if _has_lesions(curves) else "",
        training=charts.history(history),
        figures=list(_intervals({key: value for key, value in report.items() if key != "froc"})),
        threshold=_threshold(report),
        gallery=_gallery(results, _threshold(report), image_of) if results else [],
        made=[(name, list(_facts(report[name]))) for name in _MADE if name in report],
        truth_colour=pictures.TRUTH_COLOUR,
        found_colour=pictures.FOUND_COLOUR,
    )


def _gallery(
    results: Sequence[images.ImageResult], threshold: float, image_of: Callable[[str], np.ndarray]
) -> list[tuple[str, str, list[pictures.Picture]]]:
    """The chapters of the gallery: title, what it says where there is no picture, pictures."""
    chapters = (
        ("Sure hits", "No lesion was found.", pictures.sure_hits(results, _GALLERY_RULE, _PICTURES)),
        ("Worst misses", "None was missed.", pictures.worst_misses(results, _GALLERY_RULE, threshold, _PICTURES)),
        ("Worst false alarms", "There was none.", pictures.worst_alarms(results, _GALLERY_RULE, _PICTURES)),
    )
    return [
        (title, otherwise, pictures.draw_all(subjects, image_of, threshold, f"picture-{chapter}"))
        for chapter, (title, otherwise, subjects) in enumerate(chapters)
    ]


def _title(report: Mapping[str, Any]) -> str:
    stage = _at(report, ("config", "stage"))
    split = report.get("split")
    return " ".join(["Evaluation", *([f"of {stage}"] if stage else []), *([f"on {split}"] if split else [])])


def _headlines(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for path, (name, unit) in _HEADLINES.items():
        figure = _at(report, path)
        if figure is not None and figure["value"] is not None:
            count = figure.get(unit, _at(report, ("n", unit)))
            yield name, figure, "" if count is None else f"{count:,} {unit}"


def _threshold(report: Mapping[str, Any]) -> float:
    """The score of one false positive an image; nothing is a detection where no score reaches it."""
    threshold = _at(report, ("false_positives_per_normal_image", "threshold"))
    return float("inf") if threshold is None else float(threshold)


def _has_lesions(curves: Mapping[str, Any]) -> bool:
    return any(summary["score"]["value"] is not None for summary in curves.values())


def _at(report: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = report
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _intervals(report: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every {"value", "low", "high"} of a report, with its path as a name."""
    for key, value in report.items():
        path = f"{name} · {key}" if name else key
        if isinstance(value, Mapping) and value.keys() >= {"value", "low", "high"}:
            yield path.replace("_", " "), value
        elif isinstance(value, Mapping):
            yield from _intervals(value, path)


def _facts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Rows of name and value of nested fields."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _facts(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _figure_text(figure: Mapping[str, Any]) -> str:
    """A figure with its interval: "0.731 (0.652 to 0.804)"."""
    if figure["value"] is None:
        return "–"
    interval = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure['value']:.3f}{interval}"
