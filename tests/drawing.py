"""Draws simple views whose answer is known: a half ellipse of tissue, discs on it, and what films have besides."""

import pathlib

import cv2
import numpy as np

BACKGROUND, TISSUE, DISC, WHITE = 8, 110, 190, 255


def draw_view(
    height_px: int = 400,
    width_px: int = 260,
    *,
    chest_wall: str = "left",
    discs: tuple[tuple[int, int, int], ...] = (),
    is_16_bit: bool = False,
    seed: int = 0,
) -> np.ndarray:
    """Returns uint8 or uint16 [H, W]: a breast of half the height, with discs (x, y, radius_px) on it."""
    view = np.full((height_px, width_px), BACKGROUND, np.float32)
    wall_x = 0 if chest_wall == "left" else width_px - 1
    axes = (round(0.6 * width_px), round(0.35 * height_px))
    cv2.ellipse(view, (wall_x, height_px // 2), axes, 0, 0, 360, (TISSUE,), -1, cv2.LINE_AA)
    for x, y, radius in discs:
        cv2.circle(view, (x, y), radius, (DISC,), -1)
    view += np.random.default_rng(seed).normal(0, 1.0, view.shape).astype(np.float32)
    view = np.clip(view, 0, 255)
    return np.round(view * 257).astype(np.uint16) if is_16_bit else np.round(view).astype(np.uint8)


def letter(view: np.ndarray, text: str, xy_px: tuple[int, int], scale: float) -> None:
    """Writes in white on a view, in place, as a marker on film does; `xy_px` is the text's lower left corner."""
    cv2.putText(view, text, xy_px, cv2.FONT_HERSHEY_SIMPLEX, scale, (WHITE,), round(3 * scale))


def write(path: pathlib.Path, pixels: np.ndarray) -> pathlib.Path:
    """Writes an image as its suffix says, and returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path
