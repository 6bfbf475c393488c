"""Deals the patients of shards into folds, for cross-validation: a folder of shards for each, whose validation it is.

The test split stays what it is. Each record is written once; the folders share the files as hard links, so that folds
take as much room as the shards themselves.
"""

import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_tools import shard_pairs
from data_tools.shard_pairs import CONTENTS
from mammo.clinical.labels import Label
from mammo.common import files, progress
from mammo.common.errors import InputError
from mammo.data import index, shard_files
from mammo.data.index import RecordInfo
from mammo.data.manifests import DataFile, Split
from mammo.data.shard_files import ShardFile
from mammo.data.shards import Shards

DEALT = ("train", "validation")
"""The splits whose patients are dealt out."""

_PARTS = "parts"
_SILENT_S = 5.0


class _Part(NamedTuple):
    """Records of one fold out of one shard, of "views" or of "crops".

    Attributes:
        file: What a manifest says of it.
        rows: Of the index, one a record.
        infos: What each record says.
    """

    file: DataFile
    rows: Sequence[dict[str, object]]
    infos: Sequence[RecordInfo]


def deal(shards: Shards, output_dir: pathlib.Path, count: int, seed: int = 0) -> list[pathlib.Path]:
    """Makes a folder of shards for each fold; where they are there already, they are taken as they are.

    Patients with cancer, with benign lesions and with neither are dealt out evenly.

    Args:
        shards: Of which train and validation are dealt out.
        output_dir: Gets the folders `1` to `<count>`; whole or not at all.
        count: How many folds, 2 or more.
        seed: Of the dealing.

    Returns:
        The folders: fold k validates in the k-th, and trains in all others.

    Raises:
        InputError: There are fewer patients than folds, or a file of the shards is damaged.
    """
    folders = [output_dir / str(number + 1) for number in range(count)]
    if output_dir.is_dir():
        return folders
    fold_of = assign(_worst_labels(shards), count, seed)
    with files.making_folder(output_dir) as unfinished:
        (unfinished / _PARTS).mkdir(parents=True)
        parts = list(_cut(shards, unfinished / _PARTS, fold_of, count))
        for number in range(count):
            _write_folder(shards, unfinished / str(number + 1), unfinished / _PARTS, parts, number)
        shutil.rmtree(unfinished / _PARTS)
    return folders


def assign(worst_labels: Mapping[str, Label], count: int, seed: int) -> dict[str, int]:
    """Returns the fold of each patient, from 0.

    Args:
        worst_labels: Of each patient.
        count: How many folds.
        seed: Of the order in which patients are dealt out.

    Raises:
        InputError: There are fewer patients than folds.
    """
    if len(worst_labels) < count:
        raise InputError(f"{len(worst_labels)} patients cannot be dealt into --folds={count}; give more exams.")
    patients = sorted(worst_labels)
    order = np.random.default_rng(seed).permutation(len(patients))
    dealt = sorted((patients[place] for place in order), key=lambda patient: worst_labels[patient])
    return {patient: number % count for number, patient in enumerate(dealt)}


def _worst_labels(shards: Shards) -> dict[str, Label]:
    worst: dict[str, Label] = {}
    for info in (info for split in DEALT for info in shards.describe(split).values()):
        worst[info.patient_id] = max(info.label, worst.get(info.patient_id, info.label))
    return worst


def _cut(shards: Shards, folder: pathlib.Path, fold_of: Mapping[str, int], count: int) -> Iterator[tuple[int, _Part]]:
    """Writes the records of each fold out of each shard to a file of their own, and yields (fold, file) in order."""
    there = {file.content for split in DEALT for file in shards.manifest.splits[split].shards if file.records}
    of_contents = [dataclasses.replace(shards, content=content) for content in CONTENTS if content in there]
    sources = [(own, split, own.files(split)) for own in of_contents for split in DEALT]
    total = sum(file.records for *_, of_split in sources for file in of_split)
    with progress.bar(total, " record dealt", delay_s=_SILENT_S) as bar:
        for own, split, of_split in sources:
            rows = _rows(own, split)
            for file in of_split:
                yield from _cut_file(own, split, file, folder, rows, fold_of, count)
                bar.update(file.records)


def _cut_file(
    shards: Shards,
    split: str,
    file: ShardFile,
    folder: pathlib.Path,
    rows: Mapping[int, dict[str, object]],
    fold_of: Mapping[str, int],
    count: int,
) -> Iterator[tuple[int, _Part]]:
    infos = shards.describe(split)
    names = [f"{split}-{shards.content}-{file.index:05d}-fold-{number + 1}.tfrecord" for number in range(count)]
    keys: dict[int, list[int]] = collections.defaultdict(list)
    with contextlib.ExitStack() as opened:
        opened.enter_context(shard_pairs.writing_into(folder, "--workdir"))
        writers = [opened.enter_context(tf.io.TFRecordWriter(str(folder / name))) for name in names]
        for key, record in zip(file.keys, _records(shards, split, file), strict=True):
            fold = fold_of[infos[key].patient_id]
            writers[fold].write(record)
            keys[fold].append(key)
    for fold, name in enumerate(names):
        path, own = folder / name, keys[fold]
        if own:
            made = DataFile.of(path, shards.content, len(own))
            yield fold, _Part(made, [rows[key] for key in own], [infos[key] for key in own])


def _records(shards: Shards, split: str, file: ShardFile) -> Iterator[bytes]:
    try:
        yield from tf.data.TFRecordDataset(str(file.path)).as_numpy_iterator()
    except tf.errors.OpError as error:
        raise shards.find_damage(split) or error from None


def _rows(shards: Shards, split: str) -> dict[int, dict[str, object]]:
    """Returns the rows of a split's index, by their keys."""
    path = shards.folder / index.file_name(split, shards.content)
    return {row["key"]: row for row in map(json.loads, path.read_text().splitlines())}


def _write_folder(
    shards: Shards, folder: pathlib.Path, parts_dir: pathlib.Path, parts: Sequence[tuple[int, _Part]], number: int
) -> None:
    folder.mkdir()
    splits = {
        "train": [part for fold, part in parts if fold != number],
        "validation": [part for fold, part in parts if fold == number],
    }
    made = {split: _write_split(folder, parts_dir, split, own) for split, own in splits.items()}
    test = shards.manifest.splits["test"]
    for file in (*test.shards, *test.indexes):
        _link(shards.folder / file.name, folder / file.name)
    dataclasses.replace(shards.manifest, splits={**made, "test": test}, views_sha256=None).write(folder)


def _write_split(folder: pathlib.Path, parts_dir: pathlib.Path, split: str, parts: Sequence[_Part]) -> Split:
    rows: dict[str, list[str]] = {content: [] for content in CONTENTS}
    for content in CONTENTS:
        for place, part in enumerate(part for part in parts if part.file.content == content):
            _link(parts_dir / part.file.name, folder / part.file.name)
            rows[content] += [
                json.dumps({**row, "key": shard_files.make_key(place, record)}) for record, row in enumerate(part.rows)
            ]
    infos = {
        content: [info for part in parts if part.file.content == content for info in part.infos] for content in CONTENTS
    }
    indexes = [index.write(folder, split, content, rows[content]) for content in CONTENTS]
    return index.summarise(infos["views"], infos["crops"], [part.file for part in parts], indexes)


def _link(source: pathlib.Path, path: pathlib.Path) -> None:
    """Gives a file another name; where the file system cannot, copies it."""
    source = source.resolve()  # or the link would be to a link
    try:
        os.link(source, path)
        return
    except OSError:
        pass
    shutil.copyfile(source, path)
