"""A bundle of known networks on labelled shards that it has never seen."""

import json

import pytest

from data_tools.conversion import Conversion
from data_tools.engines.local import Local
from data_tools.records import RecordOptions
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.data.shards import Shards
from mammo.inference import bundle_evaluation
from tests import programs
from tests.data_tools.drawn_source import DrawnSource
from tests.mammo.inference import bright_disc

EXAMS = 24


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Views with a bright disc where the case is benign or cancer: the finder of the bundle finds these."""
    return DrawnSource(tmp_path_factory.mktemp("source"), EXAMS).write()


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return bright_disc.write(tmp_path_factory.mktemp("bundles") / "bright")


def _convert(source, folder, height_px=bright_disc.HEIGHT_PX, width_px=bright_disc.WIDTH_PX):
    options = RecordOptions(source.data_dir, height_px, width_px, Encoding.PNG16, seed=0, background_crops=0)
    Conversion(source, "status", options, folder, views_per_shard=8, limit=0, max_rejected=0, engine=Local(1)).run()
    return Shards.open(folder)


@pytest.fixture(scope="module")
def shards(source, tmp_path_factory):
    return _convert(source, tmp_path_factory.mktemp("shards") / "shards")


def test_what_the_networks_find_is_judged_by_the_truth_of_the_shards(opened, shards, source):
    made = bundle_evaluation.evaluate(opened, shards, "test", source.data_dir, "float32")
    infos = shards.describe("test")
    lesions = sum(len(info.pathologies) for info in infos.values())
    assert lesions > 1
    assert made.figures["n"]["images"] == len(infos) == len(made.answers.keys)
    assert made.figures["n"]["lesions"] == lesions
    assert made.figures["froc"]["centre"]["sensitivity_at"]["1"]["value"] == 1.0
    assert made.figures["auc"]["image"]["tumour"]["value"] == 1.0
    point = made.figures["operating_points"]["exam"]["cancer"]["screening"]
    assert point["threshold"] == opened.facts.operating_points["screening"].threshold
    assert point["sensitivity"]["value"] == 1.0


def test_flips_of_a_bundle_are_looked_at_in_shards_too(shards, source, tmp_path):
    """Each look finds the disc, at one place: in the mean of both its score is that of one."""
    once, twice = (
        bundle_evaluation.evaluate(
            bright_disc.write(tmp_path / str(flips), flips=flips), shards, "test", source.data_dir, "float32"
        )
        for flips in (False, True)
    )
    assert once.answers.results is not None
    assert twice.answers.results is not None
    found = [pair for pair in zip(once.answers.results, twice.answers.results, strict=True) if pair[0].label]
    assert len(found) > 1
    for one, two in found:
        assert two.scores == pytest.approx(one.scores, abs=0.02)
        assert two.boxes_xyxy_px == pytest.approx(one.boxes_xyxy_px, abs=1.01)


def test_views_of_another_size_are_refused_with_the_flags_that_make_them_fit(opened, source, tmp_path):
    large = _convert(source, tmp_path / "large", 320, 192)
    with pytest.raises(InputError, match=r"takes 256 x 160 px; convert the data with --height=256 --width=160"):
        bundle_evaluation.evaluate(opened, large, "test", source.data_dir)


def test_a_second_look_says_which_files_it_lacks(opened, shards, tmp_path):
    with pytest.raises(InputError, match="give their folder as --source_dir"):
        bundle_evaluation.evaluate(opened, shards, "test", None)
    with pytest.raises(InputError, match="is missing, which the shards were made of"):
        bundle_evaluation.evaluate(opened, shards, "test", tmp_path)


def test_the_program_evaluates_a_bundle_and_never_writes_into_it(opened, shards, source):
    before = sorted(opened.folder.rglob("*"))
    flags = [f"--model={opened.folder}", f"--data_dir={shards.folder}", f"--source_dir={source.data_dir}"]
    ended = programs.run("mammo.evaluate", *flags)
    assert ended.returncode == 0, ended.stderr
    assert "the model on other data" in ended.stdout
    assert sorted(opened.folder.rglob("*")) == before
    report = json.loads((opened.folder.with_name("bright-evaluation-test") / "report.json").read_text())
    assert report["model"]["sha256"] == opened.sha256
    assert not report["data"]["is_training_data"]
    assert report["operating_points"]["exam"]["cancer"]["screening"]["sensitivity"]["value"] == 1.0
