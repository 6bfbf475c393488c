"""A folder of shards as small as can be, whose every record is known from its place."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from mammo.clinical.labels import KNOWN, Label
from mammo.common import files
from mammo.config.data import Encoding
from mammo.data import encodings, index, manifests, schema, shard_files
from mammo.data.encodings import Content
from mammo.data.manifests import DataFile, Manifest, Split
from mammo.data.shards import Shards
from mammo.imaging import pixel_path

HEIGHT_PX, WIDTH_PX = 8, 6

Labels = Sequence[Sequence[int]]
"""The label of each record of each shard."""


def write(
    folder: pathlib.Path,
    splits: Mapping[str, Labels],
    encoding: Encoding = Encoding.RAW,
    changes: Mapping[str, object] | None = None,
) -> Shards:
    """Writes views of the given labels, some fields of all records changed; a split that is not given is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {split: _write_split(folder, split, splits.get(split, []), changes or {}) for split in manifests.SPLITS}
    Manifest(
        manifests.FORMAT_VERSION, "drawn", "status", pixel_path.PIXEL_PATH_VERSION, HEIGHT_PX, WIDTH_PX,
        encoding, seed=0, rejected=0, widened=0, splits=made,
    ).write(folder)  # fmt: skip
    return Shards.open(folder)


def keys(labels: Labels) -> list[int]:
    """Every key of a split."""
    return [shard << 32 | number for shard, of_shard in enumerate(labels) for number in range(len(of_shard))]


def lesions(label: int, number: int) -> int:
    """How many lesions a record shows: none on normal views, else one or two."""
    return 1 + number % 2 if label else 0


def level(shard: int, number: int) -> float:
    """The grey level of the whole of an image."""
    return (100 * shard + number) / 65535


def record(split: str, shard: int, number: int, label: int) -> dict:
    count = lesions(label, number)
    image = np.full((HEIGHT_PX, WIDTH_PX), level(shard, number), np.float32)
    name = f"{split}_{shard}_{number}"
    return {
        "patient_id": name, "exam_id": f"{name}_1", "volume": "A", "path": f"{name}.png", "laterality": "left",
        "projection": "mlo", "age_years": -1.0, "density": 3, "content": Content.VIEW, "label": label,
        "image": encodings.encode_image(image, Encoding.RAW), "height_px": HEIGHT_PX, "width_px": WIDTH_PX,
        "focus_xyxy_px": [0.0, 0, WIDTH_PX, HEIGHT_PX],
        "boxes_xyxy_px": [[0.5, 1.0, 2.5 + lesion, 4.0] for lesion in range(count)], "pathologies": [label] * count,
        "kinds": ["mass"] * count, "outline_indices": list(range(1, count + 1)), "areas_px": [12.5] * count,
        "assessments": [4] * count, "subtleties": [-1] * count, "source_height_px": 80, "source_width_px": 70,
        "source_spacing_mm": 0.1, "window_xyxy_px": (10, 0, 70, 80), "content_height_px": HEIGHT_PX,
        "content_width_px": WIDTH_PX, "is_mirrored": True,
    }  # fmt: skip


def _write_split(folder: pathlib.Path, split: str, labels: Labels, changes: Mapping[str, object]) -> Split:
    made, rows, known = [], [], [label.title for label in KNOWN]
    images, outlines = dict.fromkeys(known, 0), dict.fromkeys(known[1:], 0)
    for shard, of_shard in enumerate(labels):
        path = folder / f"{split}-views-{shard:05d}-of-{len(labels):05d}.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for number, label in enumerate(of_shard):
                of_number = {**record(split, shard, number, label), **changes}
                writer.write(schema.encode(of_number))
                rows.append(index.row_of(shard_files.make_key(shard, number), of_number))
                name = Label(label).title
                images[name] = images.get(name, 0) + 1
                if label:
                    outlines[name] = outlines.get(name, 0) + lesions(label, number)
        made.append(DataFile(path.name, "views", len(of_shard), path.stat().st_size, files.sha256_of(path)))
    indexes = (index.write(folder, split, "views", rows), index.write(folder, split, "crops", []))
    patients, crops = sum(images.values()), dict.fromkeys(("background", "benign", "cancer"), 0)
    return Split(patients, patients, images, outlines, crops, tuple(made), indexes)
