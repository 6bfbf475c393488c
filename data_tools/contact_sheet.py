"""Draws what the pixel path makes of a data set, to look at before converting it.

Each cell shows a file as it was given, with the breast that was found (green), what was taken for film border,
lettering and tape (red), the crop (blue) and the outlined lesions (magenta); and beside it what a model sees.
"""

import dataclasses
import functools
import itertools
import math
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np
from absl import flags

from data_tools import annotated_views, processes
from data_tools.source import ListedExam, ListedView, Source
from data_tools.sources import opening
from mammo.common import cli, files
from mammo.common.errors import ImageError
from mammo.imaging import pixel_path
from mammo.imaging.breasts import Breast

_SOURCE = flags.DEFINE_enum("source", "mini_ddsm", opening.NAMES, "What kind of data set --data_dir holds.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the data set.", required=True)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for the sheets, PNG files.", required=True)
_LABELS = flags.DEFINE_enum("labels", "overlay", opening.LABELS, "As //data_tools:convert takes it.")
_TREE = flags.DEFINE_enum("tree", "auto", opening.TREES, "As //data_tools:convert takes it.")
_HEIGHT = flags.DEFINE_integer("height", 1024, "Height of a view, in pixels.", lower_bound=32)
_WIDTH = flags.DEFINE_integer("width", 640, "Width of a view, in pixels.", lower_bound=32)
_LIMIT = flags.DEFINE_integer("limit", 100, "At most so many exams, drawn evenly from all; 0: all.", lower_bound=0)
_WORKERS = flags.DEFINE_integer("workers", os.cpu_count() or 1, "Processes.", lower_bound=1)

CELL_HEIGHT_PX = 288
COLUMNS, ROWS = 6, 5

_GREEN, _RED, _BLUE, _MAGENTA, _WHITE = (80, 220, 80), (60, 60, 230), (255, 160, 60), (255, 80, 255), (255, 255, 255)
_GAMMA = 0.6  # shows the skin line, which is what a crop could cut

_ListedPair = tuple[ListedExam, ListedView]


@dataclasses.dataclass(frozen=True)
class _Drawing:
    source: Source
    height_px: int
    width_px: int


def main() -> None:
    """Draws the sheets and says where they are."""
    data_dir, output_dir = cli.user_path(_DATA_DIR.value), cli.user_path(_OUTPUT_DIR.value)
    source = opening.open_source(_SOURCE.value, data_dir, _LABELS.value, _TREE.value)
    exams = source.list_exams()
    step = max(len(exams) / _LIMIT.value, 1) if _LIMIT.value else 1
    drawn = _every(exams, step)
    views = sum(len(exam.views) for exam in drawn)
    sheets = math.ceil(views / (COLUMNS * ROWS))
    digits = max(len(str(sheets - 1)), 3)  # names of one length sort in the order of the sheets
    tasks = ((output_dir / f"contact_sheet_{index:0{digits}d}.png", of_one) for index, of_one in _sheets(drawn))
    output_dir.mkdir(parents=True, exist_ok=True)
    draw = functools.partial(_draw_sheet, _Drawing(source, _HEIGHT.value, _WIDTH.value))
    refused = sum(processes.run(draw, tasks, _WORKERS.value, total=views, unit=" view"))
    print(f"Wrote {sheets} sheets of {views} views to {output_dir}; {refused} views cannot be used.")


def _every(exams: Sequence[ListedExam], step: float) -> list[ListedExam]:
    return [exams[int(place)] for place in np.arange(0, len(exams), step)]


def _sheets(exams: Iterable[ListedExam]) -> Iterator[tuple[int, list[_ListedPair]]]:
    """Yields the views of each sheet with its number, as they are asked for."""
    views = ((exam, view) for exam in exams for view in exam.views)
    for index in itertools.count():
        of_one = list(itertools.islice(views, COLUMNS * ROWS))
        if not of_one:
            return
        yield index, of_one


