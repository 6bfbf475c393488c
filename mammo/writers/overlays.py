"""A view as a reader hangs it, with what was found drawn on it."""

import concurrent.futures
import functools
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import PIL.Image
import PIL.ImageColor
import PIL.ImageDraw
import PIL.ImageFont

from mammo.clinical import labels
from mammo.clinical.exams import ExamResult, Finding, ViewRef, ViewResult
from mammo.clinical.labels import Laterality
from mammo.common import colours, files
from mammo.imaging import placements
from mammo.imaging.breasts import Breast
from mammo.imaging.placements import Placement
from mammo.imaging.turns import UPRIGHT, Turn
from mammo.inference.service import AnsweredView
from mammo.writers.writer import About

MAX_HEIGHT_PX = 1400

CANCER_COLOUR = colours.CANCER
BENIGN_COLOUR = colours.BENIGN

_DARK = colours.DARK
_LINE_PX, _CASING_PX = 4, 2  # of an outline, and of the dark on either side of it: seen on white as on black
_GAP_PX = _LINE_PX // 2 + _CASING_PX + 1  # from the edge of a box to its tag, clear of the outline
_TAG_LINES, _MARKER_LINES = 38, 26  # of such writing that a picture has room for
_LEAST_FONT_PX = 11
_THREADS = 2  # of drawing: encoders let go of the interpreter
_STEPS = 5  # places for a tag along one side of its box
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT)

_Box = tuple[float, float, float, float]


def draw(pixels: np.ndarray, breast: Breast, view: ViewResult, turn: Turn = UPRIGHT) -> np.ndarray:
    """Draws a view and its findings.

    The right breast is hung with its chest wall at the right and the left one with its at the left, so that the two
    stand back to back. A file that is stored the other way round is mirrored, and the marker says so.

    Args:
        pixels: uint8 or uint16 [H, W], upright.
        breast: Whose grey levels are shown from film without tissue, black, to the densest tissue, white.
        view: Was read; its findings are outlined, and numbered from 1.
        turn: How the pixels of the file were turned to be upright; findings are in those of the file.

    Returns:
        uint8 [h, w, 3], RGB, at most `MAX_HEIGHT_PX` high.
    """
    placement = _hang(pixels.shape, view)
    picture = PIL.Image.fromarray(_shown(pixels, breast, placement))
    pen = PIL.ImageDraw.Draw(picture, "RGBA")
    stored_boxes = (np.array(finding.box_xyxy_px) for finding in view.findings)
    boxes = [_whole_px(placement, turn.boxes_to_upright(box, *pixels.shape)) for box in stored_boxes]
    for box, finding in reversed(list(zip(boxes, view.findings, strict=True))):  # the surest on top
        _outline(pen, box, _colour(finding))
    taken = [_mark(pen, picture.size, view, placement)]
    for index, (box, finding) in enumerate(zip(boxes, view.findings, strict=True)):
        tag = _Tag.of(index + 1, finding, picture.height)
        others = [*boxes[:index], *boxes[index + 1 :]]
        taken.append(tag.draw(pen, _place(tag, box, taken, others, picture.size)))
    return np.array(picture)


class OverlayWriter:
    """Draws `<exam_id>/<view>.png` for each view that was read, judged or not; meets `writer.Writer`."""

    def __init__(self, output_dir: pathlib.Path, about: About) -> None:
        """See `writer.Writer`."""
        self._output_dir = output_dir
        self._pool = concurrent.futures.ThreadPoolExecutor(_THREADS)
        self._drawing: list[concurrent.futures.Future[pathlib.Path]] = []

    def view(self, exam_id: str, view: AnsweredView) -> None:
        """See `writer.Writer`."""
        read, result = view
        if read.pixels is not None and read.breast is not None:
            path = self._output_dir / name_of(exam_id, result.view)
            self._drawing.append(self._pool.submit(_write, path, read.pixels, read.breast, result, read.turn))

    def exam(self, result: ExamResult) -> Sequence[pathlib.Path]:
        """See `writer.Writer`: waits until the pictures of the exam are there."""
        paths = [drawn.result() for drawn in self._drawing]
        self._drawing.clear()
        return paths

    def close(self, results: Sequence[ExamResult]) -> None:
        """See `writer.Writer`."""
        self._pool.shutdown()


