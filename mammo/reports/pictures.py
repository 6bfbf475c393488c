"""Pictures of hits, misses and false alarms: which are shown, and how they are drawn."""

import base64
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mammo.clinical import labels
from mammo.common import colours
from mammo.metrics import matching
from mammo.metrics.image_results import ImageResult
from mammo.metrics.matching import Matches, Rule

_HEIGHT = 340.0  # of a picture, in its own units, which are about pixels of a screen
_GAP = 8.0
_TAG_WIDTH, _TAG_HEIGHT = 31, 15
_MOST_OTHERS = 4  # detections shown beside the one that the picture is about
_LONGEST_SIDE_PX = 1400  # of an embedded image: enough for a close-up, and the page can be sent


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """What a picture is about.

    Attributes:
        result: The image.
        box_xyxy_px: Box to show close up, float64 [4]; None: the whole image is enough.
        detection: Index of the detection; for a lesion, the one that finds it, None where none does.
        lesion: Index of the lesion; None for a false alarm.
        caption: The text below; empty: it is made from what the detector did.
    """

    result: ImageResult
    box_xyxy_px: np.ndarray | None
    detection: int | None = None
    lesion: int | None = None
    caption: str = ""

    @property
    def score(self) -> float | None:
        """Score of the detection."""
        return None if self.detection is None else float(self.result.scores[self.detection])


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture with its caption.

    Attributes:
        caption: Plain text.
        svg: The whole view, with a close-up beside it.
    """

    caption: str
    svg: str


class Chapter(NamedTuple):
    """Pictures of one kind.

    Attributes:
        title: Heading of the chapter.
        otherwise: The text where there is no picture.
        pictures: Its pictures.
    """

    title: str
    otherwise: str
    pictures: Sequence[Picture]


def sure_hits(results: Sequence[ImageResult], rule: Rule, count: int) -> list[Subject]:
    """Returns the lesions found with the highest scores, one for each patient."""
    subjects = [
        Subject(result, result.boxes_xyxy_px[index], int(index), int(matches.lesions[index]))
        for result, matches in _matched(results, rule)
        for index in np.flatnonzero(matches.is_hit)
    ]
    return _one_a_patient(sorted(subjects, key=lambda subject: -(subject.score or 0)), count)


def worst_misses(results: Sequence[ImageResult], rule: Rule, threshold: float, count: int) -> list[Subject]:
    """Returns the lesions not found at a threshold, one for each patient: cancers first, then the lowest scores.

    Of lesions with equal scores, such as those without any detection, the largest come first.
    """
    subjects = []
    for result, matches in _matched(results, rule):
        finder_of = {int(matches.lesions[index]): int(index) for index in np.flatnonzero(matches.is_hit)}
        for lesion, box in enumerate(result.truth_boxes_xyxy_px):
            subject = Subject(result, box, finder_of.get(lesion), lesion)
            if subject.score is None or subject.score < threshold:
                subjects.append(subject)

    def badness(subject: Subject) -> tuple[int, float, float]:
        kind = int(subject.result.truth_classes[subject.lesion])
        size_px = _size_px(subject.result.truth_boxes_xyxy_px[subject.lesion])
        return -kind, -1.0 if subject.score is None else subject.score, -float(np.prod(size_px))

    return _one_a_patient(sorted(subjects, key=badness), count)


def worst_alarms(results: Sequence[ImageResult], rule: Rule, count: int) -> list[Subject]:
    """Returns the false alarms with the highest scores, one for each patient."""
    subjects = [
        Subject(result, result.boxes_xyxy_px[index], int(index), None)
        for result, matches in _matched(results, rule)
        for index in np.flatnonzero(matches.is_false_alarm)
    ]
    return _one_a_patient(sorted(subjects, key=lambda subject: -(subject.score or 0)), count)


def draw(subject: Subject, image: np.ndarray, threshold: float, name: str) -> Picture:
    """Draws one picture: truth solid, detections dashed with their scores.

    Args:
        subject: What it is about.
        image: float [H, W] in [0, 1], in whose pixels the boxes are.
        threshold: The least score that is shown; the subject's own detection is shown whatever its score.
        name: An identifier that is unique on the page.
    """
    height_px, width_px = image.shape
    scale = _HEIGHT / max(height_px, width_px)
    whole_width = width_px * scale
    panels = [_panel(subject, threshold, name, at=0.0, width=whole_width, origin=(0.0, 0.0), scale=scale)]
    if subject.box_xyxy_px is not None:
        left, top, side = _close_up(subject.box_xyxy_px, max(height_px, width_px))
        panels.append(
            _panel(
                subject, threshold, name,
                at=whole_width + _GAP, width=_HEIGHT, origin=(left, top), scale=_HEIGHT / side, is_close=True,
            )
        )  # fmt: skip
    svg = (  # as wide with a close-up as without, so that the pictures of a page are of one size
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole_width + _GAP + _HEIGHT:.1f} {_HEIGHT:.0f}" '
        f'role="img"><defs><image id="{name}" width="{width_px}" height="{height_px}" preserveAspectRatio="none" '
        f'href="{_data_uri(image)}"/></defs>{"".join(panels)}</svg>'
    )
    return Picture(subject.caption or _caption(subject, threshold), svg)


def draw_all(
    subjects: Iterable[Subject], image_of: Callable[[int], np.ndarray], threshold: float, name: str
) -> list[Picture]:
    """Draws pictures with one image in memory at a time; `image_of` returns the image of a key."""
    return [
        draw(subject, image_of(subject.result.key), threshold, f"{name}-{index}")
        for index, subject in enumerate(subjects)
    ]


def _matched(results: Sequence[ImageResult], rule: Rule) -> list[tuple[ImageResult, Matches]]:
    return [(result, matching.match(result, rule)) for result in results]


def _one_a_patient(subjects: Sequence[Subject], count: int) -> list[Subject]:
    first: dict[str, Subject] = {}
    for subject in subjects:
        first.setdefault(subject.result.patient_id, subject)
    return list(first.values())[:count]


def _panel(
    subject: Subject,
    threshold: float,
    name: str,
    *,
    at: float,
    width: float,
    origin: tuple[float, float],
    scale: float,
    is_close: bool = False,
) -> str:
    """Draws one panel: the pixel at `origin` at its top left, `scale` units for each pixel."""
    moved = f"translate({-origin[0] * scale:.2f} {-origin[1] * scale:.2f}) scale({scale:.5f})"
    parts = [f'<rect width="100%" height="100%" fill="#000"/><use href="#{name}" transform="{moved}"/>']

    def place(box_xyxy_px: np.ndarray) -> np.ndarray:
        return (box_xyxy_px - np.array([*origin, *origin])) * scale

    result = subject.result
    found = _shown(subject, threshold)
    parts += [_rectangle(place(result.boxes_xyxy_px[index]), colours.FOUND, dashes="5 3") for index in found]
    parts += [_rectangle(place(box), colours.TRUTH, dashes="none") for box in result.truth_boxes_xyxy_px]
    if is_close:
        parts += [
            _score(result.scores[index], place(result.boxes_xyxy_px[index]), is_above=index == subject.detection)
            for index in found
        ]
    elif subject.box_xyxy_px is not None:
        parts.append(_pointer(place(subject.box_xyxy_px)))
    return f'<svg x="{at:.1f}" y="0" width="{width:.1f}" height="{_HEIGHT:.0f}">{"".join(parts)}</svg>'


def _shown(subject: Subject, threshold: float) -> list[int]:
    """Returns the indices of the highest-scored detections from the threshold on, and of the subject's own."""
    above = np.flatnonzero(subject.result.scores >= threshold)[: _MOST_OTHERS + 1]
    own = [] if subject.detection is None else [subject.detection]
    return sorted({*above.tolist(), *own})


