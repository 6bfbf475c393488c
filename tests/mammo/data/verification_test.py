import dataclasses
import logging
import os
import pathlib
import struct

import pytest

from mammo.common import files
from mammo.common.errors import InputError
from mammo.data import manifests
from mammo.data.shards import Shards
from tests.mammo.data import small_shards


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own for each test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def opened(tmp_path):
    return small_shards.write(tmp_path / "shards", {"train": [[0, 1, 2], [2, 0]]})


def claim_length(path: pathlib.Path, length: int) -> None:
    """Has the first record of a file say that it is so long."""
    content = path.read_bytes()
    path.write_bytes(struct.pack("<Q", length) + content[8:])


def _alter(path):
    """Alters one byte, but neither size nor time."""
    state = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def _name_anew(shards, path):
    """Has the manifest name a file as it is now."""
    splits = {
        name: dataclasses.replace(
            split,
            shards=tuple(
                dataclasses.replace(shard, sha256=files.sha256_of(path)) if shard.name == path.name else shard
                for shard in split.shards
            ),
        )
        for name, split in shards.manifest.splits.items()
    }
    dataclasses.replace(shards.manifest, splits=splits).write(shards.folder)


def test_a_shard_whose_content_was_altered_is_refused_when_it_is_first_opened(opened, cache):
    path = opened.files("train")[1].path
    _alter(path)
    for stamp in cache.rglob("*"):  # as on another machine
        if stamp.is_file():
            stamp.unlink()
    with pytest.raises(InputError, match=rf"{path.name} is not the file that manifest\.json names; copy it again"):
        Shards.open(opened.folder)


def test_files_are_read_once_on_a_machine_and_again_once_they_are_touched(opened, caplog):
    path = opened.files("train")[1].path
    _alter(path)
    with caplog.at_level(logging.INFO):
        Shards.open(opened.folder)  # it was verified when it was written, and looks as it did then
        assert "Verified" not in caplog.text
        os.utime(path)
        with pytest.raises(InputError, match=rf"{path.name} is not the file"):
            Shards.open(opened.folder)
        _alter(path)  # back again
        Shards.open(opened.folder)
    assert "Verified the SHA-256 of the 8 files" in caplog.text


def test_without_a_place_for_stamps_files_are_verified_each_time(opened, cache, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    Shards.open(opened.folder)
    _alter(opened.files("train")[0].path)
    with pytest.raises(InputError, match="is not the file"):
        Shards.open(opened.folder)


@pytest.mark.parametrize("length", [1 << 40, (1 << 64) - 1, 1 << 31, 10_000])
def test_a_record_that_claims_to_be_larger_than_its_file_is_refused_whatever_the_manifest_says(opened, length):
    path = opened.files("train")[0].path
    claim_length(path, length)
    _name_anew(opened, path)
    with pytest.raises(InputError, match=rf"{path.name} is damaged in record 0; copy it again"):
        Shards.open(opened.folder)


def test_a_shard_with_other_than_the_promised_records_is_refused(opened):
    fields = (opened.folder / manifests.FILE_NAME).read_text()
    (opened.folder / manifests.FILE_NAME).write_text(fields.replace('"records": 3', '"records": 2', 1))
    with pytest.raises(InputError, match="does not hold the 2 records that"):
        Shards.open(opened.folder)
