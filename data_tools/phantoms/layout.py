"""Writes a folder of synthetic exams in the layout of Mini-DDSM."""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable

import numpy as np

from data_tools import processes
from data_tools.phantoms import cases, files, sheets, views
from data_tools.phantoms.cases import Stratum
from data_tools.phantoms.sheets import Row
from data_tools.phantoms.views import View
from mammo.common import progress
from mammo.common.errors import InputError

TREES = {"jpeg8": "MINI-DDSM-Complete-JPEG-8", "png16": "MINI-DDSM-Complete-PNG-16"}
MORE_MASKS = "Data-MoreThanTwoMasks"
LEAST_HEIGHT_PX = 128  # below it letters and outlines are no longer such
MOST_HEIGHT_PX = 6000  # as the largest film of DDSM
_FORMAT_VERSION = 1
_IN_TREE = 2  # outlines kept beside the view; further ones lie in a folder of their own


@dataclasses.dataclass(frozen=True)
class _Task:
    """Which exam to write."""

    index: int
    stratum: Stratum
    number: int


def write_exams(
    output_dir: pathlib.Path, exams: int, seed: int = 0, *, height_px: int = 640, tree: str = "jpeg8", workers: int = 1
) -> None:
    """Writes synthetic exams in the layout of Mini-DDSM; the same arguments give the same bytes.

    Exam k is the same whatever `exams` is, and `workers` changes nothing but the time.

    Args:
        output_dir: A folder that is new or empty.
        exams: How many.
        seed: For everything that is drawn.
        height_px: Of a view, to within three in a hundred.
        tree: "jpeg8" or "png16", which has 16-bit images and, as in Mini-DDSM, no sheet of its own.
        workers: How many processes; 1 works in this one.

    Raises:
        InputError: The folder holds something, or an argument is out of its range.
    """
    _check(output_dir, exams, seed, height_px, tree, workers)
    output_dir.mkdir(parents=True, exist_ok=True)
    write = functools.partial(_write_exam, output_dir, seed, height_px, tree)
    tasks = [_Task(index, *allocated) for index, allocated in enumerate(cases.allocate(exams))]
    rows: list[Row] = []
    if workers == 1:
        with progress.bar(exams, " exam") as bar:
            for task in tasks:
                rows += write(task, bar.update)
    else:
        for of_one in processes.run(write, tasks, workers, total=exams, unit=" exam"):
            rows += of_one
    rows.sort(key=lambda row: (row.case.status, row.case.folder, row.view_name))
    if tree == "jpeg8":
        sheets.write(output_dir / TREES[tree] / "DataWMask.xlsx", rows, is_fuller=False)
    (output_dir / MORE_MASKS).mkdir(exist_ok=True)
    sheets.write(output_dir / MORE_MASKS / f"{MORE_MASKS}.xlsx", rows, is_fuller=True)
    about = {
        "notice": "Synthetic exams in the layout of Mini-DDSM: drawn by a program, of no person. Not for clinical use.",
        "format_version": _FORMAT_VERSION,
        "exams": exams,
        "seed": seed,
        "height_px": height_px,
        "tree": tree,
    }
    (output_dir / "phantom.json").write_text(json.dumps(about, indent=2) + "\n")


def _check(output_dir: pathlib.Path, exams: int, seed: int, height_px: int, tree: str, workers: int) -> None:
    if not 1 <= exams <= cases.MAX_EXAMS:
        raise InputError(f"a phantom has 1 to {cases.MAX_EXAMS} exams, not {exams}; give another --exams.")
    if seed < 0:
        raise InputError(f"a seed is 0 or more, not {seed}; give another --seed.")
    if not LEAST_HEIGHT_PX <= height_px <= MOST_HEIGHT_PX:
        raise InputError(
            f"a view is {LEAST_HEIGHT_PX} to {MOST_HEIGHT_PX} px high, not {height_px}; give another --height_px."
        )
    if tree not in TREES:
        raise InputError(f"there is no tree {tree!r}; give one of {', '.join(TREES)}.")
    if workers < 1:
        raise InputError(f"it takes at least one worker, not {workers}; give another --workers.")
    if output_dir.exists() and not output_dir.is_dir():
        raise InputError(f"{output_dir} is a file; give the name of a new folder.")
    if output_dir.is_dir() and any(output_dir.iterdir()):
        raise InputError(f"{output_dir} already holds something; give a new folder, or empty this one.")


def _write_exam(
    output_dir: pathlib.Path,
    seed: int,
    height_px: int,
    tree: str,
    task: _Task,
    count: Callable[[], object],
) -> list[Row]:
    """Writes one exam under temporary names, renames it, and returns its rows of the sheets."""
    planning, noting, *drawing = (np.random.default_rng(s) for s in np.random.SeedSequence((seed, task.index)).spawn(6))
    case = cases.plan(task.stratum, task.number, planning)
    in_tree = output_dir / TREES[tree] / case.status / case.folder
    in_more = output_dir / MORE_MASKS / case.status / case.folder
    drawn: dict[tuple[str, str], View] = {}
    rows = []
    pairs = [(side, projection) for side in cases.SIDES for projection in cases.PROJECTIONS]
    for (side, projection), rng in zip(pairs, drawing, strict=True):
        view = views.draw(case, side, projection, height_px, rng)
        drawn[side, projection] = view
        row = Row(case, side, projection, len(view.abnormalities))
        rows.append(row)
        _write_view(view, row, _partial(in_tree), _partial(in_more), ".jpg" if tree == "jpeg8" else ".png")
    ics = _partial(in_tree) / f"{case.case_id.replace('_', '-')}.ics"
    ics.write_text(files.ics_text(case, drawn, noting))
    for folder in (in_more, in_tree):
        if _partial(folder).exists():
            _partial(folder).rename(folder)
    count()
    return rows


def _partial(folder: pathlib.Path) -> pathlib.Path:
    return folder.with_name(f".{folder.name}.partial")


def _write_view(view: View, row: Row, in_tree: pathlib.Path, in_more: pathlib.Path, suffix: str) -> None:
    in_tree.mkdir(parents=True, exist_ok=True)
    files.write_view(in_tree / f"{row.view_name}{suffix}", view.grey)
    height_px, width_px = view.grey.shape
    boundaries = []
    for number, (lesion, outline_px) in enumerate(view.abnormalities, 1):
        boundary = files.full_scan_boundary(outline_px, height_px, width_px)
        boundaries.append((lesion, boundary))
        name = row.view_name + files.mask_name(row.case.status, number)
        folder = in_tree if number <= _IN_TREE else in_more
        folder.mkdir(parents=True, exist_ok=True)
        mask = folder / f"{name}{suffix if number <= _IN_TREE else '.png'}"
        files.write_mask(mask, boundary // 2, height_px, width_px)
    if boundaries:
        (in_tree / f"{row.view_name}.OVERLAY").write_text(files.overlay_text(boundaries))
