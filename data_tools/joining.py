"""Joins the records of the two projections of each breast: what //data_tools:breasts does."""

import dataclasses
import pathlib
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_tools import shard_pairs
from mammo.clinical.labels import Label
from mammo.common import progress
from mammo.common.errors import InputError
from mammo.data import breast_pairs, encodings, index, manifests, schema, shard_files
from mammo.data.breast_pairs import Pair
from mammo.data.index import RecordInfo
from mammo.data.manifests import DataFile, Split
from mammo.data.record_reader import RecordReader
from mammo.data.shards import Shards

_JOINED = ("boxes_xyxy_px", "pathologies", "kinds", "outline_indices", "areas_px", "assessments", "subtleties")
_TEXTS = ("patient_id", "exam_id", "volume", "path", "laterality", "content")
_SILENT_S = 5.0


def join(
    shards: Shards, output_dir: pathlib.Path, breasts_per_shard: int, flag: str = "--output_dir"
) -> dict[str, Split]:
    """Writes a folder of shards with a record a breast.

    Of several views of one projection, the first by name is taken, and the others are left out; a view of unknown
    projection takes a place that is free. A projection that is not there is black. Boxes are those of both views; what
    else a record says of its source (path, window, spacing) is that of the first view.

    Args:
        shards: Of views.
        output_dir: Made here.
        breasts_per_shard: In one file.
        flag: Which names the folder, or that above it, where it is full.

    Returns:
        What each split holds, as the manifest says it.

    Raises:
        InputError: A file of the shards is damaged, they hold breasts already, or there is no room for more.
    """
    if shards.manifest.shows != "views":
        raise InputError(f"{shards.folder} holds breasts already; give the shards of views.")
    output_dir.mkdir(parents=True)
    made = {split: _join_split(shards, split, output_dir, breasts_per_shard, flag) for split in manifests.SPLITS}
    dataclasses.replace(
        shards.manifest,
        height_px=2 * shards.manifest.height_px,
        splits=made,
        shows="breasts",
        views_sha256=shards.manifest_sha256,
    ).write(output_dir)
    return made


def pairs(infos: Mapping[int, RecordInfo]) -> list[Pair]:
    """Returns the keys of each breast's records, by exam and side; a view of unknown side is a breast of its own."""
    views: dict[tuple[str, str], list[int]] = {}
    for key in sorted(infos, key=lambda key: (infos[key].exam_id, infos[key].path)):
        views.setdefault(infos[key].breast, []).append(key)
    return [breast_pairs.pair({key: infos[key].projection for key in keys}) for _, keys in sorted(views.items())]


def _join_split(shards: Shards, split: str, output_dir: pathlib.Path, breasts_per_shard: int, flag: str) -> Split:
    is_empty = not sum(shards.manifest.splits[split].images.values())
    all_pairs = [] if is_empty else pairs(shards.describe(split))
    order = np.random.default_rng([shards.manifest.seed, zlib.crc32(split.encode())]).permutation(len(all_pairs))
    parts = [order[start : start + breasts_per_shard] for start in range(0, len(order), breasts_per_shard)]
    reader = RecordReader(shards, split)
    written: list[DataFile] = []
    rows: list[str] = []
    with progress.bar(len(all_pairs), f" {split} breast", delay_s=_SILENT_S) as bar:
        for number, part in enumerate(parts):
            path = output_dir / f"{split}-views-{number:05d}-of-{len(parts):05d}.tfrecord"
            with shard_pairs.writing_into(output_dir, flag), tf.io.TFRecordWriter(str(path)) as writer:
                for place in part:
                    record = _joined([None if key is None else reader.read(key) for key in all_pairs[place]], shards)
                    writer.write(schema.encode(record))
                    key = shard_files.make_key(number, len(rows) % breasts_per_shard)
                    rows.append(index.row_of(key, record))
                    bar.update()
            written.append(DataFile.of(path, "views", len(part)))
    of_split = [index.write(output_dir, split, "views", rows)]
    return index.summarise(index.parse(rows).values(), [], written, of_split)


def _joined(views: Sequence[dict[str, Any] | None], shards: Shards) -> dict[str, Any]:
    """Returns the record of a breast, of its CC and its MLO view."""
    height_px, width_px = shards.manifest.height_px, shards.manifest.width_px
    there = [view for view in views if view is not None]
    cc, mlo = (None if view is None else view["image"] for view in views)
    joined = {name: np.concatenate([view[name] for view in there]) for name in _JOINED}
    offsets = [place * height_px for place, view in enumerate(views) if view for _ in view["pathologies"]]
    joined["boxes_xyxy_px"] = joined["boxes_xyxy_px"] + np.array(offsets, np.float32)[:, None] * [0, 1, 0, 1]
    texts = {name: there[0][name].decode() for name in _TEXTS}
    return {
        **there[0],
        **texts,
        **joined,
        "kinds": [kind.decode() for kind in joined["kinds"]],
        "projection": "",
        "label": _worst([Label(int(view["label"])) for view in there]),
        "image": encodings.encode_image(breast_pairs.stack(cc, mlo), shards.encoding),
        "height_px": 2 * height_px,
        "focus_xyxy_px": [0, 0, width_px, 2 * height_px],
        "content_height_px": 2 * height_px,
    }


def _worst(labels: Sequence[Label]) -> Label:
    """Returns what a breast shows: unknown where one of its views is not judged, and the other shows no cancer."""
    worst = max(labels)
    return Label.UNKNOWN if Label.UNKNOWN in labels and worst != Label.CANCER else worst
