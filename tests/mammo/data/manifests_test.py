import dataclasses
import json

import pytest

from mammo.common.errors import InputError
from mammo.data import manifests
from mammo.data.manifests import Manifest, Shard, Split
from mammo.imaging import pixel_path

SHARD = Shard("train-views-00000-of-00001.tfrecord", "views", 3, 1234, "ab" * 32)
SPLIT = Split(
    patients=1,
    exams=1,
    images={"normal": 2, "benign": 1, "cancer": 0},
    lesions={"benign": 1, "cancer": 0},
    crops={"background": 3, "benign": 1, "cancer": 0},
    shards=(SHARD,),
)
MANIFEST = Manifest(
    format_version=manifests.FORMAT_VERSION,
    source="mini_ddsm",
    labels="overlay",
    pixel_path_version=pixel_path.PIXEL_PATH_VERSION,
    height_px=1024,
    width_px=640,
    encoding="png16",
    seed=0,
    rejected=0,
    widened=0,
    splits={"train": SPLIT, "validation": SPLIT, "test": SPLIT},
)


def test_a_manifest_comes_back_as_it_was_written(tmp_path):
    MANIFEST.write(tmp_path)
    assert manifests.read(tmp_path) == MANIFEST


def test_the_fields_of_the_public_interface_are_there(tmp_path):
    MANIFEST.write(tmp_path)
    fields = json.loads((tmp_path / "manifest.json").read_text())
    assert fields.keys() >= {
        "format_version", "source", "pixel_path_version", "height", "width", "encoding", "seed", "rejected", "splits",
    }  # fmt: skip
    for split in ("train", "validation", "test"):
        assert fields["splits"][split].keys() >= {"patients", "exams", "images", "lesions", "shards"}
        assert fields["splits"][split]["shards"][0].keys() >= {"name", "records", "bytes", "sha256"}


def test_a_folder_without_one_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match=r"holds no manifest.json.*//data_tools:convert"):
        manifests.read(tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"format_version": 99}, "is of format 99"), ({"pixel_path_version": 0}, "was made with pixel path 0")],
)
def test_another_version_is_refused(tmp_path, changes, sentence):
    dataclasses.replace(MANIFEST, **changes).write(tmp_path)
    with pytest.raises(InputError, match=sentence):
        manifests.read(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format_version": 1, "splits": {"train": {}}}'])
def test_a_damaged_manifest_is_refused_by_name(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"manifest.json is damaged"):
        manifests.read(tmp_path)