def _rectangle(box: np.ndarray, colour: str, dashes: str) -> str:
    x_min, y_min, x_max, y_max = box
    return (
        f'<rect x="{x_min:.1f}" y="{y_min:.1f}" width="{x_max - x_min:.1f}" height="{y_max - y_min:.1f}" '
        f'fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dashes}"/>'
    )


def _score(score: float, box: np.ndarray, *, is_above: bool) -> str:
    """Draws a score on a tag: the subject's own above its box, others below theirs, so that they seldom collide."""
    x = min(max(float(box[0]), 0.0), _HEIGHT - _TAG_WIDTH)
    y = float(box[1]) - _TAG_HEIGHT if is_above else float(box[3])
    if box[2] < 0 or box[0] > _HEIGHT or not -_TAG_HEIGHT <= y <= _HEIGHT:
        return ""
    y = min(max(y, 0.0), _HEIGHT - _TAG_HEIGHT)
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_TAG_WIDTH}" height="{_TAG_HEIGHT}" fill="{colours.FOUND}"/>'
        f'<text x="{x + 3:.1f}" y="{y + 12:.1f}" font-size="12" font-family="sans-serif" '
        f'font-weight="{"bold" if is_above else "normal"}" fill="{colours.INK}">{score:.2f}</text>'
    )


