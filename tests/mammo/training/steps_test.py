"""What one update is made from does not depend on how the global batch was split."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mammo.config.augmentation import AugmentationConfig
from mammo.data.batch import grey_levels
from mammo.stages import stages
from mammo.training import distribution, optimizers
from mammo.training import steps as steps_lib
from mammo.training.state import TrainState
from tests.mammo.models import short_darknet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

_NOT_VARIED = AugmentationConfig.off()
_PRECISE: dict[str, Any] = {
    "optimizer__kind": "sgd",
    "optimizer__learning_rate": 0.01,
    "optimizer__warmup_steps": 0,
    "optimizer__normaliser_decay": 0.0,
    "model__batch_norm_momentum": 0.99,
    "loss__box_weight": 1.0,
}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 24, "validation": 6, "test": 6})


def _trained(
    shards,
    replicas,
    steps=2,
    batches=None,
    xla=False,
    shares_batch_norm=False,
    freezes_batch_norm=False,
    loss_scale=None,
    augmentation=_NOT_VARIED,
    **changes,
):
    """Trains some steps, and returns the weights before and after, the result of the call, and the state."""
    config = disc_shards.config(**{**_PRECISE, **changes}, xla=xla)
    config = dataclasses.replace(config, augmentation=augmentation)
    strategy = distribution._mirrored(("CPU:0", "CPU:1")[:replicas])
    tf.keras.utils.set_random_seed(1)
    with strategy.scope():
        stage = stages.from_config(config, shards)
        model = stage.build_initial_model()
        if shares_batch_norm:
            distribution.share_batch_norm(model)
        if freezes_batch_norm:
            _freeze_batch_norm(model)
        options = config.optimizer
        state = TrainState(model, optimizers.build(options, 10), options.averages_decay, options.normaliser_decay)
    if loss_scale:
        state.loss_scale.assign(loss_scale)
    before = [weight.numpy() for weight in model.weights]
    dataset = batches or (lambda context: stage.build_training_dataset(context, 0))
    iterator = iter(strategy.distribute_datasets_from_function(dataset))
    run_steps = steps_lib.make_run_steps(stage, state, strategy)
    result = run_steps(iterator, tf.constant(steps), 0)
    return before, [weight.numpy() for weight in model.weights], result, state


def _freeze_batch_norm(model):
    """Has batch normalisation take its stored statistics, so that images of a batch do not depend on each other."""
    layers = [layer for layer in model.submodules if isinstance(layer, tf.keras.layers.BatchNormalization)]
    assert layers
    for layer in layers:
        layer.trainable = False


@pytest.fixture(scope="module")
def one_step(shards):
    """What one step of one replica in float32 makes, to hold others against."""
    return _trained(shards, 1, steps=1)


def _assert_same(first, second, within):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=within)


def test_two_replicas_make_the_updates_of_one(shards):
    varied = {
        "steps": 1,
        "shares_batch_norm": True,
        "augmentation": AugmentationConfig(),
        "optimizer__normaliser_decay": 0.9,
    }
    before, one, _, of_one = _trained(shards, 1, input__batch_size=4, **varied)
    same, two, _, of_two = _trained(shards, 2, input__batch_size=2, **varied)
    _assert_same(before, same, 0)
    assert max(np.abs(after - start).max() for after, start in zip(one, before, strict=True)) > 1e-3
    _assert_same(one, two, 1e-6)
    _assert_same(of_one.averages.values(), of_two.averages.values(), 1e-6)
    assert {float(copy.numpy()) for copy in of_two.normaliser.values} == {float(of_one.normaliser.numpy())}
    with of_one.averages.in_place() as first, of_two.averages.in_place() as second:
        _assert_same(first.get_weights(), second.get_weights(), 1e-6)
        assert any((weight != end).any() for weight, end in zip(first.get_weights(), one, strict=True))
    _assert_same([weight.numpy() for weight in of_two.model.weights], two, 0)


def test_two_compiled_replicas_make_the_updates_of_one_and_agree_on_the_statistics(shards):
    """Of batch normalisation each has its own, and their mean is kept; frozen, an update is that of one replica."""
    frozen = {"steps": 1, "freezes_batch_norm": True, "xla": True, "augmentation": AugmentationConfig()}
    before, one, _, _ = _trained(shards, 1, input__batch_size=4, **frozen)
    _, two, _, _ = _trained(shards, 2, input__batch_size=2, **frozen)
    _assert_same(one, two, 1e-6)
    assert max(np.abs(after - start).max() for after, start in zip(one, before, strict=True)) > 1e-3

    # XLA's generator draws other numbers than TensorFlow's, so that nothing is varied here.
    _, own, _, state = _trained(shards, 2, steps=1, input__batch_size=2)
    _, compiled, _, _ = _trained(shards, 2, steps=1, input__batch_size=2, xla=True)
    _assert_same(own, compiled, 1e-4)
    layers = [layer for layer in state.model.submodules if isinstance(layer, tf.keras.layers.BatchNormalization)]
    means = [layer.moving_mean for layer in layers]
    assert any((mean.numpy() != 0).any() for mean in means)
    for mean in means:
        first, second = (copy.numpy() for copy in mean.values)
        np.testing.assert_array_equal(first, second)


def test_micro_batches_make_the_update_of_the_batch_that_they_are_parts_of(shards):
    # Batch normalisation alone sees micro-batches: without it, nothing may differ.
    frozen = {"steps": 1, "freezes_batch_norm": True}
    before, one, whole, of_whole = _trained(shards, 1, **frozen)
    same, other, parts, of_parts = _trained(shards, 1, input__batch_size=2, accumulate=2, **frozen)
    _assert_same(before, same, 0)
    assert max(np.abs(after - start).max() for after, start in zip(one, before, strict=True)) > 1e-3
    _assert_same(one, other, 1e-6)
    assert of_whole.averages.values()
    _assert_same(of_whole.averages.values(), of_parts.averages.values(), 1e-6)
    assert float(whole.scalars["normaliser"]) == float(parts.scalars["normaliser"]) > 1
    assert int(whole.position) == int(parts.position)
    np.testing.assert_allclose(whole.scalars["loss/total"], parts.scalars["loss/total"], rtol=1e-5)


def test_a_batch_without_a_lesion_is_divided_by_one_and_moves_the_weights(shards):
    def only_normal(context):
        config = disc_shards.config(**_PRECISE)
        return stages.from_config(config, shards).build_training_dataset(context, 0).map(_without_lesions)

    before, after, result, _ = _trained(shards, 1, steps=1, batches=only_normal)
    assert float(result.scalars["normaliser"]) == 1
    assert float(result.scalars["gradient_norm"]) > 0
    assert any((start != end).any() for start, end in zip(before, after, strict=True))


def test_a_loss_that_is_not_finite_is_told_with_its_step_and_images(shards):
    def third_is_broken(context):
        dataset = stages.from_config(disc_shards.config(**_PRECISE), shards).build_training_dataset(context, 0)
        return dataset.enumerate().map(
            lambda index, batch: batch._replace(image=grey_levels(batch.image) / tf.cast(index != 2, tf.float32))
        )

    result = _trained(shards, 1, steps=4, batches=third_is_broken)[2]
    assert int(result.failed_step) == 2
    assert len(result.failed_keys) == 4
    assert set(result.failed_keys.numpy()) <= set(shards.describe("train"))


# At its first scale, 2**15, float16 overflows, and the optimiser leaves the step out: nothing would be compared.
@pytest.mark.parametrize(("precision", "loss_scale", "within"), [("bfloat16", None, 0.2), ("float16", 2.0**6, 0.05)])
def test_lower_precision_makes_nearly_the_same_updates(shards, one_step, precision, loss_scale, within):
    try:
        distribution.set_precision(precision)
        before, low, result, state = _trained(shards, 1, steps=1, precision=precision, loss_scale=loss_scale)
    finally:
        distribution.set_precision("float32")
    assert np.isfinite(float(result.scalars["loss/total"]))
    start, end, _, of_single = one_step
    _assert_same(start, before, 0)
    assert {weight.dtype for weight in low if weight.dtype.kind == "f"} == {np.dtype(np.float32)}
    update, made = (_joined(start, after) for after in (end, low))
    assert np.linalg.norm(made - update) < within * np.linalg.norm(update)
    update, made = of_single.averages.vector.numpy(), state.averages.vector.numpy()
    assert 0 < np.linalg.norm(made - update) < 0.01 * np.linalg.norm(update)


@pytest.mark.parametrize(("precision", "loss_scale"), [("bfloat16", None), ("float16", 2.0**6)])
def test_in_lower_precision_micro_batches_make_nearly_the_update_of_their_batch(shards, precision, loss_scale):
    changes = {"steps": 1, "freezes_batch_norm": True, "precision": precision, "loss_scale": loss_scale}
    try:
        distribution.set_precision(precision)
        before, one, _, _ = _trained(shards, 1, **changes)
        _, other, _, _ = _trained(shards, 1, input__batch_size=2, accumulate=2, **changes)
    finally:
        distribution.set_precision("float32")
    update, made = _joined(before, one), _joined(before, other)
    assert np.linalg.norm(update) > 0
    assert np.linalg.norm(made - update) < 0.05 * np.linalg.norm(update)


@pytest.mark.parametrize("xla", [False, True])
def test_a_float16_gradient_that_overflows_is_left_out_and_halves_the_scale(shards, xla):
    try:
        distribution.set_precision("float16")
        before, after, result, state = _trained(shards, 1, steps=1, precision="float16", loss_scale=2.0**30, xla=xla)
    finally:
        distribution.set_precision("float32")
    assert (state.step, int(result.failed_step), float(result.scalars["loss_scale"])) == (0, -1, 2.0**30)
    assert not np.isfinite(float(result.scalars["gradient_norm"]))
    assert float(state.loss_scale.numpy()) == 2.0**29
    learnt = {weight.name for weight in state.model.trainable_variables}
    for weight, start, end in zip(state.model.weights, before, after, strict=True):
        assert weight.name not in learnt or (start == end).all()


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_in_lower_precision_a_loss_that_is_not_finite_is_told(shards, precision):
    def broken(context):
        dataset = stages.from_config(disc_shards.config(**_PRECISE), shards).build_training_dataset(context, 0)
        return dataset.map(lambda batch: batch._replace(image=grey_levels(batch.image) / 0.0))

    try:
        distribution.set_precision(precision)
        result = _trained(shards, 1, steps=1, batches=broken, precision=precision)[2]
    finally:
        distribution.set_precision("float32")
    assert int(result.failed_step) == 0


def _joined(before, after):
    """The whole update as one vector; averages begin where the weights do."""
    return np.concatenate([(end - start).ravel() for start, end in zip(before, map(np.asarray, after), strict=True)])


def test_xla_makes_the_same_updates(shards, one_step):
    _, compiled, _, _ = _trained(shards, 1, steps=1, xla=True)
    _assert_same(one_step[1], compiled, 1e-4)


def _without_lesions(batch):
    return batch._replace(boxes=-tf.ones_like(batch.boxes), classes=-tf.ones_like(batch.classes))
