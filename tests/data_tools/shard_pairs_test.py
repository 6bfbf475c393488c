import pytest
import tensorflow as tf

from data_tools import shard_pairs
from data_tools.records import RecordOptions
from data_tools.shard_pairs import Task
from mammo.common import files
from mammo.config.data import Encoding
from mammo.data import schema
from tests.data_tools.drawn_source import DrawnSource


@pytest.fixture
def source(tmp_path):
    return DrawnSource(tmp_path / "data", exams=3).write()


@pytest.fixture
def output_dir(tmp_path):
    (tmp_path / "out" / shard_pairs.JOURNAL_FOLDER).mkdir(parents=True)
    return tmp_path / "out"


def _task(source):
    return Task("train", 1, 4, tuple((exam, view) for exam in source.list_exams() for view in exam.views))


def _make(source, output_dir):
    options = RecordOptions(source.data_dir, 64, 40, Encoding.RAW, seed=0, background_crops=1)
    seen: list[None] = []
    result = shard_pairs.make(options, source, _task(source), output_dir, lambda: seen.append(None))
    assert len(seen) == 12  # progress hears of each view, rejected or not
    return result


def test_a_pair_holds_views_in_order_and_crops_apart(source, output_dir):
    result = _make(source, output_dir)
    views, crops = result.shards
    assert (views.name, views.records) == ("train-views-00001-of-00004.tfrecord", 12)
    assert (crops.name, crops.records) == ("train-crops-00001-of-00004.tfrecord", sum(result.crops.values()))
    dataset = tf.data.TFRecordDataset(str(output_dir / views.name))
    paths = [schema.decode(record, Encoding.RAW)["path"].numpy().decode() for record in dataset]
    listed = [str(view.path.relative_to(source.data_dir)) for _, view in _task(source).views]
    assert paths == listed
    contents = {
        schema.decode(record, Encoding.RAW)["content"].numpy()
        for record in tf.data.TFRecordDataset(str(output_dir / crops.name))
    }
    assert contents == {b"lesion", b"background"}


def test_the_result_counts_what_is_in_it(source, output_dir):
    result = _make(source, output_dir)
    assert result.images == {"normal": 8, "benign": 2, "cancer": 2}
    assert result.lesions == {"benign": 2, "cancer": 2}
    assert result.crops["benign"] == result.crops["cancer"] == 2
    assert result.patients == {"P_0000", "P_0001", "P_0002"}
    for shard in result.shards:
        path = output_dir / shard.name
        assert (path.stat().st_size, files.sha256_of(path)) == (shard.bytes, shard.sha256)


def test_the_journal_gives_the_result_back(source, output_dir):
    assert shard_pairs.read_journal(output_dir, _task(source)) is None
    assert shard_pairs.read_journal(output_dir, _task(source)) != _make(source, output_dir)
    assert shard_pairs.read_journal(output_dir, _task(source)) == _make(source, output_dir)


@pytest.mark.parametrize("damage", ["deleted", "cut short", "journal emptied"])
def test_a_pair_that_was_damaged_is_to_be_made_again(source, output_dir, damage):
    result = _make(source, output_dir)
    crops = output_dir / result.shards[1].name
    if damage == "deleted":
        crops.unlink()
    elif damage == "cut short":
        crops.write_bytes(crops.read_bytes()[:-1])
    else:
        next((output_dir / shard_pairs.JOURNAL_FOLDER).glob("*.json")).write_text("")
    assert shard_pairs.read_journal(output_dir, _task(source)) is None


def test_a_pair_with_a_rejected_view_is_to_be_made_again(source, output_dir):
    source.list_exams()[1].views[2].path.write_bytes(b"")
    result = _make(source, output_dir)
    ((path, reason),) = result.rejected
    assert path == "0001/right_cc.png"
    assert "is empty" in reason
    assert result.shards[0].records == 11
    assert shard_pairs.read_journal(output_dir, _task(source)) is None
