import collections
import dataclasses
import itertools
import os

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from data_tools import folds
from data_tools.conversion import Conversion
from data_tools.engines.local import Local
from data_tools.records import RecordOptions
from mammo.clinical.labels import Label
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.data.shards import Shards
from tests.data_tools.drawn_source import DrawnSource
from tests.mammo.training import disc_shards

COUNT = 3
CONTENTS = ("views", "crops")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Patients of four views and some crops each, in several shards."""
    source = DrawnSource(tmp_path_factory.mktemp("data"), exams=15).write()
    options = RecordOptions(source.data_dir, 128, 80, Encoding.PNG8, seed=0, background_crops=1)
    folder = tmp_path_factory.mktemp("converted")
    Conversion(source, "overlay", options, folder, views_per_shard=10, limit=0, max_rejected=0, engine=Local(1)).run()
    return Shards.open(folder)


@pytest.fixture(scope="module")
def folders(shards, tmp_path_factory):
    """The folds, dealt beside what a killed dealing had left there."""
    output_dir = tmp_path_factory.mktemp("run") / "folds"
    (output_dir.with_name("folds.partial") / "1").mkdir(parents=True)
    made = folds.deal(shards, output_dir, COUNT)
    assert [path.name for path in output_dir.parent.iterdir()] == ["folds"]
    assert sorted(output_dir.iterdir()) == made
    return made


def _records(shards, split):
    """Each record as stored, with what the index says of it."""
    infos = shards.describe(split)
    stored = [
        (key, record)
        for file in shards.files(split)
        for key, record in zip(file.keys, tf.data.TFRecordDataset(str(file.path)).as_numpy_iterator(), strict=True)
    ]
    return [(record, infos[key]) for key, record in stored]


def _dealt(shards):
    return {record: info for split in folds.DEALT for record, info in _records(shards, split)}


@pytest.mark.parametrize("content", CONTENTS)
def test_each_record_is_judged_in_one_fold_and_learnt_from_in_all_others_byte_for_byte(shards, folders, content):
    source = _dealt(dataclasses.replace(shards, content=content))
    judged: collections.Counter[bytes] = collections.Counter()
    for folder in folders:
        fold = dataclasses.replace(Shards.open(folder), content=content)
        of_split = {split: [record for record, _ in _records(fold, split)] for split in folds.DEALT}
        assert sorted([*of_split["train"], *of_split["validation"]]) == sorted(source)
        judged.update(of_split["validation"])
    assert judged == collections.Counter(source.keys())


@pytest.mark.parametrize("content", CONTENTS)
def test_the_index_of_a_fold_says_what_that_of_the_source_does(shards, folders, content):
    source = _dealt(dataclasses.replace(shards, content=content))
    for folder in folders:
        for record, info in _dealt(dataclasses.replace(Shards.open(folder), content=content)).items():
            np.testing.assert_equal(dataclasses.asdict(info), dataclasses.asdict(source[record]))


def test_no_patient_is_in_two_splits_of_a_fold(folders):
    for folder in folders:
        opened = Shards.open(folder)
        patients = [
            {info.patient_id for own in (opened, opened.crops) for info in own.describe(split).values()}
            for split in opened.manifest.splits
        ]
        for one, other in itertools.combinations(patients, 2):
            assert not one & other


def test_labels_of_patients_are_dealt_evenly(folders):
    dealt = []
    for folder in folders:
        worst: dict[str, Label] = {}
        for info in Shards.open(folder).describe("validation").values():
            worst[info.patient_id] = max(info.label, worst.get(info.patient_id, info.label))
        dealt.append(collections.Counter(worst.values()))
    for label in (Label.NORMAL, Label.BENIGN, Label.CANCER):
        assert max(fold[label] for fold in dealt) - min(fold[label] for fold in dealt) <= 1
    sizes = [fold.total() for fold in dealt]
    assert max(sizes) - min(sizes) <= 1


_WORST_LABELS = st.dictionaries(st.text(max_size=4), st.sampled_from(Label), min_size=4, max_size=40)


@hypothesis.given(_WORST_LABELS, st.integers(2, 4), st.integers(0, 9))
def test_any_patients_are_dealt_evenly_and_by_the_seed_alone(worst_labels, count, seed):
    fold_of = folds.assign(worst_labels, count, seed)
    assert fold_of.keys() == worst_labels.keys()
    for label in Label:
        sizes = [
            sum(worst_labels[patient] == label for patient in fold_of if fold_of[patient] == k) for k in range(count)
        ]
        assert max(sizes) - min(sizes) <= 1
    sizes = [list(fold_of.values()).count(fold) for fold in range(count)]
    assert max(sizes) - min(sizes) <= 1
    assert folds.assign(dict(reversed(worst_labels.items())), count, seed) == fold_of


def test_another_seed_deals_others_together():
    worst_labels = {str(number): Label(number % 3) for number in range(30)}
    assert folds.assign(worst_labels, 5, seed=0) != folds.assign(worst_labels, 5, seed=1)


def test_the_manifest_of_a_fold_counts_what_was_dealt(shards, folders):
    def counted(splits):
        return {
            kind: sum((collections.Counter(getattr(split, kind)) for split in splits), collections.Counter())
            for kind in ("images", "lesions", "crops")
        } | {kind: sum(getattr(split, kind) for split in splits) for kind in ("patients", "exams")}

    expected = counted([shards.manifest.splits[split] for split in folds.DEALT])
    assert expected["crops"].keys() == {"background", "benign", "cancer"}
    for folder in folders:
        made = Shards.open(folder).manifest
        assert counted([made.splits[split] for split in folds.DEALT]) == expected
        assert dataclasses.replace(made, splits=shards.manifest.splits) == shards.manifest
        infos = Shards.open(folder).describe("validation").values()
        assert made.splits["validation"].images["cancer"] == sum(info.label == Label.CANCER for info in infos)
        assert made.splits["validation"].patients == len({info.patient_id for info in infos})


def test_the_test_split_stays_what_it_is(shards, folders):
    for folder in folders:
        test = Shards.open(folder).manifest.splits["test"]
        assert test == shards.manifest.splits["test"]
        for file in (*test.shards, *test.indexes):
            assert (folder / file.name).samefile(shards.folder / file.name)


def test_folds_share_their_files(shards, folders):
    test = {file.name for file in shards.manifest.splits["test"].shards}
    records = [path for folder in folders for path in folder.glob("*.tfrecord")]
    assert {path.stat().st_nlink for path in records if path.name not in test} == {COUNT}
    assert {path.stat().st_nlink for path in records if path.name in test} == {1 + COUNT}
    sizes = {path.stat().st_ino: path.stat().st_size for path in records}
    assert sum(sizes.values()) == sum(path.stat().st_size for path in shards.folder.glob("*.tfrecord"))


def test_folds_that_are_there_are_taken_as_they_are(shards, folders):
    def times():
        return {path: path.stat().st_mtime_ns for folder in folders for path in folder.iterdir()}

    before = times()
    assert folds.deal(shards, folders[0].parent, COUNT) == folders
    assert times() == before != {}


def test_fewer_patients_than_folds_are_refused(tmp_path):
    few = disc_shards.write(tmp_path / "shards", {"train": 3, "validation": 1, "test": 1})
    with pytest.raises(InputError, match=r"4 patients cannot be dealt into --folds=5; give more exams\."):
        folds.deal(few, tmp_path / "folds", 5)
    assert not (tmp_path / "folds").exists()
    assert len(folds.deal(few, tmp_path / "folds", 4)) == 4


def test_a_damaged_record_is_named_and_nothing_is_dealt(tmp_path):
    broken = disc_shards.write(tmp_path / "shards", {"train": 6, "validation": 3})
    path = broken.files("train")[1].path
    for split, own in itertools.product(folds.DEALT, (broken, broken.crops)):
        own.describe(split)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path.name} is damaged in record 1"):
        folds.deal(broken, tmp_path / "folds", 2)
    assert not (tmp_path / "folds").exists()


def test_where_files_cannot_be_linked_they_are_copied(shards, folders, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    copied = folds.deal(shards, tmp_path / "folds", COUNT)
    for folder, linked in zip(copied, folders, strict=True):
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            path.name: path.read_bytes() for path in linked.iterdir()
        }
