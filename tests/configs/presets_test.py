"""Each preset trains: two real steps, saved and gone on with, at a size that a test can bear."""

import pytest
import tensorflow as tf

from mammo import presets
from mammo.training import loop
from tests.mammo.training import disc_shards

_SMALL = {
    "devices": 0,
    "xla": False,
    "model.weights": "none",  # a test fetches nothing
    "model.pyramid_channels": 8,
    "model.max_levels": 2,
    "model.head_depth": 1,
    "input.batch_size": 2,
    "log_every_steps": 1,
    "evaluate_every_steps": 2,
    "save_every_steps": 1,
}


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_preset_trains_and_goes_on(name, tmp_path):
    shards = disc_shards.write(tmp_path / "shards", {"train": 6, "validation": 3, "test": 3})
    config = presets.PRESETS[name].get_config()
    assert config.stage == "detector"
    config.update_from_flattened_dict({**_SMALL, "train_steps": 1})
    loop.train(config, shards, tmp_path / "run")
    config.train_steps = 2
    loop.train(config, shards, tmp_path / "run")
    last = tf.train.load_checkpoint(str(tmp_path / "run" / "checkpoints" / "last"))
    assert last.get_tensor("state/optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE") == 2
