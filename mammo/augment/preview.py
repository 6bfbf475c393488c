"""Draws training images before and after augmentation, with the boxes of their lesions, to look at before training.

Each row shows an image as the shards hold it, and versions of it under the default options. Images with a lesion come
first.
"""

import pathlib

import cv2
import numpy as np
import tensorflow as tf
from absl import flags

from mammo.augment import compose
from mammo.common import cli, files
from mammo.config.augmentation import AugmentationConfig
from mammo.config.data import InputConfig
from mammo.data import pipeline
from mammo.data.batch import PADDING, Batch, grey_levels
from mammo.data.pipeline import Reading
from mammo.data.shards import Shards

_DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of shards that //data_tools:convert wrote.", required=True)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for the sheet, a PNG file.", required=True)
_IMAGES = flags.DEFINE_integer("images", 6, "How many images, one a row.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the augmentation.")

FILE_NAME = "augmentation.png"
CELL_HEIGHT_PX = 288
VERSIONS = 6
GAP_PX = 4

_COLOURS = {0: (255, 160, 60), 1: (255, 80, 255)}  # benign blue, cancer magenta
_GREY = 60
_GAMMA = 0.6  # shows the skin line, which is what a transform could cut


def main() -> None:
    """Draws the sheet and logs its path."""
    output_dir = cli.user_path(_OUTPUT_DIR.value)
    batches = _read(cli.user_path(_DATA_DIR.value), _IMAGES.value)
    sheet = _stack([_row(batch, _SEED.value) for batch in batches], axis=0)
    output_dir.mkdir(parents=True, exist_ok=True)
    path = output_dir / FILE_NAME
    with files.replacing(path) as partial:
        partial.write_bytes(cv2.imencode(".png", sheet)[1].tobytes())
    print(f"Wrote {VERSIONS} versions of each of {len(batches)} images to {path}.")


def _read(data_dir: pathlib.Path, count: int) -> list[Batch]:
    """Reads images of the training split, as batches of one."""
    shards = Shards.open(data_dir)
    reading = Reading(InputConfig(batch_size=1))
    batches = pipeline.evaluation(shards, "train", reading, tf.distribute.InputContext())
    with_lesion = batches.filter(lambda batch: batch.label[0] > 0)
    without = batches.filter(lambda batch: batch.label[0] == 0)
    return list(with_lesion.concatenate(without).take(count))


def _row(batch: Batch, seed: int) -> np.ndarray:
    config = AugmentationConfig()
    versions = [compose.augment(batch, tf.constant([seed, version]), config) for version in range(VERSIONS)]
    return _stack([_cell(version) for version in (batch, *versions)], axis=1)


def _cell(batch: Batch) -> np.ndarray:
    """Draws the one image of a batch: uint8 [CELL_HEIGHT_PX, w, 3]."""
    image = grey_levels(batch.image[0, :, :, 0]).numpy()
    scale = CELL_HEIGHT_PX / image.shape[0]
    small = cv2.resize(image, (max(round(image.shape[1] * scale), 1), CELL_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    cell = cv2.cvtColor(np.round(255 * small**_GAMMA).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    for box, pathology in zip(batch.boxes[0].numpy(), batch.classes[0].numpy(), strict=True):
        if pathology != PADDING:
            x_min, y_min, x_max, y_max = np.round(box * scale).astype(int).tolist()
            cv2.rectangle(cell, (x_min, y_min), (x_max - 1, y_max - 1), _COLOURS[int(pathology)], 1)
    return cell


def _stack(cells: list[np.ndarray], axis: int) -> np.ndarray:
    """Joins cells along an axis, with gaps after each."""
    gaps = [(0, GAP_PX if dimension == axis else 0) for dimension in range(3)]
    return np.concatenate([np.pad(cell, gaps, constant_values=_GREY) for cell in cells], axis=axis)


if __name__ == "__main__":
    cli.run(main)
