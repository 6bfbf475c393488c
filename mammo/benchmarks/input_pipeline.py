"""How fast training images come out of shards, against the loader of the 2022 study. Ratios within one run."""

import dataclasses
import math
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import tensorflow as tf

from data_tools.conversion import Conversion
from data_tools.engines.local import Local
from data_tools.records import RecordOptions
from mammo.benchmarks import input_limit, ratios
from mammo.benchmarks.conversion import FullSizeSource
from mammo.config.data import Encoding, InputConfig
from mammo.data import pipeline
from mammo.data.pipeline import Reading
from mammo.data.shards import Shards

_SOURCE_HEIGHT_PX, _SOURCE_WIDTH_PX = 2600, 1600  # as Mini-DDSM's views
_BATCH_SIZE = 8
_WARM_UP_BATCHES = 2  # the first one waits for files to be opened and the shuffle buffer to be filled


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        encoding: How images are stored in the shards.
        kib_per_image: Mean size of a view in the shards.
        images_per_second: Of the pipeline, in each run.
        study_images_per_second: Of the study's loader on the source files, in turn with the former.
        speed_up: Median of the ratios, pair by pair.
        limit: The pipeline against what the machine can read and decode.
    """

    encoding: str
    kib_per_image: float
    images_per_second: list[float]
    study_images_per_second: list[float]
    speed_up: float
    limit: input_limit.Figures


def measure(
    exams: int,
    repeats: int,
    encoding: Encoding = Encoding.PNG16,
    height_px: int = 1024,
    width_px: int = 640,
    seconds: float = input_limit.SECONDS,
) -> Figures:
    """Reads drawn views of real size as training does and as the study did, in turn.

    Args:
        exams: Of four views each.
        repeats: Pairs of runs.
        encoding: How images are stored in the shards.
        height_px: Of the images that come out of both.
        width_px: Of the images that come out of both.
        seconds: Of each run.
    """
    with tempfile.TemporaryDirectory() as folder:
        data_dir, shards = write_shards(pathlib.Path(folder), exams, encoding, height_px, width_px)
        paths = [data_dir / info.path for info in shards.describe("train").values()]
        ours, studys = [], []
        for _ in range(repeats):
            ours.append(_images_per_second(lambda: _batches(shards), seconds))
            studys.append(_images_per_second(lambda: StudyLoader(paths, height_px, width_px).batches(), seconds))
        sizes = [file.path.stat().st_size for file in shards.files("train")]
        return Figures(
            encoding=encoding,
            kib_per_image=sum(sizes) / len(paths) / 1024,
            images_per_second=ours,
            study_images_per_second=studys,
            speed_up=ratios.median(ours, studys),
            limit=input_limit.measure(shards, repeats, seconds),
        )


def write_shards(
    folder: pathlib.Path, exams: int, encoding: Encoding, height_px: int, width_px: int
) -> tuple[pathlib.Path, Shards]:
    """Draws views as large as Mini-DDSM's and converts them; the arguments are those of `measure`.

    Returns:
        The folder of the drawn files, and the shards.
    """
    source = FullSizeSource(folder / "data", exams, _SOURCE_HEIGHT_PX, _SOURCE_WIDTH_PX)
    source.write()
    options = RecordOptions(source.data_dir, height_px, width_px, encoding, seed=0, background_crops=0)
    Conversion(
        source, "status", options, folder / "shards", views_per_shard=8, limit=0, max_rejected=0, engine=Local(1)
    ).run()
    return source.data_dir, Shards.open(folder / "shards")


class StudyLoader(tf.keras.utils.Sequence):
    """Loads as the 2022 study describes in section 3.3: file by file, in one process, each time anew.

    OpenCV reads a file, resizes it with its aspect kept and pads it with black; half of a batch is flipped.
    """

    def __init__(self, paths: list[pathlib.Path], height_px: int, width_px: int) -> None:
        self._paths, self._height_px, self._width_px = paths, height_px, width_px

    def __len__(self) -> int:
        return math.ceil(len(self._paths) / _BATCH_SIZE)

    def __getitem__(self, index: int) -> np.ndarray:
        """Returns one batch, float32 [B, H, W, 3] in [0, 1]."""
        paths = self._paths[index * _BATCH_SIZE : (index + 1) * _BATCH_SIZE]
        images = np.zeros((len(paths), self._height_px, self._width_px, 3), np.float32)
        for image, path in zip(images, paths, strict=True):
            pixels = cv2.imread(str(path))
            scale = min(self._height_px / pixels.shape[0], self._width_px / pixels.shape[1])
            resized = cv2.resize(pixels, None, fx=scale, fy=scale)[: self._height_px, : self._width_px]
            image[: resized.shape[0], : resized.shape[1]] = resized / 255
        half = len(paths) // 2
        images[:half] = images[:half, :, ::-1]
        return images

    def batches(self) -> Iterator[np.ndarray]:
        """Yields batches without end."""
        while True:
            yield from (self[index] for index in range(len(self)))


def _batches(shards: Shards) -> Iterator[tf.Tensor]:
    reading = Reading(InputConfig(batch_size=_BATCH_SIZE, shuffle_buffer=256))
    return (batch.image for batch in pipeline.training(shards, reading, tf.distribute.InputContext()))


def _images_per_second(make_batches: Callable[[], Iterator[np.ndarray | tf.Tensor]], seconds: float) -> float:
    batches = make_batches()
    for _ in range(_WARM_UP_BATCHES):
        next(batches)
    images, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        images += len(next(batches))
    return images / (time.perf_counter() - start)