def name_of(exam_id: str, view: ViewRef) -> str:
    """Returns where the picture of a view lies in the folder of the answers."""
    return f"{exam_id}/{view.name}.png"


def find(folder: pathlib.Path, exam_id: str, view: ViewRef) -> str | None:
    """Returns where the picture of a view lies in the folder of the answers; None: there is none."""
    name = name_of(exam_id, view)
    return name if (folder / name).is_file() else None


def _write(path: pathlib.Path, pixels: np.ndarray, breast: Breast, view: ViewResult, turn: Turn) -> pathlib.Path:
    """Draws a view and writes it, whole or not at all; returns where."""
    path.parent.mkdir(exist_ok=True)
    picture = draw(pixels, breast, view, turn)
    is_written, content = cv2.imencode(".png", picture[..., ::-1], _PNG)
    if not is_written:
        raise ValueError(f"a picture of shape {picture.shape} cannot be written as PNG")
    with files.replacing(path) as partial:
        partial.write_bytes(content.tobytes())
    return path


def _hang(shape: tuple[int, ...], view: ViewResult) -> Placement:
    """Where the file lies in the picture."""
    height_px, width_px = shape
    laterality = view.view.laterality
    is_mirrored = laterality is not None and (laterality == Laterality.RIGHT) != view.is_chest_wall_right
    return Placement.fit((0, 0, width_px, height_px), min(height_px, MAX_HEIGHT_PX), width_px, is_mirrored)


def _shown(pixels: np.ndarray, breast: Breast, placement: Placement) -> np.ndarray:
    """The file as it is hung, in the grey levels of its tissue: uint8 [h, w, 3]."""
    size_xy = (placement.content_width_px, placement.content_height_px)
    small = cv2.resize(pixels, size_xy, interpolation=cv2.INTER_AREA).astype(np.float32)
    low, high = breast.background_level, breast.dense_level
    grey = ((small - low) * (255 / max(high - low, 1.0))).clip(0, 255).round().astype(np.uint8)
    return np.repeat((grey[:, ::-1] if placement.is_mirrored else grey)[..., None], 3, axis=-1)


def _whole_px(placement: Placement, box_xyxy_px: np.ndarray) -> _Box:
    """A box in the picture, at whole pixels, so that its outline is crisp."""
    placed = placement.to_output(box_xyxy_px)
    clipped = placements.clip(placed, placement.content_height_px, placement.content_width_px)
    x_min, y_min, x_max, y_max = clipped.round().tolist()
    return x_min, y_min, x_max, y_max


def _outline(pen: PIL.ImageDraw.ImageDraw, box: _Box, colour: str) -> None:
    """Draws a line that has the edge of the box in its middle, between two dark ones."""
    x_min, y_min, x_max, y_max = box
    for width_px, ink in ((_LINE_PX + 2 * _CASING_PX, _DARK), (_LINE_PX, colour)):
        half = width_px // 2
        edge = (x_min - half, y_min - half, x_max - 1 + half, y_max - 1 + half)  # Pillow draws maxima too
        pen.rounded_rectangle(edge, radius=width_px, outline=ink, width=width_px)


def _colour(finding: Finding) -> str:
    return CANCER_COLOUR if finding.speaks_for_cancer else BENIGN_COLOUR


