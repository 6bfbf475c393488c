"""The index beside a manifest: what each record says of its image, but the image, so that no start reads all records.

There is one file for each split and content, `index-<split>-<content>.jsonl`, with one row of JSON a record, in the
order of the records. Its bytes follow from the records alone.
"""

import collections
import dataclasses
import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mammo.clinical import labels
from mammo.clinical.labels import Label, Laterality, Projection
from mammo.common import errors, files, typed_json
from mammo.data.encodings import Content
from mammo.data.manifests import DataFile, Split
from mammo.imaging.placements import Placement

_FLOAT_ARRAYS = ("boxes_xyxy_px", "areas_px")
_INTEGER_ARRAYS = ("pathologies", "subtleties")
_FLOATS = ("age_years", "source_spacing_mm")
_INTEGERS = ("density", "source_height_px", "source_width_px")
_TEXTS = ("patient_id", "exam_id", "volume", "path")


@dataclasses.dataclass(frozen=True, eq=False)
class RecordInfo:
    """All that a record says of its image, but the image.

    Attributes:
        patient_id: The unit of splits and intervals.
        exam_id: Unique in the source.
        volume: Part of the source, A to D in DDSM.
        path: Of the source file, relative to its data set.
        laterality: None: unknown.
        projection: None: unknown.
        age_years: -1: unknown.
        density: BI-RADS 1 to 4; 0: unknown.
        label: Of the image.
        boxes_xyxy_px: float32 [N, 4], in pixels of the image.
        pathologies: int64 [N], values of `Label`: -1 unknown, 1 benign, 2 cancer.
        kinds: N names: mass, calcification, mass+calcification, other or unknown.
        areas_px: float32 [N], inside the outline, in pixels of the source; -1: unknown.
        subtleties: int64 [N], 1 subtle to 5 obvious; -1: unknown.
        source_height_px: Of the source file.
        source_width_px: Of the source file.
        source_spacing_mm: Side of a pixel of the source file; -1: unknown.
        placement: Where the window of the source lies in the image.
    """

    patient_id: str
    exam_id: str
    volume: str
    path: str
    laterality: Laterality | None
    projection: Projection | None
    age_years: float
    density: int
    label: Label
    boxes_xyxy_px: np.ndarray
    pathologies: np.ndarray
    kinds: tuple[str, ...]
    areas_px: np.ndarray
    subtleties: np.ndarray
    source_height_px: int
    source_width_px: int
    source_spacing_mm: float
    placement: Placement

    @property
    def breast(self) -> tuple[str, str]:
        """What the views of one breast have in common; a view of an unknown side is a breast of its own."""
        return self.exam_id, self.laterality or self.path


def file_name(split: str, content: str) -> str:
    """Returns the name of the index of one split's "views" or "crops"."""
    return f"index-{split}-{content}.jsonl"


def row_of(key: int, record: Mapping[str, Any]) -> str:
    """Returns the row of one record, without a line break.

    Args:
        key: Of the record, see `mammo.data.shard_files`.
        record: As `mammo.data.schema.encode` takes it.
    """
    placement = Placement(
        window_xyxy_px=_window(record["window_xyxy_px"]),
        content_height_px=int(record["content_height_px"]),
        content_width_px=int(record["content_width_px"]),
        is_mirrored=bool(record["is_mirrored"]),
    )
    # Numbers are rounded to float32, as the record stores them.
    row = {
        "key": key,
        **{name: str(record[name]) for name in _TEXTS},
        "laterality": record["laterality"] or None,
        "projection": record["projection"] or None,
        "label": int(record["label"]),
        **{name: int(record[name]) for name in _INTEGERS},
        **{name: float(np.float32(record[name])) for name in _FLOATS},
        "kinds": list(record["kinds"]),
        **{name: np.asarray(record[name], np.float32).tolist() for name in _FLOAT_ARRAYS},
        **{name: np.asarray(record[name], np.int64).tolist() for name in _INTEGER_ARRAYS},
        "placement": dataclasses.asdict(placement),
    }
    return json.dumps(row, allow_nan=False)


