"""A trained model on data that it never saw: its plan decides what it is, whatever the data."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.config.data import DataConfig
from mammo.models import plans
from mammo.stages import stages
from mammo.training import evaluating
from tests.mammo.data import small_shards
from tests.mammo.models import short_darknet
from tests.mammo.training import disc_shards, untrained

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

_IMAGES = {"train": 12, "validation": 3, "test": 6}
_STAGES = ("detector", "whole_image", "crop_classifier")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), _IMAGES)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Shards with lesions of other sizes."""
    return disc_shards.write(tmp_path_factory.mktemp("other"), _IMAGES, radii_px={1: 3, 2: 20})


@pytest.fixture(scope="module", params=_STAGES)
def trained(request, shards, tmp_path_factory):
    """The workdir of a run that has ended, and its network."""
    folder = tmp_path_factory.mktemp(request.param)
    sizes = {"crop__side_px": 32} if request.param == "crop_classifier" else {}
    return folder, untrained.write(folder, disc_shards.config(request.param, **sizes), DataConfig(), shards)


def test_it_is_the_same_on_any_data(trained, shards, other):
    folder, network = trained
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    for data in (shards, other):
        stage = stages.from_plan(plans.read(folder), data)
        evaluation = evaluating.of_best(folder, stage, strategy, "test")
        assert stage.plan == plans.read(folder)
        for own, expected in zip(evaluation.model.get_weights(), network.get_weights(), strict=True):
            np.testing.assert_array_equal(own, expected)
        report = evaluation.run().report()
        assert report["n"]["images"] == 6
        assert "froc" in report or "auc" in report


def test_other_data_would_have_given_other_anchors(shards, other):
    config = disc_shards.config()
    own, others = (stages.make_plan(config, data) for data in (shards, other))
    assert own.to_json()["anchors"] != others.to_json()["anchors"]
    assert own.data.manifest_sha256 != others.data.manifest_sha256
    assert stages.from_plan(own, other).plan.to_json()["anchors"] == own.to_json()["anchors"]


def test_crops_are_cut_from_views_of_any_size_and_views_must_fit(shards, tmp_path):
    large = disc_shards.write(tmp_path / "large", _IMAGES, side_px=96)
    stages.from_plan(stages.make_plan(disc_shards.config("crop_classifier"), shards), large)
    for stage in ("detector", "whole_image"):
        with pytest.raises(InputError, match=r"96 x 96 px, but the model takes 64 x 64 px; .*--height=64"):
            stages.from_plan(stages.make_plan(disc_shards.config(stage), shards), large)


def test_shards_without_crops_do_not_fit_a_plan_of_crops(shards, tmp_path):
    made = stages.make_plan(disc_shards.config("crop_classifier"), shards)
    views = small_shards.write(tmp_path, {"train": [[0, 1]], "test": [[0]]})
    with pytest.raises(InputError, match="has no crops in the split 'test'"):
        stages.from_plan(made, views).evaluator("test")


def test_images_of_another_pixel_path_are_refused(shards):
    made = stages.make_plan(disc_shards.config(), shards)
    old = dataclasses.replace(made, pixel_path_version=0)
    with pytest.raises(InputError, match=r"with pixel path \d+, but the model was trained with 0"):
        stages.from_plan(old, shards)
