"""Shards of small images in which each lesion is a disc, and tiny stages to learn them: training for real, fast."""

import itertools
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from mammo import presets
from mammo.clinical.labels import LESION_NAMES, NAMES
from mammo.common import files
from mammo.config import run
from mammo.config.data import Encoding
from mammo.config.run import RunConfig
from mammo.data import encodings, index, manifests, schema, shard_files
from mammo.data.encodings import Content
from mammo.data.manifests import DataFile, Manifest, Split
from mammo.data.shards import Shards
from mammo.imaging import pixel_path

SIDE_PX = 64
_RADII_PX = {1: 6, 2: 9}  # benign ones are smaller
_LEVELS = {1: 0.7, 2: 0.95}


def write(
    folder: pathlib.Path, images: Mapping[str, int], side_px: int = SIDE_PX, radii_px: Mapping[int, int] = _RADII_PX
) -> Shards:
    """Writes so many views of each split, in two shards: normal, benign and cancer in turn; and as many crops.

    Args:
        folder: Where to.
        images: Number of views by split.
        side_px: Height and width of the views.
        radii_px: Radius of a benign lesion, 1, and of a cancer, 2.
    """
    folder.mkdir(parents=True, exist_ok=True)
    splits = {split: _write_split(folder, split, images.get(split, 0), side_px, radii_px) for split in manifests.SPLITS}
    Manifest(
        manifests.FORMAT_VERSION, "drawn", "status", pixel_path.PIXEL_PATH_VERSION, side_px, side_px,
        Encoding.PNG16, seed=0, rejected=0, widened=0, splits=splits,
    ).write(folder)  # fmt: skip
    return Shards.open(folder)


def config(stage: str = "detector", /, **changes: Any) -> RunConfig:
    """The configuration of a stage that takes a moment a step; `changes` are fields such as `seed` or `model.x`."""
    made = presets.PRESETS[stage].get_config()
    small = {"model.pyramid_channels": 8, "model.max_levels": 2, "model.head_depth": 1}
    made.update_from_flattened_dict(
        {
            **(small if stage == "detector" else {}),
            "input.batch_size": 4,
            "input.shuffle_buffer": 8,
            "train_steps": 4,
            "log_every_steps": 1,
            "save_every_steps": 2,
            "evaluate_every_steps": 4,
            "optimizer.warmup_steps": 1,
            "precision": "float32",
            **{name.replace("__", "."): value for name, value in changes.items()},
        }
    )
    return run.from_fields(made)


def _write_split(folder: pathlib.Path, split: str, count: int, side_px: int, radii_px: Mapping[int, int]) -> Split:
    random = np.random.default_rng([count, manifests.SPLITS.index(split)])
    labels = [number % 3 for number in range(count)]
    made = []
    rows: dict[str, list[str]] = {"views": [], "crops": []}
    for content, shard in itertools.product(("views", "crops"), range(2 if count else 0)):
        path = folder / f"{split}-{content}-{shard:05d}-of-00002.tfrecord"
        numbers = range(shard, count, 2)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for number in numbers:
                record = _record(f"{split}_{number}", labels[number], random, side_px, radii_px)
                record = _as_crop(record) if content == "crops" else record
                writer.write(schema.encode(record))
                rows[content].append(index.row_of(shard_files.make_key(shard, number // 2), record))
        made.append(DataFile(path.name, content, len(numbers), path.stat().st_size, files.sha256_of(path)))
    by_class = {name: labels.count(label) for label, name in enumerate(NAMES)}
    lesions = {name: by_class[name] for name in LESION_NAMES}
    crops = {"background": by_class["normal"], **lesions}
    indexes = tuple(index.write(folder, split, content, rows[content]) for content in rows)
    return Split(count, count, by_class, lesions, crops, tuple(made), indexes)


def _as_crop(record: dict) -> dict:
    """The same image, about its disc, or about a place without one."""
    focus = record["boxes_xyxy_px"][0] if record["label"] else [20.0, 20, 36, 36]
    content = Content.LESION if record["label"] else Content.BACKGROUND
    return {**record, "focus_xyxy_px": focus, "content": content}


def _record(name: str, label: int, random: np.random.Generator, side_px: int, radii_px: Mapping[int, int]) -> dict:
    image = random.uniform(0.2, 0.3, (side_px, side_px)).astype(np.float32)
    boxes = []
    if label:
        radius = radii_px[label]
        x, y = random.integers(radius + 2, side_px - radius - 2, 2)
        rows, columns = np.mgrid[:side_px, :side_px] + 0.5
        image[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = _LEVELS[label]
        boxes = [[x - radius, y - radius, x + radius, y + radius]]
    return {
        "patient_id": name, "exam_id": f"{name}_1", "volume": "A", "path": f"{name}.png", "laterality": "left",
        "projection": "cc", "age_years": -1.0, "density": 2, "content": Content.VIEW, "label": label,
        "image": encodings.encode_image(image, Encoding.PNG16), "height_px": side_px, "width_px": side_px,
        "focus_xyxy_px": [0.0, 0, side_px, side_px], "boxes_xyxy_px": boxes, "pathologies": [label] * len(boxes),
        "kinds": ["mass"] * len(boxes), "outline_indices": [1] * len(boxes), "areas_px": [100.0] * len(boxes),
        "assessments": [4] * len(boxes), "subtleties": [5] * len(boxes), "source_height_px": side_px,
        "source_width_px": side_px, "source_spacing_mm": 0.1, "window_xyxy_px": (0, 0, side_px, side_px),
        "content_height_px": side_px, "content_width_px": side_px, "is_mirrored": False,
    }  # fmt: skip
