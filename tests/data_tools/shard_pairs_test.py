import dataclasses

import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_tools import shard_pairs
from data_tools.records import RecordOptions
from data_tools.shard_pairs import Task
from mammo.clinical.labels import Label
from mammo.common import files
from mammo.config.data import Encoding
from mammo.data import index, schema
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


def _no_memory_of_opencv() -> Exception:
    """What OpenCV raises where it cannot have a picture's memory."""
    try:
        cv2.resize(np.zeros((1, 1), np.uint8), (2**30, 2**30))
    except cv2.error as error:
        return error
    raise AssertionError("there was room for 2^60 pixels")


def _failing_at(source, path, error):
    @dataclasses.dataclass(frozen=True)
    class Failing(DrawnSource):
        def annotate(self, exam, view, height_px, width_px):
            if view.path == self.data_dir / path:
                raise error
            return super().annotate(exam, view, height_px, width_px)

    return Failing(source.data_dir, source.exams)


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


@dataclasses.dataclass(frozen=True)
class HalfJudged(DrawnSource):
    """As the drawn source; but nobody judged P_0000, nor the lesions of P_0002."""

    def annotate(self, exam, view, height_px, width_px):
        made = super().annotate(exam, view, height_px, width_px)
        if exam.patient_id == "P_0002":
            lesions = tuple(dataclasses.replace(lesion, pathology=Label.UNKNOWN) for lesion in made.lesions)
            return dataclasses.replace(made, lesions=lesions)
        return dataclasses.replace(made, is_judged=exam.patient_id != "P_0000")


def test_what_nobody_judged_is_stored_as_unknown_and_counted_as_nothing_else(source, output_dir):
    result = _make(HalfJudged(source.data_dir, source.exams), output_dir)
    assert result.images == {"normal": 4, "benign": 2, "cancer": 0, "unknown": 6}
    assert result.lesions == {"benign": 2, "cancer": 0, "unknown": 2}
    assert result.crops == {"background": 8, "benign": 2, "cancer": 0, "unknown": 6}
    infos = [*index.parse(result.rows["views"]).values(), *index.parse(result.rows["crops"]).values()]
    records = [
        schema.decode(record, Encoding.RAW)
        for shard in result.shards
        for record in tf.data.TFRecordDataset(str(output_dir / shard.name))
    ]
    for info, record in zip(infos, records, strict=True):
        is_outlined = record["content"] != b"background" and info.path.split("/")[1].startswith("left")
        is_unknown = info.patient_id == "P_0000" or (info.patient_id == "P_0002" and is_outlined)
        assert info.label == record["label"]
        assert (info.label == Label.UNKNOWN) == is_unknown
        assert record["pathologies"].numpy().tolist() == info.pathologies.tolist()
        assert set(info.pathologies.tolist()) <= {int(info.label)}


def test_rows_are_those_of_the_records_of_their_shard(source, output_dir):
    result = _make(source, output_dir)
    for shard in result.shards:
        infos = index.parse(result.rows[shard.content])
        assert list(infos) == [(1 << 32) + number for number in range(shard.records)]
        dataset = tf.data.TFRecordDataset(str(output_dir / shard.name))
        for info, record in zip(infos.values(), dataset, strict=True):
            fields = schema.decode(record, Encoding.RAW)
            assert (info.path, info.label) == (fields["path"].numpy().decode(), fields["label"])
            assert info.boxes_xyxy_px.tolist() == fields["boxes_xyxy_px"].numpy().tolist()


@pytest.mark.parametrize("error", [MemoryError(), _no_memory_of_opencv()])
def test_a_view_that_takes_more_memory_than_there_is_costs_itself(source, output_dir, error):
    result = _make(_failing_at(source, "0001/left_cc.png", error), output_dir)
    reason = "takes more memory than there is; run it again with fewer --workers"
    assert result.rejected == [("0001/left_cc.png", reason)]
    assert result.shards[0].records == 11


def test_a_fault_of_the_program_is_no_fault_of_the_view_and_names_it(source, output_dir):
    with pytest.raises(ZeroDivisionError) as raised:
        _make(_failing_at(source, "0001/left_cc.png", ZeroDivisionError()), output_dir)
    assert raised.value.__notes__ == [f"It came of {source.data_dir}/0001/left_cc.png."]
    assert [path.name for path in output_dir.iterdir()] == [shard_pairs.JOURNAL_FOLDER]


@pytest.mark.parametrize("text", ["", "[]", "[" * 10_000, '{"shards": 1}', '{"shards": [{"name": "a"}]}', "\udcff"])
def test_a_pair_whose_journal_is_damaged_is_made_again(source, output_dir, text):
    _make(source, output_dir)
    journal = output_dir / shard_pairs.JOURNAL_FOLDER / "train-00001.json"
    assert shard_pairs.read_journal(output_dir, _task(source)) is not None
    journal.write_bytes(text.encode(errors="surrogateescape"))
    assert shard_pairs.read_journal(output_dir, _task(source)) is None
