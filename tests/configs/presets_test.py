"""Each preset as it is: two real steps, saved after the first and resumed, its best weights evaluated and exported.

Only sizes are shrunk: images of 64 px, batches of two, few channels, one convolution a head, an EfficientNet of one
block a stage; a frozen phase lasts one step, so that the second step is of the next phase. Each preset keeps its
precision and its phases, and everything else that is no size, with two exceptions for the time they take:

- XLA takes minutes to compile an EfficientNet on two cores, so presets for GPUs are run without it. One detector and
  one classifier with the CSPDarkNet of the other presets are compiled in its place.
- Models of several presets whose configurations are the same at this size share one run.

The preset for eight GPUs has two replicas, in a process of its own: `cloud/detector_8_gpus_test.py`.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mammo.concepts import catalogue
from mammo.config.run import ClassifierConfig
from mammo.inference import bundles, freezing
from mammo.models import plans
from mammo.stages import stages
from mammo.training import distribution, evaluating, loop
from tests.configs import small_presets
from tests.mammo.models import short_efficientnet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_efficientnet.in_place_of_b0, autouse=True, scope="module")
_NAMES = [names for names in small_presets.names() if names[0] != "cloud/detector_8_gpus"]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 6, "validation": 3, "test": 3})


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return small_presets.write_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def run_of(shards, tmp_path_factory):
    """Trains one step, then goes on for another, once for each configuration; returns the workdir."""
    folders = {}

    def run(config):
        if config not in folders:
            folder = tmp_path_factory.mktemp("run")
            loop.train(dataclasses.replace(config, train_steps=1), shards, folder)
            after_one = _weights(folder)
            loop.train(config, shards, folder)
            folders[config] = folder, after_one, _weights(folder)
        return folders[config]

    yield run
    distribution.set_precision("float32")


def _weights(folder):
    return _read(folder / "checkpoints" / "last", "state/")


def _read(path, prefix):
    """Values of a checkpoint by their names behind the prefix."""
    reader = tf.train.load_checkpoint(str(path))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(prefix)]
    return {name.removeprefix(prefix): reader.get_tensor(name) for name in names}


def _kernels(values):
    """Kernels of convolutions in the model, by name."""
    return {name: value for name, value in values.items() if name.startswith("model/") and value.ndim == 4}


def _moved(before, after):
    return [name for name, kernel in _kernels(before).items() if (kernel != after[name]).any()]


_STEPS = "optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE"


@pytest.mark.parametrize(("name", "model"), _NAMES)
def test_a_preset_trains_goes_on_and_is_exported(name, model, shards, weights, run_of, tmp_path):
    config = small_presets.config(name, model, weights, xla=False)  # see above
    folder, after_one, after_two = run_of(config)
    assert after_two[_STEPS] == 2
    assert _moved(after_one, after_two)

    distribution.set_precision("float32")
    stage = stages.from_plan(plans.read(folder), shards)
    evaluation = evaluating.of_best(folder, stage, distribution.make_strategy(0), "test")
    assert evaluation.run().image_count > 0
    freezing.save(stage, evaluation.model, tmp_path / "network")
    signature = bundles.signature_of(stage.plan)
    exported = tf.saved_model.load(str(tmp_path / "network")).signatures[signature]
    images = tf.random.stateless_uniform([2, stage.plan.height_px, stage.plan.width_px, 1], [0, 0])
    expected = tf.nest.flatten(stage.predict(evaluation.model, images))
    answers = exported(image=images)
    for output, wanted in zip(freezing.SIGNATURES[signature], expected, strict=True):
        np.testing.assert_allclose(answers[output], wanted, atol=1e-3)


@pytest.mark.parametrize("model", ["whole_image", "tumour", "malignancy", "crop_classifier"])
def test_a_frozen_backbone_keeps_its_weights_until_the_second_phase(model, shards, weights, run_of, tmp_path):
    config = small_presets.config("cloud/comparison_1_gpu", model, weights, xla=False)
    assert isinstance(config, ClassifierConfig)
    assert config.transfer.frozen_steps == 1
    _, after_one, after_two = run_of(config)
    fresh = tf.train.Checkpoint(model=stages.from_config(config, shards).build_initial_model())
    from_file = _kernels(_read(fresh.write(str(tmp_path / "fresh")), ""))
    assert from_file.keys() == _kernels(after_one).keys() != set()  # heads of classifiers have no convolutions
    assert not _moved(from_file, after_one)
    assert _moved(after_one, after_two)


@pytest.mark.parametrize("name", ["detector", "whole_image"])
def test_a_stage_of_each_kind_trains_compiled(name, shards, weights, tmp_path):
    config = small_presets.config(name, name, weights, xla=True)
    loop.train(config, shards, tmp_path)
    assert _weights(tmp_path)[_STEPS] == 2


@pytest.mark.parametrize("name", ["comparison", "cloud/comparison_1_gpu"])
def test_a_comparison_has_the_models_that_its_concepts_ask(name):
    asked = {model for concept in catalogue.CONCEPTS.values() for model in concept.roles}
    assert {model for preset, model in _NAMES if preset == name} == asked