def _pointer(box: np.ndarray) -> str:
    """Draws an arrow head at the right of the box that the close-up shows."""
    x, y = box[2] + 3, (box[1] + box[3]) / 2
    return f'<path d="M{x:.1f} {y:.1f} l9 -5 v10 z" fill="#fff" stroke="#000" stroke-width="0.7"/>'


def _close_up(box_xyxy_px: np.ndarray, longest_side_px: int) -> tuple[float, float, float]:
    """Returns left, top and side, in pixels, of a square that shows the box with some of its surroundings."""
    side = float(np.clip(2.5 * _size_px(box_xyxy_px).max(), longest_side_px / 6, longest_side_px))
    x, y = (box_xyxy_px[:2] + box_xyxy_px[2:]) / 2 - side / 2
    return float(x), float(y), side


def _size_px(box_xyxy_px: np.ndarray) -> np.ndarray:
    return box_xyxy_px[2:] - box_xyxy_px[:2]


def _data_uri(image: np.ndarray) -> str:
    """Returns the image as a JPEG within a URL; its brightest pixels are white."""
    shrink = min(1.0, _LONGEST_SIDE_PX / max(image.shape))
    bright = max(float(np.quantile(image, 0.9995)), 1e-6)
    levels = (np.asarray(image, np.float32) / bright * 255).clip(0, 255).round().astype(np.uint8)
    if shrink < 1:
        size = tuple(max(round(side * shrink), 1) for side in reversed(image.shape))
        levels = cv2.resize(levels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    is_written, content = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not is_written:
        raise ValueError(f"an image of shape {image.shape} cannot be written as JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode()


def _caption(subject: Subject, threshold: float) -> str:
    result = subject.result
    view = " ".join(part for part in (result.laterality, result.projection.upper()) if part)
    where = f"{result.path}{f' ({view})' if view else ''}"
    if subject.lesion is None:
        return f"{where}: false alarm, score {subject.score:.2f}; the image is {labels.NAMES[result.label]}."
    kind = labels.LESION_NAMES[int(result.truth_classes[subject.lesion])]
    if subject.score is None:
        width_px, height_px = _size_px(result.truth_boxes_xyxy_px[subject.lesion])
        return f"{where}: {kind}, {width_px:.0f} × {height_px:.0f} pixels; no detection lies on it."
    if subject.score < threshold:
        return f"{where}: {kind}; the highest-scored detection on it has {subject.score:.2f}, below {threshold:.2f}."
    return f"{where}: {kind}, found with score {subject.score:.2f}."
