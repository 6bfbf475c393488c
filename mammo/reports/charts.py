"""The charts of a report, each as an SVG to put into a page."""

import io
import itertools
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.axes
import matplotlib.figure
import matplotlib.ticker
import numpy as np

from mammo.common import colours, templates
from mammo.common.json_types import Interval
from mammo.metrics.figures import Confusion, FrocSummary, ReliabilityBin, RocCurve
from mammo.reports import style

_Dashes = str | tuple[float, tuple[float, ...]]
_DASHES: tuple[_Dashes, ...] = ("-", (0, (5, 2)), (0, (2, 1.5)), "-.")  # for grey paper, where colours look alike
_MOST_POINTS = 400


def froc(curves: Mapping[str, FrocSummary], names: Mapping[str, str]) -> str:
    """Draws sensitivity against false positives an image, from 1/8 to 8, with the 95 % interval of each curve.

    Args:
        curves: Curves by rule, as `mammo.metrics.froc.summarise` returns them.
        names: Their names in the legend.
    """
    with mpl.rc_context(style.FIGURE):
        figure, axes = _figure(6.4, 4.0)
        for (key, summary), colour, dashes in zip(curves.items(), colours.SERIES, _DASHES, strict=False):
            _draw_curve(axes, summary, names.get(key, key), colour, dashes)
        axes.set_xscale("log", base=2)
        axes.set(xlim=(1 / 8, 8), ylim=(0, 1.02), xlabel="false positives an image", ylabel="sensitivity")
        axes.set_xticks([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8], ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(_percent())
        _legend_above(axes)
        return _svg(figure)


def roc(curves: Mapping[str, RocCurve], areas: Mapping[str, Interval], names: Mapping[str, str]) -> str:
    """Draws sensitivity against the fraction of negative cases that raise an alarm.

    Args:
        curves: Curves by any name, as `mammo.metrics.roc.curve` returns them; those without points are left out.
        areas: The area of each, for the legend.
        names: Their names in the legend.
    """
    with mpl.rc_context(style.FIGURE):
        figure, axes = _figure(4.6, 4.6)
        axes.plot([0, 1], [0, 1], color=colours.FAINT, linewidth=1)  # guessing
        for (key, points), colour, dashes in zip(curves.items(), colours.SERIES, _DASHES * 2, strict=False):
            x, y = points["false_positive_rate"], points["sensitivity"]
            if x:
                label = f"{names.get(key, key)}: {templates.figure_text(areas[key], 2)}"
                axes.plot(x, y, color=colour, linestyle=dashes, linewidth=1.8, label=label, clip_on=False)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="1 - specificity", ylabel="sensitivity", aspect="equal")
        _in_percent(axes)
        _legend_above(axes, columns=1)
        return _svg(figure)


def confusion(counted: Confusion) -> str:
    """Draws a confusion matrix: each count with its share of the row, which holds one true class."""
    labels, matrix = counted["labels"], np.array(counted["counts"], np.float64)
    of_rows = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, of_rows, out=np.zeros_like(matrix), where=of_rows > 0)
    places, centers = range(len(labels)), np.arange(len(labels)) + 0.5
    with mpl.rc_context(style.FIGURE):
        figure, axes = _figure(1.6 + 1.1 * len(labels), 1.1 + 0.9 * len(labels))
        axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
        axes.invert_yaxis()
        axes.grid(visible=False)
        for row, column in itertools.product(places, places):
            share = f"\n{100 * shares[row, column]:.0f} %" if of_rows[row, 0] else ""
            colour = "white" if shares[row, column] > 0.55 else colours.INK  # noqa: PLR2004  # dark enough a blue
            text = f"{int(matrix[row, column]):,}{share}"
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, linespacing=1.4)
        axes.set_xticks(centers, labels)
        sizes = zip(labels, of_rows[:, 0].astype(int), strict=True)
        axes.set_yticks(centers, [f"{label} ({count:,})" for label, count in sizes])
        axes.set(xlabel="predicted", ylabel="true")
        axes.spines[:].set_visible(False)
        return _svg(figure)


def reliability(bins: Sequence[ReliabilityBin]) -> str:
    """Draws the fraction that is true against the probability given, with intervals, above a histogram.

    Args:
        bins: As `mammo.metrics.calibration_error.reliability` returns them.
    """
    with mpl.rc_context(style.FIGURE):
        figure = matplotlib.figure.Figure(figsize=(4.6, 4.6), layout="constrained")
        colour = colours.SERIES[0]
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        axes.plot([0, 1], [0, 1], color=colours.FAINT, linewidth=1)  # perfect calibration
        x = np.array([row["confidence"] for row in bins])
        shares = [row["right_share"] for row in bins]
        y = np.array([share["value"] for share in shares])
        if all(share["low"] is not None for share in shares):
            axes.vlines(x, [share["low"] for share in shares], [share["high"] for share in shares], color=colour)
        axes.plot(x, y, "o-", color=colour, linewidth=1, markersize=5, clip_on=False)
        axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="fraction that is true")
        widths = [row["to"] - row["from"] for row in bins]
        below.bar([row["from"] for row in bins], [row["n"] for row in bins], widths, align="edge", color=colour)
        below.set(xlabel="probability given", ylabel="images")
        below.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(2, integer=True))
        _in_percent(axes)
        for part in (axes, below):
            part.tick_params(length=0, pad=5)
        return _svg(figure)


