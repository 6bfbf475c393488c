"""manifest.json: what a folder of shards holds, and how it was made. Its fields are part of the public interface."""

import dataclasses
import json
import pathlib
import re
from typing import Literal

from mammo.common import errors, files, typed_json
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.imaging import pixel_path

FORMAT_VERSION = 2
FILE_NAME = "manifest.json"
SPLITS = ("train", "validation", "test")
PHANTOM = "phantom"
"""As `Manifest.source`: synthetic exams, of which no figure says anything of clinical worth."""

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")  # with no folder before it
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COUNTED = {
    "images": {"normal", "benign", "cancer"},
    "lesions": {"benign", "cancer"},
    "crops": {"background", "benign", "cancer"},
}
_MOST_CHARACTERS = 200
_MOST_SIDE_PX = 1 << 15


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

    @classmethod
    def of(cls, path: pathlib.Path, content: str, records: int, *, name: str | None = None) -> "DataFile":
        """Returns what the manifest says of a file that is written; `name` is what it will be called, if not as now.

        Raises:
            OSError: It cannot be read.
        """
        return cls(name or path.name, content, records, path.stat().st_size, files.sha256_of(path))

    def __post_init__(self) -> None:
        """Checks the fields.

        Raises:
            ValueError: It names no file of the folder, or a number cannot be.
        """
        typed_json.require(
            _FILE_NAME.fullmatch(self.name) is not None, f"{self.name!r:.80} is no name of a file in its folder"
        )
        typed_json.require(self.content in ("views", "crops"), f"{self.name} holds neither views nor crops")
        # The frame of a record takes 16 bytes, its row in an index more.
        typed_json.require(0 <= 16 * self.records <= self.bytes, f"{self.name} cannot hold {self.records} records")
        typed_json.require(_SHA256.fullmatch(self.sha256) is not None, f"{self.name} has no SHA-256")


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

    def __post_init__(self) -> None:
        """Checks the fields.

        Raises:
            ValueError: A count is missing or below 0.
        """
        by_kind = {"images": self.images, "lesions": self.lesions, "crops": self.crops}
        for kind, counts in by_kind.items():
            typed_json.require(
                counts.keys() >= _COUNTED[kind], f"{kind} must count {', '.join(sorted(_COUNTED[kind]))}"
            )
            typed_json.require(min(counts.values()) >= 0, "a count cannot be below 0")
        typed_json.require(self.patients >= 0 and self.exams >= 0, "a count cannot be below 0")


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
        shows: What an image of `views` is: "views", or "breasts", both projections in one, CC above MLO.
        views_sha256: Of breasts, the SHA-256 of the manifest of the views that they are made of, in hexadecimal; of
            views None, and not in the file.
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
    shows: Literal["views", "breasts"] = "views"
    views_sha256: str | None = None

    def __post_init__(self) -> None:
        """Checks the fields.

        Raises:
            ValueError: A value cannot be.
        """
        for text in (self.source, self.labels):
            typed_json.require(
                0 < len(text) <= _MOST_CHARACTERS and text.isprintable(), "source and labels must be names"
            )
        sides_px = (self.height_px, self.width_px)
        typed_json.require(all(1 <= side <= _MOST_SIDE_PX for side in sides_px), f"{sides_px} px is no size of a view")
        typed_json.require(self.encoding in list(Encoding), f"the encoding {self.encoding!r:.40} is not known")
        typed_json.require(self.rejected >= 0 and self.widened >= 0, "a count cannot be below 0")
        typed_json.require(set(self.splits) == set(SPLITS), f"splits must be {', '.join(SPLITS)}")
        names = [file.name for split in self.splits.values() for file in (*split.shards, *split.indexes)]
        typed_json.require(len(set(names)) == len(names), "it names a file twice")
        is_hash = self.views_sha256 is None or _SHA256.fullmatch(self.views_sha256) is not None
        typed_json.require(is_hash, "views_sha256 is no SHA-256")
        typed_json.require(self.shows == "breasts" or self.views_sha256 is None, "only breasts have a views_sha256")

    def write(self, folder: pathlib.Path) -> None:
        """Writes manifest.json into `folder`, whole or not at all."""
        fields = dataclasses.asdict(self)
        fields = {_IN_FILE.get(key, key): value for key, value in fields.items() if value is not None}
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
        fields = typed_json.into(typed_json.read(path), dict[str, object])
        version = typed_json.into(fields.get("format_version"), int)
        if version != FORMAT_VERSION:
            raise InputError(
                f"{path} is of format {version}, this code reads {FORMAT_VERSION}; convert the data again."
            )
        manifest = typed_json.into({_IN_CODE.get(key, key): value for key, value in fields.items()}, Manifest)
    except FileNotFoundError:
        raise InputError(
            f"{folder} holds no {FILE_NAME}: convert a data set into it with //data_tools:convert."
        ) from None
    except ValueError as error:
        raise InputError(f"{path} is damaged ({errors.in_line(error)}); convert the data again.") from None
    if manifest.pixel_path_version != pixel_path.PIXEL_PATH_VERSION:
        raise InputError(
            f"{path} was made with pixel path {manifest.pixel_path_version}, this code has "
            f"{pixel_path.PIXEL_PATH_VERSION}; convert the data again."
        )
    return manifest
