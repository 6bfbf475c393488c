import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mammo.config.optimizer import OptimizerConfig
from mammo.stages.stage import Phase
from mammo.training import optimizers

_OPTIONS = OptimizerConfig(learning_rate=0.1, warmup_steps=10, final_share=0.01, weight_decay=0.0)
_KERAS = {
    "adamw": lambda decay: tf.keras.optimizers.AdamW(0.03, weight_decay=decay),
    "sgd": lambda decay: tf.keras.optimizers.SGD(0.03, momentum=0.9, nesterov=True, weight_decay=decay),
}


def test_the_rate_rises_to_its_highest_and_falls_along_a_cosine():
    rate = optimizers.build(_OPTIONS, 110).rate
    values = [float(rate(tf.constant(step, tf.int64))) for step in (0, 5, 10, 60, 110)]
    np.testing.assert_allclose(values, [0, 0.05, 0.1, 0.1 * (1 + 0.01) / 2, 0.001], atol=1e-6)


@pytest.mark.parametrize("kind", sorted(_KERAS))
def test_updates_are_those_of_keras(kind):
    keras_optimizer = _KERAS[kind](0.2)
    keras_optimizer.exclude_from_weight_decay(var_names=optimizers.NOT_DECAYED)
    weights = [tf.Variable(tf.random.stateless_normal([3, 2], [0, 1]), name="kernel"), tf.Variable([1.0], name="bias")]
    own = [tf.Variable(weight, name=weight.name.partition(":")[0]) for weight in weights]
    optimizer = optimizers.with_rate(OptimizerConfig(kind=kind, weight_decay=0.2), lambda updates: tf.constant(0.03))
    moments = [[tf.zeros([weight.shape.num_elements()]) for _ in optimizer.moments] for weight in own]
    for updates in range(5):
        gradients = [tf.random.stateless_normal(weight.shape, [1, updates]) for weight in weights]
        keras_optimizer.apply_gradients(zip(gradients, weights, strict=True))
        for index, (weight, gradient) in enumerate(zip(own, gradients, strict=True)):
            rate, count = tf.constant(0.03), tf.constant(updates, tf.int64)
            change, moments[index] = optimizer.change(tf.reshape(gradient, [-1]), moments[index], rate, count)
            weight.assign(weight * optimizer.kept_share(weight, rate) - tf.reshape(change, weight.shape))
    for weight, expected in zip(own, weights, strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-5, atol=1e-7)
    assert abs(float(own[1][0]) - 1) > 0.01


def test_a_rate_of_phases_takes_their_share_and_ramps_up_in_all_but_the_first():
    options = dataclasses.replace(_OPTIONS, warmup_steps=0, final_share=1.0)
    rate = optimizers.build(options, 6000, (Phase(0, 1.0), Phase(300, 0.1))).rate
    values = [float(rate(tf.constant(step, tf.int64))) for step in (0, 299, 300, 799, 1299, 5000)]
    np.testing.assert_allclose(values, [0.1, 0.1, 0.00001, 0.005, 0.01, 0.01], rtol=1e-5)
