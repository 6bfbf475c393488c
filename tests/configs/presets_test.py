"""Each preset trains: two real steps, saved and gone on with, at a size that a test can bear."""

import pytest
import tensorflow as tf

from mammo import presets
from mammo.concepts import catalogue
from mammo.config import run
from mammo.stages import stages
from mammo.training import loop
from tests.mammo.training import disc_shards

_SMALL_DETECTOR = {"model.pyramid_channels": 8, "model.max_levels": 2, "model.head_depth": 1}
_SMALL_CLASSIFIER = {  # there is nothing to freeze without weights
    "transfer.frozen_steps": 0,
    "transfer.unfrozen_layers": -1,
}
_SMALL = {
    "devices": 0,
    "xla": False,
    "model.weights": "none",  # a test fetches nothing
    "input.batch_size": 2,
    "log_every_steps": 1,
    "evaluate_every_steps": 2,
    "save_every_steps": 1,
}


_OF_ONE_MODEL = {name: preset for name, preset in presets.PRESETS.items() if "models" not in preset.get_config()}
_OF_SEVERAL = {name: preset for name, preset in presets.PRESETS.items() if name not in _OF_ONE_MODEL}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 6, "validation": 3, "test": 3})


@pytest.mark.parametrize("name", _OF_ONE_MODEL)
def test_a_preset_trains_and_goes_on(name, shards, tmp_path):
    config = presets.PRESETS[name].get_config()
    small = _SMALL_DETECTOR if config.stage == "detector" else _SMALL_CLASSIFIER
    config.update_from_flattened_dict({**_SMALL, **small, "train_steps": 1})
    config.optimizer.warmup_steps = 0
    loop.train(run.from_fields(config), shards, tmp_path / "run")
    config.train_steps = 2
    loop.train(run.from_fields(config), shards, tmp_path / "run")
    last = tf.train.load_checkpoint(str(tmp_path / "run" / "checkpoints" / "last"))
    assert last.get_tensor("state/optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE") == 2


@pytest.mark.parametrize("name", _OF_SEVERAL)
def test_each_model_of_a_comparison_has_its_stage(name, shards):
    models = presets.PRESETS[name].get_config().models
    for config in models.values():
        config.model.weights, config.transfer = "none", {"frozen_steps": 0}
        assert stages.from_config(config, shards).name == config.stage
    taken = {model for concept in catalogue.CONCEPTS.values() for model in concept.roles}
    assert set(models) == taken  # comparing_test trains them
