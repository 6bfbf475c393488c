"""The figures of the description, each as an SVG to stand inside a page."""

import io
from collections.abc import Mapping, Sequence

import cv2
import matplotlib
import matplotlib.axes
import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd

from mammo.clinical import labels
from mammo.common import colours
from mammo.reports import style

matplotlib.rcParams.update({**style.FIGURE, "axes.grid.axis": "y"})

_COLOURS = colours.OF_LABEL


def age_histogram(patients: pd.DataFrame) -> str:
    """Patients by age in steps of five years, one line a status (the study's figure 3.1)."""
    figure, axes = _figure()
    edges = np.arange(20, 101, 5).tolist()
    for label, colour in _COLOURS.items():
        ages = patients.age_years[patients.status == label].dropna().astype(float)
        if len(ages):
            axes.hist(ages, edges, histtype="stepfilled", color=colour, alpha=0.18)
            axes.hist(ages, edges, histtype="step", color=colour, linewidth=1.8, label=f"{label}, n = {len(ages):,}")
    axes.set(xlabel="age in years", ylabel="patients")
    _legend_above(axes)
    return _svg(figure)


def mean_age(means: Mapping[str, Mapping[str, float]]) -> str:
    """Mean age by status, with 95 % intervals (the study's figure 3.2)."""
    figure, axes = _figure()
    shown = {label: mean for label, mean in means.items() if mean["n"]}
    for place, (label, mean) in enumerate(shown.items()):
        half = mean["high"] - mean["mean"]
        axes.errorbar(
            place, mean["mean"], yerr=half, fmt="o", color=_COLOURS[label], capsize=5, markersize=8, linewidth=2
        )
        axes.annotate(f"{mean['mean']:.1f}", (place, mean["mean"]), (10, -3), textcoords="offset points")
    axes.set_xticks(range(len(shown)), [f"{label}\nn = {mean['n']:,}" for label, mean in shown.items()])
    axes.set(ylabel="mean age in years, 95 % interval")
    axes.margins(x=0.35, y=0.25)
    return _svg(figure)


def balance(before_and_after: Mapping[str, Mapping[str, float]]) -> str:
    """Views by label before and after balancing (the study's figures 3.3 and 3.4)."""
    figure, axes = _figure()
    width = 0.26
    for place, label in enumerate(_COLOURS):
        heights = [counts[label] for counts in before_and_after.values()]
        bars = axes.bar(
            np.arange(len(heights)) + (place - 1) * width,
            heights,
            width * 0.92,
            color=_COLOURS[label],
            label=label,
        )
        axes.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=6.5, color=colours.LABEL)  # "18,211" fits its bar
    axes.set_xticks(range(len(before_and_after)), list(before_and_after))
    axes.set(ylabel="views")
    _legend_above(axes)
    return _svg(figure)


def lesion_sizes(lesions: pd.DataFrame) -> str:
    """Longer side of the outlines, by pathology: in mm where the spacing is known, in pixels where it never is."""
    is_mm = lesions.length_mm.notna().any()
    column, unit = ("length_mm", "mm") if is_mm else ("length_px", "pixels")
    figure, axes = _figure()
    known = lesions[lesions[column].notna()]
    edges = np.linspace(0, np.ceil(float(known[column].quantile(0.99))) if len(known) else 1, 26).tolist()
    for label in labels.LESION_NAMES:
        lengths = known[column][known.pathology == label].astype(float)
        if len(lengths):
            name = f"{label}, n = {len(lengths):,}, median {lengths.median():.0f} {unit}"
            axes.hist(np.minimum(lengths, edges[-1]), edges, histtype="stepfilled", color=_COLOURS[label], alpha=0.25)
            axes.hist(
                np.minimum(lengths, edges[-1]),
                edges,
                histtype="step",
                color=_COLOURS[label],
                linewidth=1.8,
                label=name,
            )
    axes.set(xlabel=f"longer side of the outline in {unit}; the largest 1 % in the last bar", ylabel="lesions")
    _legend_above(axes, columns=1)  # two such names side by side are wider than the figure
    return _svg(figure)


def bars_by_label(table: pd.DataFrame, column: str, xlabel: str, ylabel: str, label_column: str) -> str:
    """Rows of a table by the values of a column, stacked by label; what is unknown has a bar of its own."""
    named = table[column].map(
        lambda value: f"{value:g}" if isinstance(value, float) else str(value), na_action="ignore"
    )
    counts = pd.crosstab(named.fillna("unknown"), table[label_column])
    figure, axes = _figure()
    base = np.zeros(len(counts))
    for label, colour in _COLOURS.items():
        if label in counts and counts[label].any():
            axes.bar(range(len(counts)), counts[label], 0.62, base, color=colour, label=label)
            base += counts[label].to_numpy()
    for place, height in enumerate(base):
        axes.annotate(f"{int(height):,}", (place, height), (0, 3), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xticks(range(len(counts)), list(counts.index))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_ylim(0, 1.12 * max(base, default=1))  # a margin would end at a bar of no height on the tallest
    _legend_above(axes)
    return _svg(figure)


def isolated_lesion(
    view: np.ndarray, region: np.ndarray, crop: np.ndarray, boxes: Sequence[Sequence[float]], label: str
) -> str:
    """A view, its filled mask, their product, and the crop a classifier sees (the study's figures 2.10 and 2.14).

    Args:
        view: float32 [H, W] in [0, 1].
        region: bool [H, W], inside the outlines.
        crop: float32 [h, w] in [0, 1].
        boxes: [x_min, y_min, x_max, y_max] of each outline, in pixels of the view.
        label: "benign" or "cancer".
    """
    figure = matplotlib.figure.Figure(figsize=(9.2, 3.6), layout="constrained")
    panels = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.25])
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    titles = ("the view and its outline", "the outline, filled", "their product", "the crop, with context")
    for panel, picture, title in zip(panels, (view, region, view * region, crop), titles, strict=True):
        panel.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
        panel.set_title(title, fontsize=9, color=colours.LABEL)
        panel.set_axis_off()
    for contour in contours:
        panels[0].plot(*np.vstack([contour[:, 0], contour[:1, 0]]).T, color=_COLOURS[label], linewidth=1.2)
    for x_min, y_min, x_max, y_max in boxes:
        corners = [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max), (x_min, y_min)]
        panels[2].plot(*np.array(corners).T, color=_COLOURS[label], linewidth=0.8)
    return _svg(figure)


def _figure() -> tuple[matplotlib.figure.Figure, matplotlib.axes.Axes]:
    figure = matplotlib.figure.Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = figure.subplots()
    axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:,.0f}"))
    axes.tick_params(length=0)
    return figure, axes


def _legend_above(axes: matplotlib.axes.Axes, columns: int = 3) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _svg(figure: matplotlib.figure.Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