def write(folder: pathlib.Path, split: str, content: str, rows: Sequence[str]) -> DataFile:
    """Writes the rows of one split's "views" or "crops" into `folder`, and returns what the manifest says of the file.

    Raises:
        OSError: It cannot be written.
    """
    path = folder / file_name(split, content)
    files.write_text(path, "".join(f"{row}\n" for row in rows))
    return DataFile.of(path, content, len(rows))


def summarise(
    views: Iterable[RecordInfo],
    crops: Iterable[RecordInfo],
    shards: Iterable[DataFile],
    indexes: Iterable[DataFile],
) -> Split:
    """Returns what the manifest says of a split, by what its records say.

    Args:
        views: Of the whole views.
        crops: Of the crops.
        shards: The files of records.
        indexes: The files that describe them.
    """
    views, crops = list(views), list(crops)
    return Split(
        patients=len({info.patient_id for info in views}),
        exams=len({info.exam_id for info in views}),
        images=_counted(labels.NAMES, [info.label for info in views]),
        lesions=_counted(labels.LESION_NAMES, [Label(kind) for info in views for kind in info.pathologies]),
        crops={
            Content.BACKGROUND.value if name == Label.NORMAL.title else name: count
            for name, count in _counted(labels.NAMES, [info.label for info in crops]).items()
        },
        shards=tuple(shards),
        indexes=tuple(indexes),
    )


def _counted(names: Iterable[str], found: Iterable[Label]) -> dict[str, int]:
    return {**dict.fromkeys(names, 0), **collections.Counter(label.title for label in found)}


def parse(lines: Iterable[str]) -> dict[int, RecordInfo]:
    """Returns what rows say, by the key of the record, in their order.

    Raises:
        ValueError: A row is none that `row_of` writes.
    """
    infos: dict[int, RecordInfo] = {}
    try:
        for line in lines:
            row = typed_json.into(typed_json.decode(line.encode()), _Row)
            infos[row.key] = _info(row)
    except (ValueError, OverflowError) as error:  # the latter: a number that is too large for an array
        raise ValueError(f"it has a row that is none of an index: {errors.in_line(error)}") from None
    return infos


@dataclasses.dataclass(frozen=True)
class _Row:
    """What `row_of` writes."""

    key: int
    patient_id: str
    exam_id: str
    volume: str
    path: str
    laterality: Laterality | None
    projection: Projection | None
    label: Label
    density: int
    source_height_px: int
    source_width_px: int
    age_years: float
    source_spacing_mm: float
    kinds: tuple[str, ...]
    boxes_xyxy_px: tuple[tuple[float, float, float, float], ...]
    areas_px: tuple[float, ...]
    pathologies: tuple[Label, ...]
    subtleties: tuple[int, ...]
    placement: Placement


def _info(row: _Row) -> RecordInfo:
    lesions = len(row.boxes_xyxy_px)
    if {len(row.kinds), len(row.areas_px), len(row.pathologies), len(row.subtleties)} != {lesions}:
        raise ValueError(f"what it says is not of {lesions} lesions")
    fields = {field.name: getattr(row, field.name) for field in dataclasses.fields(row) if field.name != "key"}
    arrays = {
        "boxes_xyxy_px": np.array(row.boxes_xyxy_px, np.float32).reshape(-1, 4),
        "pathologies": np.array(row.pathologies, np.int64),
        "areas_px": np.array(row.areas_px, np.float32),
        "subtleties": np.array(row.subtleties, np.int64),
    }
    return RecordInfo(**fields | arrays)


def _window(values: Iterable[int]) -> tuple[int, int, int, int]:
    x_min, y_min, x_max, y_max = map(int, values)
    return x_min, y_min, x_max, y_max
