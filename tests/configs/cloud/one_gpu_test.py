"""Presets for one GPU, compiled, in bfloat16, with phases and initial weights: `presets_test` says what is shrunk."""

import pytest

from mammo.config.run import ClassifierConfig, CropClassifierConfig
from mammo.training import distribution, loop
from tests.configs import preset_runs, small_presets

_WHOLE_WAY = [("cloud/whole_image_1_gpu", "whole_image"), ("cloud/comparison_1_gpu", "crop_classifier")]


def _config(preset, model, weights):
    """As it is on a GPU from Ampere on, where --config.precision=auto is bfloat16."""
    config = small_presets.config(preset, model, weights, precision="bfloat16")
    assert (config.xla, config.devices, config.model.backbone) == (True, 1, "efficientnet_lite0")
    return config


@pytest.mark.parametrize(
    ("preset", "model"),
    [each for each in small_presets.TRAINED_COMPILED if each not in _WHOLE_WAY and each[0] != "cloud/detector_8_gpus"],
)
def test_it_trains_through_its_phases(preset, model, shards, weights, tmp_path):
    config = _config(preset, model, weights)
    try:
        evaluation, _ = loop.train(config, shards, tmp_path)
        assert evaluation.run().report()["n"]["images"] > 0
    finally:
        distribution.set_precision("float32")


def test_the_study_trains_its_head_then_its_backbone_resumes_and_is_exported(shards, weights, tmp_path):
    config = _config(*_WHOLE_WAY[0], weights)
    assert isinstance(config, ClassifierConfig)
    assert config.transfer.frozen_steps == 1
    from_file = preset_runs.fresh(config, shards, tmp_path)
    after_one, after_two = preset_runs.train_in_two(config, shards, tmp_path / "run")
    # Convolutions are the backbone's alone.
    assert preset_runs.kernels(from_file).keys() == preset_runs.kernels(after_one).keys() != set()
    assert not preset_runs.moved(from_file, after_one)
    assert preset_runs.moved(after_one, after_two)
    preset_runs.evaluate_and_export(shards, tmp_path / "run", tmp_path / "network")


def test_a_solved_head_is_trained_on_with_its_backbone_resumes_and_is_exported(shards, weights, tmp_path):
    config = _config(*_WHOLE_WAY[1], weights)
    assert isinstance(config, CropClassifierConfig)
    assert config.transfer.head_c > 0
    assert len(config.crop.contexts) > 1
    preset_runs.train_in_two(config, shards, tmp_path / "run")
    preset_runs.evaluate_and_export(shards, tmp_path / "run", tmp_path / "network")
