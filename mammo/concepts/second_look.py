"""The second stage of the multi-stage concept: a classifier looks at what a detector found, at full resolution."""

import concurrent.futures
import functools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mammo.clinical import findings
from mammo.clinical.findings import Findings
from mammo.common import progress
from mammo.common.errors import InputError
from mammo.config.data import CropConfig
from mammo.data import cropping
from mammo.imaging import pixel_path, placements
from mammo.imaging.breasts import Breast
from mammo.imaging.image_file import ImageFile
from mammo.imaging.placements import Placement

MOST_FINDINGS = 6
"""Of a view, the surest, that get a second look; the others are dropped: a view seldom has more than two lesions."""

_SILENT_S = 5.0  # work that takes longer shows how far it is
_THREADS = 4  # reading the next views while the model judges one


class FoundView(NamedTuple):
    """A view in which a detector has found something.

    Attributes:
        path: Of the file.
        placement: Where the file lies in the image that the detector saw.
        findings: In pixels of that image.
    """

    path: pathlib.Path
    placement: Placement
    findings: Findings


def judge(
    views: Sequence[FoundView], classify: Callable[[np.ndarray], np.ndarray], options: CropConfig, unit: str = " view"
) -> Iterator[Findings]:
    """Judges the findings of views, one view after the other.

    Args:
        views: Of which the files are read again, in parallel.
        classify: Takes crops, float32 [M, side, side, contexts], and gives probabilities, float64 [M, C].
        options: Of the classifier's crops.
        unit: What the progress counts.

    Yields:
        The findings of each view, at most `MOST_FINDINGS`, judged as `findings.judged` says.

    Raises:
        InputError: A file is not there any more, or cannot be read.
    """
    kept = [view._replace(findings=view.findings.best(MOST_FINDINGS)) for view in views]
    with (
        concurrent.futures.ThreadPoolExecutor(_THREADS) as pool,
        progress.bar(len(kept), unit, delay_s=_SILENT_S) as bar,
    ):
        for view, crops in zip(kept, _ahead(pool, lambda view: cut(view, options), kept), strict=True):
            bar.update()
            yield findings.judged(view.findings, classify(crops)) if len(crops) else view.findings


def cut(view: FoundView, options: CropConfig) -> np.ndarray:
    """Cuts the crops of a view's findings as conversion and the training pipeline cut those of lesions.

    Returns:
        float32 [M, side, side, contexts].

    Raises:
        InputError: The file is not there, or cannot be read.
    """
    if not len(view.findings.scores):
        return np.zeros((0, options.side_px, options.side_px, len(options.contexts)), np.float32)
    if not view.path.is_file():
        raise InputError(f"{view.path} is missing; the second look takes the files that the shards are made of.")
    pixels = ImageFile(view.path).read_pixels()
    breast = pixel_path.find_breast(view.path, pixels)
    return cut_from(pixels, breast, view.placement.to_source(view.findings.boxes_xyxy_px), options)


def cut_from(pixels: np.ndarray, breast: Breast, boxes_xyxy_px: np.ndarray, options: CropConfig) -> np.ndarray:
    """Cuts the crops about boxes on a view that has been read.

    Args:
        pixels: uint8 or uint16 [h, w], as `ImageFile.read_pixels` gives them.
        breast: What `pixel_path.find_breast` found on them.
        boxes_xyxy_px: float64 [M, 4], M at least 1, in pixels of the file; cut off at its borders.
        options: Of the classifier's crops.

    Returns:
        float32 [M, side, side, contexts].
    """
    cut_about = _traced_cut(options)
    made = []
    for focus_xyxy_px in placements.clip(boxes_xyxy_px, *pixels.shape):
        prepared = pixel_path.prepare_crop_about(pixels, breast, focus_xyxy_px)
        focus = np.asarray(prepared.placement.to_output(focus_xyxy_px), np.float32)
        made.append(cut_about(prepared.image[..., None], focus).numpy())
    return np.stack(made)


@functools.cache
def _traced_cut(options: CropConfig) -> Callable[[np.ndarray, np.ndarray], tf.Tensor]:
    """Returns `cropping.cut` of an image of any size, without where the focus is, as one graph."""
    # Operation by operation, a crop takes Python five times as long.
    return tf.function(
        lambda image, focus_xyxy_px: cropping.cut(image, focus_xyxy_px, options)[0],
        input_signature=[tf.TensorSpec([None, None, 1]), tf.TensorSpec([4])],
        autograph=False,
    )


def _ahead(
    pool: concurrent.futures.Executor, function: Callable[[FoundView], np.ndarray], views: Iterable[FoundView]
) -> Iterator[np.ndarray]:
    """Maps views in order, a few ahead of whoever takes them: crops of thousands of views would not fit."""
    waiting: list[concurrent.futures.Future[np.ndarray]] = []
    for view in views:
        waiting.append(pool.submit(function, view))
        if len(waiting) > 2 * _THREADS:
            yield waiting.pop(0).result()
    while waiting:
        yield waiting.pop(0).result()