def history(rows: Sequence[Mapping[str, float]]) -> list[tuple[str, str]]:
    """Draws the rows of metrics.jsonl: a title and a chart for each kind of figure that they hold."""
    panels: dict[str, list[str]] = {"Loss": [], "Learning rate": [], "Validation": []}
    for key in sorted({key for row in rows for key in row}):
        panel = _panel(key)
        if panel and len(_points(rows, key)[0]):
            panels[panel].append(key)
    return [(title, _lines(rows, keys, title)) for title, keys in panels.items() if keys]


def _draw_curve(axes: matplotlib.axes.Axes, summary: FrocSummary, name: str, colour: str, dashes: _Dashes) -> None:
    figures = {float(rate): figure["value"] for rate, figure in summary["sensitivity_at"].items()}
    named = {rate: value for rate, value in figures.items() if value is not None}
    if len(named) < len(figures):  # there is no lesion
        return
    alarms, found = (np.array(summary["curve"][key]) for key in ("false_positives_per_image", "sensitivity"))
    is_shown = (alarms > min(named)) & (alarms < max(named))
    # The curve of a finite set of lesions is a staircase: it rises where a lesion is found, and is level between.
    x = np.concatenate([[min(named)], alarms[is_shown], [max(named)]])
    y = np.concatenate([[named[min(named)]], found[is_shown], [named[max(named)]]])
    axes.step(x, y, where="post", color=colour, linestyle=dashes, linewidth=1.8, label=name)
    axes.plot(list(named), list(named.values()), "o", color=colour, markersize=4, clip_on=False)
    low, high = (np.array(summary["band"][key], np.float64) for key in ("low", "high"))  # None becomes NaN
    if np.isfinite(low).all():
        rates = summary["band"]["false_positives_per_image"]
        axes.fill_between(rates, low, high, color=colour, alpha=0.14, linewidth=0)


def _panel(key: str) -> str | None:
    """Returns the chart that a figure of metrics.jsonl belongs to; None: it is not drawn."""
    if "learning_rate" in key:
        return "Learning rate"
    if "loss" in key:
        return "Loss"
    watched = ("/score", "/sensitivity_at_1", "average_precision", "auc", "accuracy", "f1")
    return "Validation" if any(key.endswith(name) or f"{name}_" in key for name in watched) else None


def _points(rows: Sequence[Mapping[str, float]], key: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(row["step"], row[key]) for row in rows if isinstance(row.get(key), int | float)]
    points = np.array([pair for pair in pairs if np.isfinite(pair[1])], np.float64).reshape(-1, 2)
    return points[:, 0], points[:, 1]


def _lines(rows: Sequence[Mapping[str, float]], keys: Sequence[str], title: str) -> str:
    with mpl.rc_context(style.FIGURE):
        figure, axes = _figure(5.2, 3.1)
        for (index, key), colour in zip(enumerate(keys), itertools.cycle(colours.SERIES), strict=False):
            steps, values = _thinned(*_points(rows, key))
            marker = "o" if len(steps) < 30 else ""  # noqa: PLR2004  # few enough to be seen one by one
            dashes = _DASHES[index // len(colours.SERIES) % len(_DASHES)]
            axes.plot(
                steps, values, color=colour, linestyle=dashes, linewidth=1.5, marker=marker, markersize=3, label=key
            )
        axes.set(xlabel="step", ylabel=title.lower())
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:,.0f}"))
        _legend_above(axes)
        return _svg(figure)


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Averages neighbours where there are more points than a chart can show."""
    size = -(-len(steps) // _MOST_POINTS)
    if size <= 1:
        return steps, values
    starts = np.arange(0, len(steps), size)
    counts = np.diff(np.append(starts, len(steps)))
    return np.add.reduceat(steps, starts) / counts, np.add.reduceat(values, starts) / counts


def _figure(width_in: float, height_in: float) -> tuple[matplotlib.figure.Figure, matplotlib.axes.Axes]:
    figure = matplotlib.figure.Figure(figsize=(width_in, height_in), layout="constrained")
    axes = figure.subplots()
    axes.tick_params(length=0, pad=5)
    return figure, axes


def _in_percent(axes: matplotlib.axes.Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_percent())


def _percent() -> matplotlib.ticker.Formatter:
    return matplotlib.ticker.PercentFormatter(1.0, decimals=0, symbol=" %")


def _legend_above(axes: matplotlib.axes.Axes, columns: int = 2) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8)


def _svg(figure: matplotlib.figure.Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
