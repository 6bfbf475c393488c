"""The preset for eight GPUs, with two replicas on a divided processor: `presets_test` says what else is shrunk."""

import dataclasses

import tensorflow as tf

from tests.configs import preset_runs, small_presets
from tests.mammo.training import disc_shards

# Before TensorFlow has used the processor.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


def test_two_replicas_train_resume_and_are_exported(weights, tmp_path):
    shards = disc_shards.write(tmp_path / "shards", {"train": 8, "validation": 3, "test": 3})
    config = small_presets.config("cloud/detector_8_gpus", "detector", weights, precision="bfloat16")
    assert (config.devices, config.xla, config.model.batch_norm) == (8, True, "replica")
    config = dataclasses.replace(config, devices=2, logical_processors=2)
    preset_runs.train_in_two(config, shards, tmp_path / "run")
    preset_runs.evaluate_and_export(shards, tmp_path / "run", tmp_path / "network")
