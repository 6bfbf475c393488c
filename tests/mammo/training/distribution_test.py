import dataclasses
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from mammo.common.errors import InputError
from mammo.config.model import BACKBONES
from mammo.config.run import PRECISIONS
from mammo.stages import stages
from mammo.training import checkpoints, distribution, evaluating, optimizers, steps, workdir
from mammo.training.checkpoints import Checkpoints
from mammo.training.state import TrainState
from tests.mammo.models import short_efficientnet
from tests.mammo.training import disc_shards

_PRECISIONS = tuple(precision for precision in PRECISIONS if precision != "auto")

_short = pytest.fixture(short_efficientnet.in_place_of_b0, autouse=True, scope="module")


@pytest.fixture(autouse=True)
def single_precision():
    yield
    tf.keras.mixed_precision.set_global_policy("float32")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 6, "validation": 3, "test": 3})


def test_more_devices_than_there_are_are_refused_with_their_number():
    with pytest.raises(InputError, match=r"--config\.devices=64, but there are \d+ "):
        distribution.make_strategy(64)


def test_models_of_one_process_share_their_strategy():
    assert distribution.make_strategy(0) is distribution.make_strategy(0)


def test_the_processor_serves_where_there_is_no_gpu():
    strategy = distribution.make_strategy(0)
    assert strategy.num_replicas_in_sync == max(len(tf.config.list_physical_devices("GPU")), 1)


@pytest.mark.parametrize(("stage", "backbone"), [("detector", "csp_darknet_nano"), ("whole_image", "efficientnet_b0")])
@pytest.mark.parametrize("precision", _PRECISIONS)
def test_models_compute_in_the_precision_with_float32_variables_and_answers(precision, backbone, stage, shards):
    assert distribution.set_precision(precision) == precision
    config = disc_shards.config(stage, model__backbone=backbone, model__weights="none", precision=precision)
    made = stages.from_config(config, shards)
    model = made.build_initial_model()
    assert {weight.dtype for weight in model.weights} <= {tf.float32, tf.int64}
    (backbone_model,) = {layer for layer in model.submodules if layer.name in BACKBONES}
    features = backbone_model(tf.zeros([1, *backbone_model.input_shape[1:]]))
    assert {feature.dtype.name for feature in tf.nest.flatten(features)} == {precision}
    convolutions = [layer for layer in model.submodules if isinstance(layer, tf.keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {precision}
    answers = tf.nest.flatten(made.predict(model, tf.zeros([1, 64, 64, 1])))
    assert {answer.dtype for answer in answers if answer.dtype.is_floating} == {tf.float32}


@dataclasses.dataclass
class _Run:
    """A run of two steps in some precision, whose state can be another's."""

    folder: pathlib.Path
    state: TrainState
    step: Callable[[int], steps.StepsResult]


@pytest.fixture(scope="module")
def runs(shards, tmp_path_factory):
    """A run in each precision."""
    return {precision: _train(precision, shards, tmp_path_factory.mktemp(precision)) for precision in _PRECISIONS}


def _train(precision, shards, folder):
    distribution.set_precision(precision)
    config = workdir.settle_config(folder, _of_efficientnet(precision), shards)
    strategy = distribution.make_strategy(0)
    with strategy.scope():
        stage = stages.for_training(config, workdir.settle_plan(folder, config, shards), shards)
        state = TrainState(stage.build_initial_model(), optimizers.build(config.optimizer, 4), 0.9, 0.9)
    run_steps = steps.make_run_steps(stage, state, strategy)
    batches = iter(strategy.distribute_datasets_from_function(lambda context: stage.build_training_dataset(context, 0)))
    run = _Run(folder, state, lambda count: run_steps(batches, tf.constant(count), 0))
    state.loss_scale.assign(2.0**6)  # at its first, float16 overflows, and updates are left out
    run.step(2)
    saved = Checkpoints(folder, state)
    saved.save_best()
    saved.save_last()
    return run


def _of_efficientnet(precision):
    changes = {"train_steps": 2, "evaluate_every_steps": 2, "input__batch_size": 2, "averaged_looks": 1}
    return disc_shards.config(
        "whole_image", model__backbone="efficientnet_b0", model__weights="none", precision=precision, **changes
    )


@pytest.fixture(scope="module")
def answers_in(shards, runs):
    """By the precision that reads, then by that of the run: probabilities of the test split, float32 [images, 3]."""
    answers: dict[str, dict[str, np.ndarray]] = {}
    for reads in _PRECISIONS:
        distribution.set_precision(reads)
        stage = stages.from_config(_of_efficientnet(reads), shards)
        strategy = distribution.make_strategy(0)
        evaluation = evaluating.of_best(runs["float32"].folder, stage, strategy, "test")
        answers[reads] = {}
        for trained, run in runs.items():
            checkpoints.load_best(run.folder, evaluation.model)
            sink = _Answers()
            evaluation.run_into(sink)
            answers[reads][trained] = np.concatenate(sink.seen)
    return answers


class _Answers:
    """Keeps what is predicted."""

    image_count = 3

    def __init__(self):
        self.seen = []

    def update(self, batch, predictions):
        self.seen.append(predictions[batch.is_real])


@pytest.mark.parametrize("goes_on", _PRECISIONS)
def test_a_run_of_any_precision_goes_on_in_any_other(goes_on, shards, runs, tmp_path):
    state = runs[goes_on].state
    for trained, run in runs.items():
        shutil.copytree(run.folder, tmp_path / trained)
        workdir.settle_config(tmp_path / trained, _of_efficientnet(goes_on), shards)  # which is not refused
        assert Checkpoints(tmp_path / trained, state).restore_last()
        before = state.model.get_weights()
        assert state.step == 2
        state.loss_scale.assign(2.0**6)
        result = runs[goes_on].step(1)
        assert (state.step, int(result.failed_step)) == (3, -1)
        assert any((one != other).any() for one, other in zip(before, state.model.get_weights(), strict=True))
        assert {variable.dtype.name for variable in state.variables} <= {"float32", "float64", "int64"}


@pytest.mark.parametrize("trained", _PRECISIONS)
@pytest.mark.parametrize("reads", _PRECISIONS)
def test_a_run_of_any_precision_is_evaluated_in_any_other(trained, reads, answers_in):
    answers = answers_in[reads][trained]
    assert answers.shape == (3, 3)
    np.testing.assert_allclose(answers.sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(answers, answers_in["float32"][trained], atol=0.02)


def test_auto_takes_what_is_fast_here():
    assert distribution.set_precision("auto") in ("float32", "bfloat16")
