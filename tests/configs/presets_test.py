"""Each preset trains: two real steps, saved and gone on with, at a size that a test can bear."""

import pytest
import tensorflow as tf

from mammo import presets
from mammo.training import loop
from tests.mammo.training import disc_shards

_SMALL_DETECTOR = {"model.pyramid_channels": 8, "model.max_levels": 2, "model.head_depth": 1}
_SMALL_CLASSIFIER = {"transfer.frozen_steps": 0}  # there is nothing to freeze without weights
_SMALL = {
    "devices": 0,
    "xla": False,
    "model.weights": "none",  # a test fetches nothing
    "input.batch_size": 2,
    "log_every_steps": 1,
    "evaluate_every_steps": 2,
    "save_every_steps": 1,
}


def _configs():
    """Every configuration of a model, those of comparisons included."""
    for name, preset in presets.PRESETS.items():
        config = preset.get_config()
        if "models" not in config:
            yield name, config
        for model, of_model in config.get("models", {}).items():
            of_model.model.backbone = "csp_darknet_nano"  # EfficientNets have their presets of one model
            yield f"{name}/{model}", of_model


@pytest.mark.parametrize("config", [pytest.param(config, id=name) for name, config in _configs()])
def test_a_preset_trains_and_goes_on(config, tmp_path):
    shards = disc_shards.write(tmp_path / "shards", {"train": 6, "validation": 3, "test": 3})
    small = _SMALL_DETECTOR if config.stage == "detector" else _SMALL_CLASSIFIER
    config.update_from_flattened_dict({**_SMALL, **small, "train_steps": 1})
    loop.train(config, shards, tmp_path / "run")
    config.train_steps = 2
    loop.train(config, shards, tmp_path / "run")
    last = tf.train.load_checkpoint(str(tmp_path / "run" / "checkpoints" / "last"))
    assert last.get_tensor("state/optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE") == 2
