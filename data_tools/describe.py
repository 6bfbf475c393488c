"""Describes a data set as it is given: a page with counts, figures and examples, statistics.json and rejected.csv."""

import itertools
import json
import logging
import os
import pathlib
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from absl import flags

from data_tools import annotated_views, description, figures, outlines, statistics
from data_tools.description import Example
from data_tools.source import Lesion, ListedExam, ListedView, Source
from data_tools.sources import opening
from data_tools.statistics import Tables
from mammo.clinical import labels
from mammo.common import cli, csv_text, files
from mammo.common.errors import ImageError
from mammo.imaging import pixel_path
from mammo.imaging.image_file import ImageFile

_SOURCE = flags.DEFINE_enum("source", "mini_ddsm", opening.NAMES, "What kind of data set --data_dir holds.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the data set.", required=True)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for the page and its two tables.", required=True)
_LABELS = flags.DEFINE_enum("labels", "overlay", opening.LABELS, "As //data_tools:convert takes it.")
_TREE = flags.DEFINE_enum("tree", "auto", opening.TREES, "As //data_tools:convert takes it.")
_LIMIT = flags.DEFINE_integer("limit", 0, "Describe only the first so many exams; 0: all.", lower_bound=0)
_WORKERS = flags.DEFINE_integer("workers", os.cpu_count() or 1, "Processes.", lower_bound=1)

_EXAMPLES_EACH = 2
_MOST_TRIED = 10  # views, to find as many that can be drawn: headers tell nothing of the pixels
_EXAMPLE_HEIGHT_PX = 620


def main() -> None:
    """Reads the data set, writes the page and says where it is."""
    data_dir, output_dir = cli.user_path(_DATA_DIR.value), cli.user_path(_OUTPUT_DIR.value)
    source = opening.open_source(_SOURCE.value, data_dir, _LABELS.value, _TREE.value)
    exams = source.list_exams()
    exams = exams[: _LIMIT.value] if _LIMIT.value else exams
    tables = statistics.gather(source, exams, _WORKERS.value)
    rejected = [(path.removeprefix(f"{data_dir}/"), reason) for path, reason in tables.rejected.to_numpy().tolist()]
    page = description.render(
        f"{data_dir.name} ({source.name})",
        tables,
        rejected,
        _examples(source, exams, tables),
        is_synthetic=opening.is_synthetic(data_dir),
    )
    output_dir.mkdir(parents=True, exist_ok=True)
    files.write_text(output_dir / "statistics.json", json.dumps(statistics.summarise(tables), indent=2) + "\n")
    files.write_text(output_dir / description.REJECTED_FILE, csv_text.table(("path", "reason"), rejected))
    files.write_text(output_dir / "describe.html", page)
    print(f"Wrote {output_dir / 'describe.html'}, statistics.json and {description.REJECTED_FILE}.")


def _examples(source: Source, exams: list[ListedExam], tables: Tables) -> list[Example]:
    """Draws the lesions that lie nearest to the median size of their pathology: typical ones, not the best."""
    paths: dict[str, list[str]] = {}
    for label in labels.LESION_NAMES:
        lesions = tables.lesions[tables.lesions.pathology == label].drop_duplicates("patient_id")
        typical = (lesions.length_px - lesions.length_px.median()).abs().sort_values(kind="stable").index
        paths[label] = lesions.path[typical[:_MOST_TRIED]].tolist()
    wanted = {path for of_label in paths.values() for path in of_label}
    listed = {str(view.path): (exam, view) for exam in exams for view in exam.views if str(view.path) in wanted}
    return [
        example
        for of_label in paths.values()
        for example in itertools.islice(_drawn(source, [listed[path] for path in of_label]), _EXAMPLES_EACH)
    ]


def _drawn(source: Source, views: Iterable[tuple[ListedExam, ListedView]]) -> Iterator[Example]:
    """Yields the examples that can be drawn: one damaged view of thousands does not cost the page."""
    for exam, view in views:
        try:
            yield _example(source, exam, view)
        except ImageError as error:
            logging.warning("%s; it is no example.", error)


def _example(source: Source, exam: ListedExam, view: ListedView) -> Example:
    pixels, annotation = annotated_views.read(source, exam, view)
    lesions = annotation.lesions
    lesion = max(lesions, key=lambda lesion: lesion.pathology)
    breast = pixel_path.find_breast(view.path, pixels)
    crop = pixel_path.prepare_crop_about(pixels, breast, np.array(lesion.box_xyxy_px)).image
    scale = _EXAMPLE_HEIGHT_PX / pixels.shape[0]
    size_xy = (round(pixels.shape[1] * scale), _EXAMPLE_HEIGHT_PX)
    span = max(breast.dense_level - breast.background_level, 1)
    shown = cv2.resize(pixels, size_xy, interpolation=cv2.INTER_AREA).astype(np.float32)
    shown = np.clip((shown - breast.background_level) / span, 0, 1)
    boxes = [[value * scale for value in lesion.box_xyxy_px] for lesion in lesions]
    label = lesion.pathology.title
    facts = [view.caption, label, lesion.kind if lesion.kind != "unknown" else ""]
    facts += [f"subtlety {lesion.subtlety}" if lesion.subtlety else ""]
    svg = figures.isolated_lesion(shown, _region(view, lesions, pixels.shape, size_xy), crop, boxes, label)
    return Example(", ".join(filter(None, facts)), svg)


def _region(
    view: ListedView, lesions: tuple[Lesion, ...], shape: tuple[int, ...], size_xy: tuple[int, int]
) -> np.ndarray:
    """Returns bool [H, W] of `size_xy`: inside the outlines; inside the boxes where a lesion has no mask file."""
    region = np.zeros(shape, bool)
    for lesion in lesions:
        path = view.outline_paths.get(lesion.outline_index, pathlib.Path())
        x_min, y_min, x_max, y_max = (round(value) for value in lesion.box_xyxy_px)
        try:
            filled = outlines.fill(outlines.find_line(ImageFile(path).read_pixels())).astype(np.uint8)
            region |= cv2.resize(filled, shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        except ImageError:
            region[y_min:y_max, x_min:x_max] = True
    return cv2.resize(region.astype(np.uint8), size_xy, interpolation=cv2.INTER_AREA) > 0


if __name__ == "__main__":
    cli.run(main)
