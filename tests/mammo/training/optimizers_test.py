import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mammo.config.optimizer import OptimizerConfig
from mammo.stages.stage import Phase
from mammo.training import optimizers

_OPTIONS = OptimizerConfig(learning_rate=0.1, warmup_steps=10, final_share=0.01, weight_decay=0.0)


def test_the_rate_rises_to_its_highest_and_falls_along_a_cosine():
    rate = optimizers.build(_OPTIONS, 110, "float32")._learning_rate
    values = [float(rate(step)) for step in (0, 5, 10, 60, 110)]
    np.testing.assert_allclose(values, [0, 0.05, 0.1, 0.1 * (1 + 0.01) / 2, 0.001], atol=1e-6)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_kernels_decay_by_rate_times_decay_and_biases_do_not(kind):
    options = dataclasses.replace(_OPTIONS, kind=kind, warmup_steps=0, weight_decay=0.5)
    optimizer = optimizers.build(options, 100, "float32")
    kernel, bias = tf.Variable([2.0], name="kernel"), tf.Variable([2.0], name="bias")
    optimizer.apply_gradients([(tf.zeros([1]), kernel), (tf.zeros([1]), bias)])
    np.testing.assert_allclose(kernel, 2 * (1 - 0.1 * 0.5), rtol=1e-5)
    np.testing.assert_allclose(bias, 2.0)


def test_weights_that_a_later_phase_adds_move_no_faster_than_its_rate():
    phases = (Phase(0, 1.0), Phase(300, 0.1))
    options = dataclasses.replace(_OPTIONS, warmup_steps=0, final_share=1.0)
    optimizer = optimizers.build(options, 600, "float32", phases)
    head, unlocked = tf.Variable([0.0]), tf.Variable([0.0])
    optimizer.build([head, unlocked])
    for _ in range(300):
        optimizer.apply_gradients([(tf.ones([1]), head)])
    assert float(head[0]) == pytest.approx(-300 * 0.1, rel=1e-3)
    for _ in range(200):
        before = float(unlocked[0])
        optimizer.apply_gradients([(tf.ones([1]), head), (tf.ones([1]), unlocked)])
        assert 0 < before - float(unlocked[0]) < 0.1 * 0.1


def test_under_float16_the_loss_is_scaled():
    assert isinstance(optimizers.build(_OPTIONS, 100, "float16"), tf.keras.mixed_precision.LossScaleOptimizer)
    assert not isinstance(optimizers.build(_OPTIONS, 100, "bfloat16"), tf.keras.mixed_precision.LossScaleOptimizer)