@functools.cache
def _font(height_px: int, lines: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    """The font of a picture that has room for so many lines of it."""
    return PIL.ImageFont.load_default(max(height_px / lines, _LEAST_FONT_PX))


def _mark(pen: PIL.ImageDraw.ImageDraw, size_xy: tuple[int, int], view: ViewResult, placement: Placement) -> _Box:
    """Writes the marker into the upper corner away from the chest wall, and returns the box that it takes."""
    width_px, height_px = size_xy
    lines = [(labels.marker(view.view.laterality, view.view.projection), _font(height_px, _MARKER_LINES))]
    if placement.is_mirrored:
        lines.append(("mirrored", _font(height_px, _TAG_LINES)))
    extents = [pen.textbbox((0, 0), text, font) for text, font in lines]
    margin = height_px / 90
    wide = max(right - left for left, _, right, _ in extents)
    high = sum(bottom - top for _, top, _, bottom in extents) + margin * (len(lines) - 1)
    is_at_left = view.is_chest_wall_right != placement.is_mirrored
    left_px = margin if is_at_left else width_px - wide - 3 * margin
    plate = (left_px, margin, left_px + wide + 2 * margin, high + 3 * margin)
    pen.rounded_rectangle(plate, radius=margin / 2, fill=(0, 0, 0, 150))
    y = plate[1] + margin
    for (text, font), (left, top, right, bottom) in zip(lines, extents, strict=True):
        x = plate[0] + margin if is_at_left else plate[2] - margin - (right - left)
        pen.text((x - left, y - top), text, "#ffffff", font)
        y += bottom - top + margin
    return plate


class _Tag(NamedTuple):
    """The number and the score of a finding, side by side.

    Attributes:
        number: In words.
        score: In words.
        colour: Of the finding.
        font: Of both.
        cell_px: Width of the number's part.
        width_px: Of both.
        height_px: Of both.
    """

    number: str
    score: str
    colour: str
    font: PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont
    cell_px: int
    width_px: int
    height_px: int

    @classmethod
    def of(cls, number: int, finding: Finding, picture_height_px: int) -> "_Tag":
        font = _font(picture_height_px, _TAG_LINES)
        _, _, _, high = font.getbbox("0123456789")
        pad = high / 3
        cell_px, rest_px = (round(font.getlength(text) + 2 * pad) for text in (str(number), "0.00"))
        return cls(
            str(number), f"{finding.score:.2f}", _colour(finding), font, cell_px, cell_px + rest_px, round(high + pad)
        )

    def draw(self, pen: PIL.ImageDraw.ImageDraw, corner_xy: tuple[float, float]) -> _Box:
        """Draws the tag with its upper left corner there, and returns the box that it takes."""
        x, y = corner_xy
        box = (x, y, x + self.width_px, y + self.height_px)
        edge = (x, y, box[2] - 1, box[3] - 1)
        pen.rectangle(edge, _DARK, self.colour, 2)
        pen.rectangle((x, y, x + self.cell_px - 1, edge[3]), self.colour)
        middle = y + self.height_px / 2
        pen.text((x + self.cell_px / 2, middle), self.number, _DARK, self.font, "mm")
        pen.text((x + (self.cell_px + self.width_px) / 2, middle), self.score, self.colour, self.font, "mm")
        return box


def _place(
    tag: _Tag, box: _Box, taken: Sequence[_Box], others: Sequence[_Box], size_xy: tuple[int, int]
) -> tuple[float, float]:
    """Returns where a tag hides least of what is taken, then of other boxes, then of its own: above that, if it can.

    Args:
        tag: To be placed beside its box, inside the frame.
        box: Its own.
        taken: By the marker and by other tags.
        others: The boxes of other findings.
        size_xy: Of the picture.
    """
    wide, high = tag.width_px, tag.height_px
    x_min, y_min, x_max, y_max = box
    along_x = np.linspace(x_min - _GAP_PX, x_max + _GAP_PX - wide, _STEPS)
    along_y = np.linspace(y_min - _GAP_PX, y_max + _GAP_PX - high, _STEPS)
    above, below, before, after = y_min - _GAP_PX - high, y_max + _GAP_PX, x_min - _GAP_PX - wide, x_max + _GAP_PX
    corners = [(x, y) for y in (above, below) for x in along_x] + [(x, y) for x in (after, before) for y in along_y]
    corners_xy = np.clip(np.array(corners), 0, np.maximum(np.array(size_xy) - [wide, high], 0)).round()
    hidden_px2 = [
        sum((_overlaps_px2(corners_xy, wide, high, each) for each in those), np.zeros(len(corners_xy)))
        for those in ([box], others, taken)  # numpy.lexsort goes by the last first
    ]
    x, y = corners_xy[np.lexsort(hidden_px2)[0]]
    return float(x), float(y)


def _overlaps_px2(corners_xy: np.ndarray, wide: float, high: float, box: _Box) -> np.ndarray:
    """What tags of one size, by their upper left corners [N, 2], have in common with a box: float64 [N]."""
    sides = np.minimum(corners_xy + np.array([wide, high]), box[2:]) - np.maximum(corners_xy, box[:2])
    return sides.clip(0).prod(axis=1)
