"""All of it in an object store, TensorFlow's own in memory, does what it does on a disk, to the last bit."""

import json

import numpy as np
import pytest
import tensorflow as tf

from data_tools.conversion import Conversion
from data_tools.engines.local import Local
from data_tools.records import RecordOptions
from mammo.common import storage
from mammo.common.errors import InputError, StoppedError
from mammo.concepts import trained_models
from mammo.concepts.catalogue import CONCEPTS
from mammo.concepts.concept import Role
from mammo.config.data import Encoding
from mammo.data.record_reader import RecordReader
from mammo.data.shards import Shards
from mammo.inference import bundles, exporting
from mammo.inference.predictor import Predictor
from mammo.inference.sealing import SUMS_FILE
from mammo.models import plans
from mammo.reports import run as report
from mammo.stages import stages
from mammo.training import agreement, distribution, evaluating, loop, telemetry, workdir
from tests.data_tools.drawn_source import DrawnSource
from tests.mammo.models import short_darknet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

EXAMS = 18


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return DrawnSource(tmp_path_factory.mktemp("data"), EXAMS).write()


def _go_the_whole_way(source, root, monkeypatch):
    """Converts, trains with a stop on the way, evaluates, exports."""
    options = RecordOptions(source.data_dir, 96, 64, Encoding.PNG16, seed=0, background_crops=1)
    Conversion(source, "overlay", options, root / "shards", 10, limit=0, max_rejected=0, engine=Local(1)).run()
    shards = Shards.open(root / "shards")
    own = root / "run"
    with workdir.claim(own):
        config = workdir.settle_config(own, disc_shards.config(), shards)
        with monkeypatch.context() as stopping, pytest.raises(StoppedError, match="Stopped at step 1 of 4"):
            stopping.setattr(agreement, "any_worker", lambda _strategy, flag: True)
            loop.train(config, shards, own)
        evaluation, seconds = loop.train(config, shards, own)
        report.write(own, evaluation, shards, workdir.to_json(config), {"training_s": seconds}, own)
    models = trained_models.find([own], shards)
    return exporting.export("a name", CONCEPTS["single_stage"], models, shards, source.data_dir, root / "bundle")


@pytest.fixture(scope="module")
def on_disk(source, tmp_path_factory):
    root = tmp_path_factory.mktemp("disk")
    with pytest.MonkeyPatch.context() as monkeypatch:
        return root, _go_the_whole_way(source, root, monkeypatch)


@pytest.fixture(scope="module")
def in_store(source):
    root = storage.path("ram://bucket/of/tests")
    with pytest.MonkeyPatch.context() as monkeypatch:
        return root, _go_the_whole_way(source, root, monkeypatch)


def _contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_shards_are_the_same_bytes(on_disk, in_store):
    made = _contents(in_store[0] / "shards")
    assert made.keys() >= {"manifest.json", "rejected.csv", "index-train-views.jsonl"}
    assert made == _contents(on_disk[0] / "shards")


def test_pictures_are_read_and_what_asks_for_records_one_by_one_says_that_it_needs_a_disk(on_disk, in_store):
    here, there = (Shards.open(root / "shards") for root, _ in (on_disk, in_store))
    key = list(there.describe("test"))[-1]
    np.testing.assert_array_equal(here.read_image("test", key), there.read_image("test", key))
    with pytest.raises(InputError, match=r"ram://bucket/of/tests/shards must be on a disk here"):
        RecordReader(there, "test")


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(on_disk, in_store):
    here, there = (tf.train.load_checkpoint(str(root / "run/checkpoints/last")) for root, _ in (on_disk, in_store))
    names = [name for name in here.get_variable_to_shape_map() if "model" in name and "OBJECT_GRAPH" not in name]
    assert len(names) > 30
    for name in names:
        np.testing.assert_array_equal(here.get_tensor(name), there.get_tensor(name), err_msg=name)


