"""Presets for one GPU, compiled, in bfloat16, with phases and initial weights: `presets_test` says what is shrunk."""

import pytest

from mammo.config.run import ClassifierConfig
from mammo.training import distribution, loop
from tests.configs import preset_runs, small_presets

_WHOLE_WAY = [("cloud/whole_image_1_gpu", "whole_image"), ("cloud/comparison_1_gpu", "crop_classifier")]


def _config(preset, model, weights):
    """As it is on a GPU from Ampere on, where --config.precision=auto is bfloat16."""
    config = small_presets.config(preset, model, weights, precision="bfloat16")
    assert (config.xla, config.devices, config.model.backbone) == (True, 1, "efficientnet_b0")
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


@pytest.mark.parametrize(("preset", "model"), _WHOLE_WAY, ids=["the study's head, of views", "of crops"])
def test_it_trains_its_head_then_its_backbone_resumes_and_is_exported(preset, model, shards, weights, tmp_path):
    config = _config(preset, model, weights)
    assert isinstance(config, ClassifierConfig)
    assert config.transfer.frozen_steps == 1
    from_file = preset_runs.fresh(config, shards, tmp_path)
    after_one, after_two = preset_runs.train_in_two(config, shards, tmp_path / "run")
    # Convolutions are the backbone's alone.
    assert preset_runs.kernels(from_file).keys() == preset_runs.kernels(after_one).keys() != set()
    assert not preset_runs.moved(from_file, after_one)
    assert preset_runs.moved(after_one, after_two)
    preset_runs.evaluate_and_export(shards, tmp_path / "run", tmp_path / "network")
