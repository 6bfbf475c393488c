import dataclasses
import json

import pytest

from mammo.common.errors import InputError
from mammo.data import manifests
from mammo.data.manifests import DataFile, Manifest, Split
from mammo.imaging import pixel_path
from tests import wrong_json


def _split(name):
    return Split(
        patients=1,
        exams=1,
        images={"normal": 2, "benign": 1, "cancer": 0},
        lesions={"benign": 1, "cancer": 0},
        crops={"background": 3, "benign": 1, "cancer": 0},
        shards=(DataFile(f"{name}-views-00000-of-00001.tfrecord", "views", 3, 1234, "ab" * 32),),
        indexes=(DataFile(f"index-{name}-views.jsonl", "views", 3, 567, "cd" * 32),),
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
    splits={name: _split(name) for name in manifests.SPLITS},
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
    [
        ({"format_version": 99}, "is of format 99"),
        ({"format_version": 1}, "format 1, this code reads 2; convert the data again"),
        ({"pixel_path_version": 0}, "was made with pixel path 0"),
    ],
)
def test_another_version_is_refused(tmp_path, changes, sentence):
    dataclasses.replace(MANIFEST, **changes).write(tmp_path)
    with pytest.raises(InputError, match=sentence):
        manifests.read(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format_version": 2, "splits": {"train": {}}}'])
def test_a_damaged_manifest_is_refused_by_name(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"manifest.json is damaged"):
        manifests.read(tmp_path)


def test_any_field_with_any_value_is_refused_in_a_sentence_or_can_be(tmp_path):
    MANIFEST.write(tmp_path)
    refused = read = 0
    for place, document in wrong_json.variants(json.loads((tmp_path / "manifest.json").read_text())):
        (tmp_path / "manifest.json").write_text(json.dumps(document))
        try:
            made = manifests.read(tmp_path)
            read += 1
        except InputError as error:
            assert str(tmp_path / "manifest.json") in str(error), place
            assert str(error).isprintable(), place
            assert str(error).endswith("convert the data again."), place
            refused += 1
        except Exception as error:
            raise AssertionError(place) from error
        else:
            assert all((tmp_path / shard.name).parent == tmp_path for shard in made.splits["train"].shards), place
    assert refused > read > 0


@pytest.mark.parametrize("content", ["[" * 5000, "\xff", '{"format_version": 1e999}', "null"])
def test_what_is_no_json_of_a_manifest_is_refused(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content, "latin-1")
    with pytest.raises(InputError, match=r"manifest\.json is damaged"):
        manifests.read(tmp_path)


@pytest.mark.parametrize("name", ["", ".", "..", "../x.tfrecord", "/etc/passwd", "a/b", "a\\b", "a\0", ".hidden", "ü"])
def test_a_shard_lies_in_the_folder_of_its_manifest(tmp_path, name):
    MANIFEST.write(tmp_path)
    fields = json.loads((tmp_path / "manifest.json").read_text())
    fields["splits"]["test"]["shards"][0]["name"] = name
    (tmp_path / "manifest.json").write_text(json.dumps(fields))
    with pytest.raises(InputError, match="is no name of a file in its folder"):
        manifests.read(tmp_path)
