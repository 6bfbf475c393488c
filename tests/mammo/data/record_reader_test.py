import numpy as np
import pytest

from mammo.common.errors import InputError
from mammo.data.record_reader import RecordReader
from tests.mammo.data import small_shards

LABELS = [[0, 1, 2], [2], [1, 0]]


@pytest.fixture
def shards(tmp_path):
    return small_shards.write(tmp_path, {"train": LABELS})


def test_records_are_read_wherever_they_stand_in_any_order(shards):
    reader, infos = RecordReader(shards, "train"), shards.describe("train")
    for key in [*reversed(infos), *infos]:
        record = reader.read(key)
        assert record["path"].decode() == infos[key].path
        assert int(record["label"]) == infos[key].label
        assert record["image"].dtype == np.float32
        np.testing.assert_array_equal(record["image"], shards.read_image("train", key))


@pytest.mark.parametrize("at", [6, -20])  # in the length of the first record, or in the last record
def test_a_damaged_record_is_named_with_its_file(shards, at):
    file = shards.files("train")[0]
    content = bytearray(file.path.read_bytes())
    content[at] ^= 255
    file.path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"train-views-00000-of-00003.tfrecord is damaged in record [02]"):
        RecordReader(shards, "train").read(file.keys[-1])


def test_a_missing_file_is_named(shards):
    file = shards.files("train")[1]
    file.path.unlink()
    with pytest.raises(InputError, match=r"train-views-00001-of-00003.tfrecord is missing"):
        RecordReader(shards, "train").read(file.keys[0])
