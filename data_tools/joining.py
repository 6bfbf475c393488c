"""Joins the records of the two projections of each breast: what //data_tools:breasts does."""

import dataclasses
import functools
import os
import pathlib
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_tools import shard_pairs
from mammo.clinical.labels import Label, Projection
from mammo.common import progress
from mammo.common.errors import InputError
from mammo.data import batch, encodings, index, manifests, schema, shard_files, verification
from mammo.data.index import RecordInfo
from mammo.data.manifests import DataFile, Split
from mammo.data.shard_files import ShardFile
from mammo.data.shards import Shards

_ABOVE, _BELOW = 0, 1  # places of CC and MLO
_JOINED = ("boxes_xyxy_px", "pathologies", "kinds", "outline_indices", "areas_px", "assessments", "subtleties")
_TEXTS = ("patient_id", "exam_id", "volume", "path", "laterality", "content")
_SILENT_S = 5.0

Pair = tuple[int | None, int | None]
"""The keys of the records of CC and of MLO; None: there is no such view."""


def join(shards: Shards, output_dir: pathlib.Path, breasts_per_shard: int) -> dict[str, Split]:
    """Writes a folder of shards with a record a breast.

    Of several views of one projection, the first by name is taken, and the others are left out; a view of unknown
    projection takes a place that is free. A projection that is not there is black. Boxes are those of both views; what
    else a record says of its source (path, window, spacing) is that of the first view.

    Args:
        shards: Of views.
        output_dir: Made here.
        breasts_per_shard: In one file.

    Returns:
        What each split holds, as the manifest says it.

    Raises:
        InputError: A file of the shards is damaged, they hold breasts already, or there is no room for more.
    """
    if shards.manifest.shows != "views":
        raise InputError(f"{shards.folder} holds breasts already; give the shards of views.")
    output_dir.mkdir(parents=True)
    made = {split: _join_split(shards, split, output_dir, breasts_per_shard) for split in manifests.SPLITS}
    height_px = 2 * shards.manifest.height_px
    dataclasses.replace(shards.manifest, height_px=height_px, splits=made, shows="breasts").write(output_dir)
    return made


def pairs(infos: Mapping[int, RecordInfo]) -> list[Pair]:
    """Returns the records of each breast, in the order of exams and sides; a view of an unknown side is a breast."""
    views: dict[tuple[str, str], list[int]] = {}
    for key in sorted(infos, key=lambda key: (infos[key].exam_id, infos[key].path)):
        info = infos[key]
        views.setdefault((info.exam_id, info.laterality or info.path), []).append(key)
    return [_placed(keys, infos) for _, keys in sorted(views.items())]


def _placed(keys: Sequence[int], infos: Mapping[int, RecordInfo]) -> Pair:
    places: list[int | None] = [None, None]
    for key in sorted(keys, key=lambda key: infos[key].projection is None):
        projection = infos[key].projection
        free = [_ABOVE, _BELOW] if projection is None else [_ABOVE if projection == Projection.CC else _BELOW]
        place = next((place for place in free if places[place] is None), None)
        if place is not None:
            places[place] = key
    return places[_ABOVE], places[_BELOW]


def _join_split(shards: Shards, split: str, output_dir: pathlib.Path, breasts_per_shard: int) -> Split:
    is_empty = not sum(shards.manifest.splits[split].images.values())
    all_pairs = [] if is_empty else pairs(shards.describe(split))
    order = np.random.default_rng([shards.manifest.seed, zlib.crc32(split.encode())]).permutation(len(all_pairs))
    parts = [order[start : start + breasts_per_shard] for start in range(0, len(order), breasts_per_shard)]
    read = _Reader(shards, split)
    written: list[DataFile] = []
    rows: list[str] = []
    with progress.bar(len(all_pairs), f" {split} breast", delay_s=_SILENT_S) as bar:
        for number, part in enumerate(parts):
            path = output_dir / f"{split}-views-{number:05d}-of-{len(parts):05d}.tfrecord"
            with shard_pairs.writing_into(output_dir, "--output_dir"), tf.io.TFRecordWriter(str(path)) as writer:
                for place in part:
                    record = _joined([None if key is None else read(key) for key in all_pairs[place]], shards)
                    writer.write(schema.encode(record))
                    key = shard_files.make_key(number, len(rows) % breasts_per_shard)
                    rows.append(index.row_of(key, record))
                    bar.update()
            written.append(DataFile.of(path, "views", len(part)))
    of_split = [index.write(output_dir, split, "views", rows)]
    return index.summarise(index.parse(rows).values(), [], written, of_split)


class _Reader:
    """Reads single records of a split, wherever they stand."""

    def __init__(self, shards: Shards, split: str) -> None:
        self._shards, self._split = shards, split
        self._spans: dict[int, list[tuple[int, int]]] = {}

    @functools.cached_property
    def _files(self) -> list[ShardFile]:
        return self._shards.files(self._split)

    def __call__(self, key: int) -> dict[str, Any]:
        """Returns a record, decoded, as numpy arrays."""
        file = self._files[shard_files.shard_index(key)]
        if file.index not in self._spans:
            self._spans[file.index] = list(verification.record_spans(file.path))
        start, length = self._spans[file.index][shard_files.record_number(key)]
        with file.path.open("rb", buffering=0) as opened:
            serialized = os.pread(opened.fileno(), length, start)
        try:
            return {name: value.numpy() for name, value in schema.decode(serialized, self._shards.encoding).items()}
        except (tf.errors.OpError, UnicodeDecodeError) as error:
            raise self._shards.find_damage(self._split) or error from None


def _joined(views: Sequence[dict[str, Any] | None], shards: Shards) -> dict[str, Any]:
    """Returns the record of a breast, of its CC and its MLO view."""
    height_px, width_px = shards.manifest.height_px, shards.manifest.width_px
    there = [view for view in views if view is not None]
    images = [
        np.zeros((height_px, width_px), np.float32)
        if view is None
        else batch.grey_levels(view["image"]).numpy()[..., 0]
        for view in views
    ]
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
        "image": encodings.encode_image(np.concatenate(images), shards.encoding),
        "height_px": 2 * height_px,
        "focus_xyxy_px": [0, 0, width_px, 2 * height_px],
        "content_height_px": 2 * height_px,
    }


def _worst(labels: Sequence[Label]) -> Label:
    """Returns what a breast shows: unknown where one of its views is not judged, and the other shows no cancer."""
    worst = max(labels)
    return Label.UNKNOWN if Label.UNKNOWN in labels and worst != Label.CANCER else worst