def test_the_run_keeps_what_a_run_keeps_and_no_more(on_disk, in_store):
    here, there = (set(_contents(root / "run")) for root, _ in (on_disk, in_store))
    not_compared = {name for name in here | there if name.startswith("tensorboard/")}
    assert there - not_compared == here - not_compared - {".lock"}
    assert any(name.startswith("tensorboard/") for name in there)
    steps = [row["step"] for row in telemetry.read_metrics(in_store[0] / "run") if "loss/total" in row]
    assert steps == [1, 2, 3, 4]
    figures = [json.loads((root / "run/report.json").read_text())["froc"] for root, _ in (on_disk, in_store)]
    assert figures[0] == figures[1]


def test_evaluate_takes_the_run_from_there(on_disk, in_store):
    shards = Shards.open(in_store[0] / "shards")
    stage = stages.from_plan(plans.read(in_store[0] / "run"), shards)
    evaluation = evaluating.of_best(in_store[0] / "run", stage, distribution.make_strategy(devices=1), "test")
    path = report.write(in_store[0] / "evaluation", evaluation, shards, {}, {}, in_store[0] / "run")
    assert "<svg" in path.read_text()


def test_a_bundle_is_taken_from_there_and_answers_as_that_of_the_disk(on_disk, in_store):
    shards = Shards.open(on_disk[0] / "shards")
    images = np.stack([shards.read_image("test", key) for key in shards.describe("test")])[..., None]
    predictors = [
        Predictor(bundles.open_bundle(root / "bundle"), precision="float32") for root, _ in (on_disk, in_store)
    ]
    here, there = (predictor.ask(Role.DETECTOR, images) for predictor in predictors)
    assert here.keys() == there.keys() >= {"scores"}
    for name, values in here.items():
        np.testing.assert_array_equal(values, there[name])


def test_people_are_told_where_a_bundle_lies_not_where_its_copy_is(in_store):
    assert in_store[1].folder == in_store[0] / "bundle"
    altered = in_store[0] / "altered"
    for name, content in _contents(in_store[0] / "bundle").items():
        (altered / name).write_bytes(content + b" " * (name == "MODEL_CARD.md"))
    with pytest.raises(InputError, match=r"ram://bucket/of/tests/altered was altered: MODEL_CARD.md is not what"):
        bundles.open_bundle(altered)


def test_a_bundle_names_no_file_outside_of_it(in_store):
    escaping = in_store[0] / "escaping"
    for name, content in _contents(in_store[0] / "bundle").items():
        (escaping / name).write_bytes(content + f"{'0' * 64}  ../../evil\n".encode() * (name == SUMS_FILE))
    with pytest.raises(InputError, match=r"escaping/SHA256SUMS has a line that no export writes"):
        bundles.open_bundle(escaping)


def test_half_a_bundle_is_none(in_store):
    half = in_store[0] / "half"
    for name, content in _contents(in_store[0] / "bundle").items():
        if name != SUMS_FILE:
            (half / name).write_bytes(content)
    with pytest.raises(InputError, match=r"ram://bucket/of/tests/half holds no model bundle"):
        bundles.open_bundle(half)


def test_a_file_of_another_size_is_refused(in_store):
    copy = in_store[0] / "cut"
    for name, content in _contents(in_store[0] / "shards").items():
        (copy / name).write_bytes(content[:-1] if name.startswith("test-views") else content)
    with pytest.raises(InputError, match=r"ram://bucket/of/tests/cut/test-views.* bytes where manifest.json says"):
        Shards.open(copy)


def test_damage_is_found_as_it_is_read(in_store):
    copy = in_store[0] / "damaged"
    for name, content in _contents(in_store[0] / "shards").items():
        damaged = content[:200] + bytes([content[200] ^ 1]) + content[201:] if len(content) > 200 else content
        (copy / name).write_bytes(damaged if name.startswith("test-views") else content)
    damage = Shards.open(copy).find_damage("test")
    assert damage is not None
    assert "is damaged in record 0" in str(damage)
