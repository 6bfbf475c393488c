"""manifest.json: what a folder of shards holds, and how it was made. Its fields are part of the public interface."""

import dataclasses
import json
import pathlib
from typing import Any

from mammo.common import files
from mammo.common.errors import InputError
from mammo.imaging import pixel_path

FORMAT_VERSION = 2
FILE_NAME = "manifest.json"
SPLITS = ("train", "validation", "test")
PHANTOM = "phantom"
"""As `Manifest.source`: synthetic exams, of which no figure says anything of clinical worth."""


@dataclasses.dataclass(frozen=True)
class DataFile:
    """One file of a split: a shard, which holds records, or an index, which has a row for each record.

    Attributes:
        name: Of the file, in the manifest's folder: `<split>-<content>-<index>-of-<count>.tfrecord` of a shard,
            `index-<split>-<content>.jsonl` of an index.
        content: Of which records: "views" or "crops".
        records: How many.
        bytes: Size of the file.
        sha256: Of the file, in hexadecimal.
    """

    name: str
    content: str
    records: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Split:
    """What one split holds.

    Attributes:
        patients: How many.
        exams: How many.
        images: Number of views by "normal", "benign" and "cancer"; "unknown" is a key only where there are such, here
            and in the next two.
        lesions: Number of outlines on those views by "benign" and "cancer".
        crops: Number of crops by "background", "benign" and "cancer".
        shards: The files of records.
        indexes: What the records of each content say but their images, see `mammo.data.index`.
    """

    patients: int
    exams: int
    images: dict[str, int]
    lesions: dict[str, int]
    crops: dict[str, int]
    shards: tuple[DataFile, ...]
    indexes: tuple[DataFile, ...]


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a folder of shards holds, and how it was made.

    Attributes:
        format_version: Of this file and of the records.
        source: Name of the source, as --source takes it, or `PHANTOM`.
        labels: Where pathologies came from, as --labels takes it.
        pixel_path_version: Of the pixel path that made the images.
        height_px: Of a view's image ("height" in the file).
        width_px: Of a view's image ("width" in the file).
        encoding: How images are stored, a `schema.Encoding`.
        seed: Of the splits, the order and the background crops.
        rejected: How many views could not be used; rejected.csv says which and why.
        widened: On how many views the crop had to be widened to hold a lesion.
        splits: By name.
    """

    format_version: int
    source: str
    labels: str
    pixel_path_version: int
    height_px: int
    width_px: int
    encoding: str
    seed: int
    rejected: int
    widened: int
    splits: dict[str, Split]

    def write(self, folder: pathlib.Path) -> None:
        """Writes manifest.json into `folder`, whole or not at all."""
        fields = dataclasses.asdict(self)
        fields = {_IN_FILE.get(key, key): value for key, value in fields.items()}
        files.write_text(folder / FILE_NAME, json.dumps(fields, indent=2) + "\n")


_IN_FILE = {"height_px": "height", "width_px": "width"}  # the public interface names them so
_IN_CODE = {value: key for key, value in _IN_FILE.items()}


def read(folder: pathlib.Path) -> Manifest:
    """Reads and checks the manifest of a folder of shards.

    Raises:
        InputError: There is none, it is damaged, or this code does not know its version or pixel path.
    """
    path = folder / FILE_NAME
    try:
        fields: dict[str, Any] = json.loads(path.read_text())
        version = fields["format_version"]
        if version != FORMAT_VERSION:
            raise InputError(
                f"{path} is of format {version}, this code reads {FORMAT_VERSION}; convert the data again."
            )
        fields = {_IN_CODE.get(key, key): value for key, value in fields.items()}
        fields["splits"] = {name: _split_from(split) for name, split in fields["splits"].items()}
        manifest = Manifest(**fields)
    except FileNotFoundError:
        raise InputError(
            f"{folder} holds no {FILE_NAME}: convert a data set into it with //data_tools:convert."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error}); convert the data again.") from None
    if manifest.pixel_path_version != pixel_path.PIXEL_PATH_VERSION:
        raise InputError(
            f"{path} was made with pixel path {manifest.pixel_path_version}, this code has "
            f"{pixel_path.PIXEL_PATH_VERSION}; convert the data again."
        )
    return manifest


def _split_from(fields: dict[str, Any]) -> Split:
    files_of = {name: tuple(DataFile(**file) for file in fields[name]) for name in ("shards", "indexes")}
    return Split(**{**fields, **files_of})
