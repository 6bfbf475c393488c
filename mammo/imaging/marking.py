"""Draws what is known and what was found into the pixels of an image, as TensorBoard shows it."""

from collections.abc import Sequence

import cv2
import numpy as np

from mammo.common import colours

_MOST_FOUND = 4
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LINES = 22  # of writing that an image has room for


def detected(
    image: np.ndarray,
    truth_boxes_xyxy_px: np.ndarray,
    found_boxes_xyxy_px: np.ndarray,
    scores: np.ndarray,
    threshold: float,
) -> np.ndarray:
    """Draws the true boxes and the detections with the highest scores.

    Args:
        image: float [H, W] in [0, 1], in whose pixels the boxes are.
        truth_boxes_xyxy_px: float [N, 4].
        found_boxes_xyxy_px: float [M, 4], the highest score first.
        scores: float [M].
        threshold: The least score that is shown.

    Returns:
        uint8 [H, W, 3].
    """
    picture, colour = _grey(image), colours.rgb(colours.FOUND)
    is_shown = scores >= threshold
    found = list(zip(found_boxes_xyxy_px[is_shown], scores[is_shown], strict=True))[:_MOST_FOUND]
    for box, score in found:
        _outline(picture, box, colour)
        x_min, _, _, y_max = box.round().astype(int).tolist()
        cv2.putText(picture, f"{score:.2f}", (x_min, y_max + 11), _FONT, 0.35, colour)
    for box in truth_boxes_xyxy_px:
        _outline(picture, box, colours.rgb(colours.TRUTH))
    return picture


def classified(
    image: np.ndarray, boxes_xyxy_px: np.ndarray, truth: str, names: Sequence[str], probabilities: np.ndarray
) -> np.ndarray:
    """Outlines lesions, and writes the true class and the probabilities at the top right, where a view has no breast.

    Args:
        image: float [H, W] in [0, 1].
        boxes_xyxy_px: float [N, 4], in its pixels.
        truth: The true class.
        names: Names of the C classes.
        probabilities: float [C].

    Returns:
        uint8 [H, W, 3].
    """
    picture = _grey(image)
    for box in boxes_xyxy_px:
        _outline(picture, box, colours.rgb(colours.TRUTH))
    height_px = max(image.shape[0] / _LINES, 8.0)
    answers = [f"{name} {value:.2f}" for name, value in zip(names, probabilities, strict=True)]
    for number, text in enumerate([f"is {truth}", *answers]):
        colour = colours.rgb(colours.FOUND if number else colours.TRUTH)
        scale = 0.6 * height_px / cv2.getTextSize(text, _FONT, 1.0, 1)[0][1]
        (width_px, _), _ = cv2.getTextSize(text, _FONT, scale, 1)
        place = max(image.shape[1] - width_px - 2, 0), round(height_px * (number + 1))
        cv2.putText(picture, text, place, _FONT, scale, colour, lineType=cv2.LINE_AA)
    return picture


def _grey(image: np.ndarray) -> np.ndarray:
    return np.repeat((np.asarray(image) * 255).clip(0, 255).round().astype(np.uint8)[..., None], 3, axis=-1)


def _outline(picture: np.ndarray, box_xyxy_px: np.ndarray, colour: tuple[int, int, int]) -> None:
    x_min, y_min, x_max, y_max = np.asarray(box_xyxy_px).round().astype(int).tolist()
    cv2.rectangle(picture, (x_min, y_min), (x_max, y_max), colour)
