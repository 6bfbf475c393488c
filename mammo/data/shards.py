"""A folder of shards: which files it has, what each record is, and which one is damaged. No TensorFlow to ask that."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from mammo.common import files
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.data import index, manifests, shard_files, verification
from mammo.data.index import RecordInfo
from mammo.data.manifests import Manifest
from mammo.data.shard_files import ShardFile
from mammo.data.verification import REMEDY


@dataclasses.dataclass(frozen=True, eq=False)
class Shards:
    """What a conversion has made of all views, or of all crops.

    Attributes:
        folder: Where the files lie.
        manifest: What they hold.
        content: Which of its records are meant: "views" or "crops".
    """

    folder: pathlib.Path
    manifest: Manifest
    content: str = "views"
    _described: dict[tuple[str, str], dict[int, RecordInfo]] = dataclasses.field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, folder: pathlib.Path) -> "Shards":
        """Opens a folder of shards, and checks that each file is there and what the manifest says: see `verification`.

        Raises:
            InputError: The manifest cannot be used, or a file is missing or another one.
        """
        made = manifests.read(folder)
        verification.check_sizes(folder, made)
        opened = cls(folder, made)
        verification.verify(folder, made, opened.manifest_sha256)
        return opened

    @property
    def encoding(self) -> Encoding:
        """How images are stored."""
        return Encoding(self.manifest.encoding)

    @property
    def crops(self) -> "Shards":
        """The same folder, to read its crops."""
        return dataclasses.replace(self, content="crops")

    @functools.cached_property
    def manifest_sha256(self) -> str:
        """What identifies the conversion, in hexadecimal."""
        return files.sha256_of(self.folder / manifests.FILE_NAME)

    @property
    def data_sha256(self) -> str:
        """What identifies the views and their splits, in hexadecimal; breasts made of them are the same data."""
        return self.manifest.views_sha256 or self.manifest_sha256

    def facts(self) -> dict[str, object]:
        """Returns what reports and bundles say of the data: the manifest without its files, and its hash."""
        made = self.manifest
        left_out = ("splits", "views_sha256")
        fields = [field.name for field in dataclasses.fields(made) if field.name not in left_out]
        return {
            **{name: getattr(made, name) for name in fields},
            "is_phantom": made.source == manifests.PHANTOM,
            "manifest_sha256": self.data_sha256,
            "patients": {name: split.patients for name, split in made.splits.items()},
        }

    def files(self, split: str) -> list[ShardFile]:
        """Lists the files of a split in the manifest's order.

        Args:
            split: "train", "validation" or "test".

        Raises:
            InputError: The split has no records of that content.
        """
        shards = [shard for shard in self.manifest.splits[split].shards if shard.content == self.content]
        if not sum(shard.records for shard in shards):
            raise InputError(
                f"{self.folder} has no {self.content} in the split {split!r}; convert more exams or give another "
                "--data_dir."
            )
        return [ShardFile(place, self.folder / shard.name, shard.records) for place, shard in enumerate(shards)]

    def describe(self, split: str) -> Mapping[int, RecordInfo]:
        """Returns what each record says of its image, by its key, from the index; the second time it is known.

        Raises:
            InputError: The split has no records, or its index is missing or is not the one that the manifest names.
        """
        if (split, self.content) not in self._described:
            keys = [key for file in self.files(split) for key in file.keys]
            self._described[split, self.content] = self._read_index(split, keys)
        return self._described[split, self.content]

    def _read_index(self, split: str, keys: Sequence[int]) -> dict[int, RecordInfo]:
        named = next((file for file in self.manifest.splits[split].indexes if file.content == self.content), None)
        path = self.folder / (named.name if named else index.file_name(split, self.content))
        if named is None or not path.is_file():
            raise InputError(f"{path} is missing; {REMEDY}.")
        if files.sha256_of(path) != named.sha256:
            raise InputError(f"{path} is not the file that {manifests.FILE_NAME} names; {REMEDY}.")
        try:
            infos = index.parse(path.read_text().splitlines())
        except ValueError as error:
            raise InputError(f"{path} is damaged ({error}); {REMEDY}.") from None
        if list(infos) != list(keys):
            raise InputError(
                f"{path} has {len(infos)} rows that are not of the {len(keys)} {self.content} in the shards; {REMEDY}."
            )
        return infos

    def locate(self, split: str, keys: Sequence[int]) -> list[str]:
        """Says for people which records these are: "<image> (<shard>, record <number>)", counted from 0."""
        infos, of_split = self.describe(split), self.files(split)
        return [
            f"{infos[key].path} ({of_split[shard_files.shard_index(key)].path}, "
            f"record {shard_files.record_number(key)})"
            for key in map(int, keys)
        ]

    def read_image(self, split: str, key: int) -> np.ndarray:
        """Reads one image: float32 [H, W] in [0, 1]."""
        file = self.files(split)[shard_files.shard_index(key)]
        return shard_files.read_image(file, shard_files.record_number(key), self.encoding)

    def find_damage(self, split: str) -> InputError | None:
        """Reads every record of a split, and returns an error that names the first damaged one, if any is."""
        try:
            shard_files.check(self.files(split), self.encoding)
        except InputError as error:
            return error
        return None
