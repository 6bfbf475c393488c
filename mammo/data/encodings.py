"""What the image of a record shows, and how it is stored. No TensorFlow: programs that only ask start at once."""

import enum

import cv2
import numpy as np

from mammo.config.data import Encoding


class Content(enum.StrEnum):
    """What the image of a record shows."""

    VIEW = "view"
    LESION = "lesion"  # a crop around one lesion
    BACKGROUND = "background"  # a crop of a breast, away from any lesion


def encode_image(image: np.ndarray, encoding: Encoding) -> bytes:
    """Stores float32 [H, W] in [0, 1] as `encoding` says."""
    if encoding == Encoding.RAW:
        return _quantise(image, np.uint16).astype("<u2").tobytes()
    if encoding == Encoding.JPEG:
        return cv2.imencode(".jpg", _quantise(image, np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    levels = _quantise(image, np.uint16 if encoding == Encoding.PNG16 else np.uint8)
    # Fixed Huffman codes: a sixth faster to decode than any other of zlib's strategies, and a quarter larger.
    options = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FIXED]
    return cv2.imencode(".png", levels, options)[1].tobytes()


def _quantise(image: np.ndarray, dtype: type) -> np.ndarray:
    return (image * np.iinfo(dtype).max + 0.5).astype(dtype)
