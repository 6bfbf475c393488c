import dataclasses
import struct
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from mammo.clinical.labels import Label, Laterality, Projection
from mammo.common import files
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.data import encodings, index
from mammo.data.shards import Shards
from tests import programs
from tests.mammo.data import small_shards, verification_test

LABELS = [[0, 1, 2], [2, 0]]


@pytest.fixture
def opened(tmp_path):
    return small_shards.write(tmp_path, {"train": LABELS})


def _damage(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)  # of the same length: only the CRCs tell


def test_each_record_is_described_by_its_key(opened):
    infos = opened.describe("train")
    assert list(infos) == small_shards.keys(LABELS) == [0, 1, 2, 1 << 32, (1 << 32) + 1]
    assert [info.label for info in infos.values()] == [0, 1, 2, 2, 0]
    info = infos[1]
    assert (info.patient_id, info.exam_id, info.path) == ("train_0_1", "train_0_1_1", "train_0_1.png")
    assert (info.laterality, info.projection, info.volume) == (Laterality.LEFT, Projection.MLO, "A")
    assert info.label is Label.BENIGN
    assert (info.age_years, info.density) == (-1, 3)
    np.testing.assert_array_equal(info.boxes_xyxy_px, [[0.5, 1, 2.5, 4], [0.5, 1, 3.5, 4]])
    np.testing.assert_array_equal(info.pathologies, [1, 1])
    assert info.kinds == ("mass", "mass")
    assert info.placement.to_source(np.array([0, 0, 6, 8])) == pytest.approx([10, 0, 70, 80])


def test_a_normal_view_has_no_boxes(opened):
    assert opened.describe("train")[0].boxes_xyxy_px.shape == (0, 4)


def test_a_record_is_located_by_image_shard_and_number(opened, tmp_path):
    (place,) = opened.locate("train", [np.int64(1 << 32 | 1)])
    assert place == f"train_1_1.png ({tmp_path}/train-views-00001-of-00002.tfrecord, record 1)"


def test_a_missing_shard_is_named(opened, tmp_path):
    path = opened.files("train")[1].path
    path.unlink()
    with pytest.raises(InputError, match=f"{path.name} is missing"):
        Shards.open(tmp_path)
    assert f"{path.name} is missing" in str(opened.find_damage("train"))


def test_a_shard_of_another_length_is_named(opened, tmp_path):
    path = opened.files("train")[0].path
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=rf"{path.name} has [\d,]+ bytes where manifest.json says [\d,]+"):
        Shards.open(tmp_path)


@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_damaged_record_is_named_by_its_number(opened, part):
    file = opened.files("train")[0]
    size = file.path.stat().st_size
    _damage(file.path, int(part * size))
    assert f"{file.path.name} is damaged in record {int(part * 3)};" in str(opened.find_damage("train"))


def test_a_record_of_something_else_is_named(opened):
    file = opened.files("train")[1]
    with tf.io.TFRecordWriter(str(file.path)) as writer:
        writer.write(b"\xff no example")
    assert f"{file.path.name} is damaged in record 0;" in str(opened.find_damage("train"))


@pytest.mark.parametrize(("target", "source", "promised"), [(0, 1, 3), (1, 0, 2)])
def test_a_shard_with_fewer_or_more_records_than_promised_is_named(opened, target, source, promised):
    of_split = opened.files("train")
    of_split[target].path.write_bytes(of_split[source].path.read_bytes())
    damage = opened.find_damage("train")
    assert f"{of_split[target].path.name} does not hold the {promised} records that manifest.json says" in str(damage)


def test_a_record_that_claims_to_be_larger_than_its_file_is_named(opened):
    file = opened.files("train")[0]
    verification_test.claim_length(file.path, 1 << 40)
    assert f"{file.path.name} is damaged in record 0;" in str(opened.find_damage("train"))


@pytest.mark.parametrize("side_px", [7, 50_000, -1])
def test_an_image_of_another_size_than_its_record_says_is_named_before_it_is_decoded(tmp_path, side_px):
    bomb = encodings.encode_image(np.zeros((8, 7), np.float32), Encoding.PNG16)
    bomb = bomb[:16] + struct.pack(">i", side_px) + bomb[20:]
    opened = small_shards.write(tmp_path, {"train": [[0, 1]]}, Encoding.PNG16, {"image": bomb})
    with pytest.raises(InputError, match=rf"{opened.files('train')[0].path.name} is damaged in record 1"):
        opened.read_image("train", 1)
    assert "is damaged in record 0;" in str(opened.find_damage("train"))


def test_sound_shards_have_no_damage(opened):
    assert opened.find_damage("train") is None


@pytest.mark.parametrize(("split", "content"), [("test", "views"), ("train", "crops")])
def test_a_split_without_records_is_refused(opened, split, content):
    with pytest.raises(InputError, match=f"has no {content} in the split '{split}'"):
        dataclasses.replace(opened, content=content).files(split)


def test_a_missing_or_altered_index_is_named(opened, tmp_path):
    path = tmp_path / "index-train-views.jsonl"
    content = path.read_text()
    path.write_text(content.replace("train_0_1.png", "train_9_1.png"))
    with pytest.raises(InputError, match=r"index-train-views\.jsonl is not the file that manifest\.json names"):
        Shards.open(tmp_path).describe("train")
    path.write_text(content[:-10])
    with pytest.raises(InputError, match=r"index-train-views\.jsonl has [\d,]+ bytes where manifest\.json says"):
        Shards.open(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=r"index-train-views\.jsonl is missing; copy it again, or convert"):
        Shards.open(tmp_path)
    with pytest.raises(InputError, match=r"index-train-views\.jsonl is missing; copy it again, or convert"):
        opened.describe("train")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: rows[:-1], r"has 4 rows that are not of the 5 views in the shards"),
        (lambda rows: [*rows[1:], rows[0]], r"has 5 rows that are not of the 5 views in the shards"),
        (lambda rows: [*rows[:-1], "[]"], r"is damaged \(it has a row that is none of an index"),
        (lambda rows: [*rows[:-1], "{"], r"is damaged \("),
    ],
)
def test_an_index_that_is_not_of_the_shards_is_refused(tmp_path, change, sentence):
    """As the manifest names it, but of other records: what a conversion of another version may have left."""
    opened = small_shards.write(tmp_path, {"train": LABELS})
    made = opened.manifest.splits["train"]
    rows = (tmp_path / "index-train-views.jsonl").read_text().splitlines()
    views = index.write(tmp_path, "train", "views", change(rows))
    splits = {**opened.manifest.splits, "train": dataclasses.replace(made, indexes=(views, made.indexes[1]))}
    altered = dataclasses.replace(opened, manifest=dataclasses.replace(opened.manifest, splits=splits), _described={})
    with pytest.raises(InputError, match=sentence):
        altered.describe("train")


def test_tensorflow_is_not_imported_to_describe_records(opened):
    program = (
        "import pathlib, sys\n"
        "from mammo.data.shards import Shards\n"
        f"shards = Shards.open(pathlib.Path({str(opened.folder)!r}))\n"
        "assert len(shards.describe('train')) == 5\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], env=programs.environment(), check=True)


def test_facts_are_the_manifest_without_its_files(opened):
    facts = opened.facts()
    assert facts["source"] == "drawn"
    assert facts["patients"] == {"train": 5, "validation": 0, "test": 0}
    assert not facts["is_phantom"]
    assert facts["manifest_sha256"] == files.sha256_of(opened.folder / "manifest.json")
    assert "splits" not in facts
