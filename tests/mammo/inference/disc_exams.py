"""Exams of drawn views, with discs that `bright_disc` finds."""

import pathlib
from collections.abc import Sequence

import cv2
import numpy as np

from tests import drawing

DISC = (150, 320, 24)
"""Column and row of its middle, and its radius, in pixels of a view."""


def draw(*discs: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Draws a view with some discs: uint8 [640, 416]."""
    view = drawing.draw_view(640, 416, seed=seed)
    view[view > 60] -= 40
    for x, y, radius in discs:
        cv2.circle(view, (x, y), radius, (250,), -1)
    return view


def write_exam(folder: pathlib.Path, **discs: Sequence[tuple[int, int, int]]) -> pathlib.Path:
    """Writes views by name, such as LEFT_CC, and returns the folder."""
    for number, (name, given) in enumerate(discs.items()):
        drawing.write(folder / f"C_0001_1.{name}.png", draw(*given, seed=number))
    return folder
