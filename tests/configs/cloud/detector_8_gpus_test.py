"""The preset for eight GPUs, with two replicas on a divided processor: `presets_test` says what else is shrunk."""

import dataclasses

import pytest
import tensorflow as tf

from mammo.training import distribution, loop
from tests.configs import small_presets
from tests.mammo.models import short_efficientnet
from tests.mammo.training import disc_shards

# Before TensorFlow has used the processor.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

_short = pytest.fixture(short_efficientnet.in_place_of_b0, autouse=True, scope="module")


def test_two_replicas_train_and_go_on(tmp_path):
    shards = disc_shards.write(tmp_path / "shards", {"train": 8, "validation": 3, "test": 3})
    weights = small_presets.write_weights(tmp_path)
    config = small_presets.config("cloud/detector_8_gpus", "detector", weights)
    assert config.devices == 8
    config = dataclasses.replace(config, devices=2, logical_processors=2)
    try:
        loop.train(dataclasses.replace(config, train_steps=1), shards, tmp_path / "run")
        evaluation, _ = loop.train(config, shards, tmp_path / "run")
    finally:
        distribution.set_precision("float32")
    last = tf.train.load_checkpoint(str(tmp_path / "run" / "checkpoints" / "last"))
    assert last.get_tensor("state/optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE") == 2
    assert evaluation.run().image_count == 3
