"""Classifiers for one GPU, which learn their head first: `presets_test` says what is shrunk."""

import pytest

from mammo.config.run import ClassifierConfig
from tests.configs import preset_runs, small_presets
from tests.mammo.models import short_efficientnet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_efficientnet.in_place_of_b0, autouse=True, scope="module")


@pytest.mark.parametrize(
    ("preset", "model"),
    [("cloud/whole_image_1_gpu", "whole_image"), ("cloud/comparison_1_gpu", "crop_classifier")],
    ids=["the study's head, of views", "of crops"],
)
def test_it_trains_its_head_then_its_backbone_and_is_exported(preset, model, tmp_path):
    shards = disc_shards.write(tmp_path / "shards", {"train": 6, "validation": 3, "test": 3})
    weights = small_presets.write_weights(tmp_path)
    config = small_presets.config(preset, model, weights, precision="bfloat16")
    assert isinstance(config, ClassifierConfig)
    assert config.xla
    assert (config.model.backbone, config.transfer.frozen_steps) == ("efficientnet_b0", 1)
    from_file = preset_runs.fresh(config, shards, tmp_path)
    after_one, after_two = preset_runs.train_in_two(config, shards, tmp_path / "run")
    # Convolutions are the backbone's alone.
    assert preset_runs.kernels(from_file).keys() == preset_runs.kernels(after_one).keys() != set()
    assert not preset_runs.moved(from_file, after_one)
    assert preset_runs.moved(after_one, after_two)
    preset_runs.evaluate_and_export(shards, tmp_path / "run", tmp_path / "network")
