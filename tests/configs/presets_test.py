"""Each preset as it is, but for its size: images of 64 px, batches of two, few channels, a short EfficientNet.

To trace, train, save, resume, evaluate and export one model takes some 50 seconds of a core, whatever its size, and
there are twenty. So the whole way is gone by one model of each kind, which the others share their code with: for two
cores here, for GPUs in `cloud`, compiled and in bfloat16. Each of the others makes one update without a graph: its
data, its augmentation, its network with its weights, its loss, its gradients and what it learns in each phase.
"""

import pytest
import tensorflow as tf

from mammo.concepts import catalogue
from mammo.stages import stages
from mammo.training import distribution
from tests.configs import preset_runs, small_presets

_MODELS = list(small_presets.names())
_WHOLE_WAY = [("detector", "detector"), ("whole_image", "whole_image")]


@pytest.fixture(autouse=True)
def single_precision():
    yield
    distribution.set_precision("float32")


@pytest.mark.parametrize(("name", "model"), _WHOLE_WAY)
def test_a_preset_trains_resumes_and_is_exported(name, model, shards, weights, tmp_path):
    config = small_presets.config(name, model, weights)
    preset_runs.train_in_two(config, shards, tmp_path / "run")
    preset_runs.evaluate_and_export(shards, tmp_path / "run", tmp_path / "network")


@pytest.mark.parametrize(
    ("name", "model"), [each for each in _MODELS if each not in (*small_presets.TRAINED_COMPILED, *_WHOLE_WAY)]
)
def test_each_other_model_has_a_loss_and_gradients_in_each_phase(name, model, shards, weights):
    config = small_presets.config(name, model, weights)
    distribution.set_precision(config.precision)
    stage = stages.from_config(config, shards)
    network = stage.build_initial_model()
    batch = next(iter(stage.build_training_dataset(tf.distribute.InputContext(), 0)))
    with tf.GradientTape(persistent=True) as tape:
        varied = stage.augment(batch, tf.constant([config.seed, 0]))
        total = stage.loss(varied, stage.forward(network, varied)).total
    assert tf.math.is_finite(total)
    for phase in range(len(stage.phases)):
        learnt = stage.learnt(network, phase)
        gradients = tape.gradient(total, learnt)
        assert learnt
        assert all(gradient is not None and tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients)


@pytest.mark.parametrize("name", ["comparison", "cloud/comparison_1_gpu"])
def test_a_comparison_has_the_models_of_the_concepts_of_the_study(name):
    there = {model for preset, model in _MODELS if preset == name}
    whole = [concept.name for concept in catalogue.CONCEPTS.values() if set(concept.roles) <= there]
    assert whole == [each for each in catalogue.CONCEPTS if each != "joint" or name.startswith("cloud/")]
    assert there == {role for each in whole for role in catalogue.CONCEPTS[each].roles}