def _draw_sheet(
    drawing: _Drawing, sheet: tuple[pathlib.Path, list[_ListedPair]], after_view: Callable[[], None]
) -> int:
    """Draws one sheet; returns how many of its views cannot be used."""
    path, views = sheet
    cells, refused = [], 0
    for exam, view in views:
        try:
            cells.append(_cell(drawing, exam, view))
        except ImageError as error:
            cells.append(_refusal(error.reason))
            refused += 1
        _caption(cells[-1], view.caption)
        after_view()
    with files.replacing(path) as partial:
        partial.write_bytes(cv2.imencode(".png", _grid(cells))[1].tobytes())
    return refused


def _cell(drawing: _Drawing, exam: ListedExam, view: ListedView) -> np.ndarray:
    pixels, annotation = annotated_views.read(drawing.source, exam, view)
    boxes = np.array([lesion.box_xyxy_px for lesion in annotation.lesions], np.float64).reshape(-1, 4)
    breast = pixel_path.find_breast(view.path, pixels)
    prepared = pixel_path.prepare_view(pixels, breast, drawing.height_px, drawing.width_px, boxes)
    given = _given(pixels, breast, prepared.placement.window_xyxy_px, boxes)
    seen = _to_cell_height(prepared.image)
    _draw_boxes(seen, prepared.placement.to_output(boxes) * (CELL_HEIGHT_PX / drawing.height_px), _MAGENTA)
    gap = np.full((CELL_HEIGHT_PX, 4, 3), 60, np.uint8)
    return np.hstack([given, gap, seen])


def _given(
    pixels: np.ndarray, breast: Breast, window_xyxy_px: tuple[int, int, int, int], boxes_xyxy_px: np.ndarray
) -> np.ndarray:
    low, high = breast.background_level, max(breast.dense_level, breast.background_level + 1)
    given = _to_cell_height(np.clip((pixels.astype(np.float32) - low) / (high - low), 0, 1))
    size_xy = given.shape[1::-1]
    given[cv2.resize(breast.foreign, size_xy, interpolation=cv2.INTER_NEAREST) > 0] = _RED
    mask = cv2.resize(breast.mask, size_xy, interpolation=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(given, outlines, -1, _GREEN, 1)
    scale = CELL_HEIGHT_PX / pixels.shape[0]
    _draw_boxes(given, np.array([window_xyxy_px]) * scale, _BLUE)
    _draw_boxes(given, boxes_xyxy_px * scale, _MAGENTA)
    return given


def _to_cell_height(image: np.ndarray) -> np.ndarray:
    """Turns float32 [H, W] in [0, 1] into uint8 [CELL_HEIGHT_PX, w, 3]."""
    width_px = max(round(image.shape[1] * CELL_HEIGHT_PX / image.shape[0]), 1)
    small = cv2.resize(image, (width_px, CELL_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(np.round(255 * small**_GAMMA).astype(np.uint8), cv2.COLOR_GRAY2BGR)


def _draw_boxes(image: np.ndarray, boxes_xyxy_px: np.ndarray, colour: tuple[int, int, int]) -> None:
    for x_min, y_min, x_max, y_max in np.round(boxes_xyxy_px).astype(int).tolist():
        cv2.rectangle(image, (x_min, y_min), (x_max - 1, y_max - 1), colour, 1)


def _refusal(reason: str) -> np.ndarray:
    cell = np.full((CELL_HEIGHT_PX, CELL_HEIGHT_PX, 3), 40, np.uint8)
    words = reason.split()
    for line in range(0, len(words), 5):
        y = 120 + 5 * line
        cv2.putText(
            cell, " ".join(words[line : line + 5]), (6, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _RED, 1, cv2.LINE_AA
        )
    return cell


def _caption(cell: np.ndarray, text: str) -> None:
    cell[:16] //= 3
    cv2.putText(cell, text, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _WHITE, 1, cv2.LINE_AA)


def _grid(cells: list[np.ndarray]) -> np.ndarray:
    """Places cells of one height and several widths in rows."""
    width_px = max(cell.shape[1] for cell in cells) + 6
    padded = [np.pad(cell, ((0, 6), (0, width_px - cell.shape[1]), (0, 0)), constant_values=60) for cell in cells]
    padded += [np.full_like(padded[0], 60)] * (-len(padded) % COLUMNS)
    rows = [np.hstack(padded[start : start + COLUMNS]) for start in range(0, len(padded), COLUMNS)]
    return np.vstack(rows)


if __name__ == "__main__":
    cli.run(main)
